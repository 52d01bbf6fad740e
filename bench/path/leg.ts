import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { within } from './load.ts';
import type { Client } from './client.ts';
import { plain, type Launch } from './probe.ts';

/** What stands between client and server. */
export type Kind = 'direct' | 'bare' | 'ours' | 'peer';

/** One way from a client to a server, with everything that is started for it. */
export interface Leg {
  readonly name: string;
  readonly kind: Kind;
  /** @param launch how the program in its middle is started, for a look into it */
  start(launch: Launch): Promise<Running>;
}

export interface Running {
  readonly client: Client;
  /** One more client with a session of its own; absent where the client starts the whole way. */
  readonly another?: () => Promise<Client>;
  /** What stands between client and server; its descendants belong to it, servers do not. */
  readonly roots: readonly number[];
  readonly stop: () => Promise<void>;
}

const started = new Set<ChildProcess>();

/** Notes a child process, so that nothing is left when a way did not get as far as to be stopped. */
export function own<T extends ChildProcess>(child: T): T {
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

/** At the end of the bench, whatever its reason. */
export function endOwned(): void {
  for (const child of started) child.kill('SIGKILL');
}

const START_MS = 30_000;
const STOP_MS = 10_000;

/** Starts a leg, or throws with the reason why it cannot be run. */
export const startLeg = (leg: Leg, launch: Launch = plain): Promise<Running> =>
  within(START_MS, `start of ${leg.name}`, leg.start(launch));

/** Ends a child process: politely, then for sure. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await within(STOP_MS, `end of process ${child.pid}`, gone).catch(async () => {
    child.kill('SIGKILL');
    await gone;
  });
}

/** Waits until a program that was told to end by the end of its input has ended, and ends it otherwise. */
export async function awaitEnd(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await within(3_000, 'end', once(child, 'exit')).catch(() => endChild(child));
}
