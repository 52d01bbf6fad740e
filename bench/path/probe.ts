import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from './load.ts';

export interface Look {
  /** After a full collection. */
  readonly heapMb: number;
  /** How late the event loop was since the last look; undefined at the first. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number } | undefined;
}

const LOOK_MS = 10_000;

/** How the program of a leg is started when it is to be looked into. */
export interface Launch {
  readonly nodeArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export const plain: Launch = { nodeArgs: [], env: {} };

/** A way to look into one program; nothing is added to it but what Node loads before it. */
export class Probe implements Launch {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lifeline-probe-'));
  readonly #socket = join(this.#folder, 'p');
  readonly nodeArgs = ['--import', join(import.meta.dirname, 'programs', 'probe.mjs')];
  readonly env = { PROBE_SOCKET: this.#socket };

  async look(): Promise<Look> {
    const answer = new Promise<string>((resolve, reject) => {
      let received = '';
      createConnection({ path: this.#socket })
        .setEncoding('utf8')
        .on('data', (chunk: string) => (received += chunk))
        .on('end', () => resolve(received))
        .on('error', reject);
    });
    const { heapUsed, delay } = JSON.parse(await within(LOOK_MS, 'a look into the program', answer)) as {
      heapUsed: number;
      delay?: { p50: number; p99: number; max: number };
    };
    return { heapMb: heapUsed / 1_048_576, delayMs: delay };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
