import type { Clock } from '../../shared/base/clock.ts';
import type { Diagnosis } from '../../shared/model/snapshot.ts';
import type { ServerActionResult } from '../../shared/protocol/engineMessages.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { ProcessList } from '../state/processList.ts';
import { markOf, runningProcesses, type RunningProcess } from '../state/processTable.ts';
import type { Connection } from '../upstream/connection.ts';
import { findPortHolder, type PortHolder } from './diagnosis/portHolder.ts';
import { endGroups } from './orphans.ts';

export interface PortCareOptions {
  readonly clock: Clock;
  readonly window: string;
  /** The processes of this engine. */
  readonly processes: ProcessList;
}

/** Who holds the port of a server. `stale`: left by an earlier run of the same server; the only one that may be ended. */
type Ownership =
  | { readonly kind: 'stale'; readonly process: RunningProcess }
  | { readonly kind: 'sameServer' }
  | { readonly kind: 'otherServer'; readonly server: string }
  | { readonly kind: 'stranger' };

const listening = ({ program, pid }: PortHolder): string =>
  program === '' ? `process ${pid}` : `"${program}" (process ${pid})`;

/** Finds out who holds the port that a server could not get, and frees it when that is a process the server itself has left (requirements R5.5). */
export class PortCare {
  readonly #options: PortCareOptions;
  readonly #searches = new Map<number, Promise<PortHolder | undefined>>();

  constructor(options: PortCareOptions) {
    this.#options = options;
  }

  /** A connection has failed: when a port was the reason, its holder is added to the diagnosis as soon as it is known. */
  look(server: ServerRuntime, connection: Connection): void {
    const { crash } = connection;
    if (crash?.cause === 'portInUse' && crash.port !== undefined && crash.holder === undefined)
      void this.#explain(server, connection, crash, crash.port);
  }

  async #explain(
    server: ServerRuntime,
    connection: Connection,
    crash: Diagnosis,
    port: number,
  ): Promise<void> {
    const holder = await this.#search(port);
    if (holder === undefined) return;
    const { kind, ...more } = await this.#ownership(server.name, holder);
    // Meanwhile it may have failed for another reason, or be up.
    if (connection.crash !== crash) return;
    const other = 'server' in more ? more.server : '';
    const words = {
      stale: `It was left by an earlier run of this server: "Free the Port" ends it.`,
      sameServer:
        'It is this server itself, running for another client. If it allows only one at a time, set "lifeline.instances" to "single" in its entry.',
      otherServer: `It is the server "${other}".`,
      stranger: 'It is no process of this server.',
    }[kind];
    connection.explain({
      ...crash,
      sentence: `${crash.sentence} Port ${port} is held by ${listening(holder)}. ${words}`.slice(0, 4_000),
      holder: { ...holder, isStale: kind === 'stale' },
    });
    server.touch();
  }

  /** Several connections of a server fail at the same port at the same time. */
  #search(port: number): Promise<PortHolder | undefined> {
    let search = this.#searches.get(port);
    if (search === undefined) {
      search = findPortHolder(port).finally(() => this.#searches.delete(port));
      this.#searches.set(port, search);
    }
    return search;
  }

  async #ownership(server: string, { pid }: PortHolder): Promise<Ownership> {
    const { processes, window } = this.#options;
    const found = (await runningProcesses()).find((one) => one.pid === pid);
    if (found === undefined) return { kind: 'stranger' };
    const owner = processes.serverOf(found.group);
    if (owner !== undefined)
      return owner === server ? { kind: 'sameServer' } : { kind: 'otherServer', server: owner };
    if (!found.carries(markOf(window, server))) return { kind: 'stranger' };
    // A helper in a group of its own may belong to a run that is in use now, unless it is older than all of them.
    const isOlder = processes.of(server).every(({ startTime }) => isBefore(found.startTime, startTime));
    return isOlder ? { kind: 'stale', process: found } : { kind: 'sameServer' };
  }

  /**
   * Ends the stale process of the same server that holds its port, and starts the server again. Refuses, and says who holds the port, when it is
   * anybody else. Never rejects.
   */
  async free(server: ServerRuntime): Promise<ServerActionResult> {
    const { name } = server;
    const refuse = (message: string): ServerActionResult => ({ done: false, message });
    const down = [...server.sessions].flatMap(({ connection }) =>
      connection?.crash?.cause === 'portInUse' ? [connection] : [],
    );
    const port = down.find(({ crash }) => crash?.port !== undefined)?.crash?.port;
    if (down.length === 0) return refuse(`"${name}" has no port to free: it does not fail because of one.`);
    if (port === undefined) return refuse(`"${name}" does not say which port it needs, so none was freed.`);
    const holder = await findPortHolder(port);
    if (holder === undefined)
      return refuse(
        `It could not be found out who holds port ${port}; it may be free by now, or belong to another user.`,
      );
    const ownership = await this.#ownership(name, holder);
    if (ownership.kind !== 'stale') return refuse(refusal(name, port, holder, ownership));
    const { group } = ownership.process;
    if (group === process.pid || (await this.#hasStrangers(group, name)))
      return refuse(
        `Port ${port} is held by ${listening(holder)}, which runs together with other programs; end it by hand.`,
      );
    const left = await endGroups(new Set([group]), this.#options.clock);
    if (left.size > 0) return refuse(`${listening(holder)} holds port ${port} and could not be ended.`);
    for (const connection of down) if (connection.crash !== undefined) connection.forceRestart();
    return {
      done: true,
      message: `Port ${port} is free: ${listening(holder)}, left by an earlier run of "${name}", was ended. The server is started again.`,
    };
  }

  /** Somebody in that group is not of this server: a shell, say, in which a person has started more. */
  async #hasStrangers(group: number, server: string): Promise<boolean> {
    const mark = markOf(this.#options.window, server);
    return (await runningProcesses()).some((one) => one.group === group && !one.carries(mark));
  }
}

/** Start times of Linux are counted in ticks; elsewhere nothing is known. */
function isBefore(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && Number(one) < Number(other);
}

function refusal(name: string, port: number, holder: PortHolder, ownership: Ownership): string {
  const who = `Port ${port} is held by ${listening(holder)}`;
  switch (ownership.kind) {
    case 'sameServer':
      return `${who}: "${name}" itself, which runs for another client. It was left alone. If the server allows only one at a time, set "lifeline.instances" to "single" in its entry.`;
    case 'otherServer':
      return `${who}: the server "${ownership.server}". It was left alone; give one of them another port.`;
    case 'stranger':
    case 'stale':
      return `${who}, which is no process that "${name}" has left. It was not touched: end it yourself, or give the server another port.`;
  }
}
