import type { CallClient } from '../../test/support/callClient.ts';
import type { ServerEntry } from '../../test/support/testEngine.ts';
import { pause, type HttpServer, type Stage } from './stage.ts';

export type ChaosKind =
  | 'server SIGKILL'
  | 'server SIGSTOP'
  | 'HTTP server SIGKILL'
  | 'sessions forgotten'
  | 'bridge SIGKILL'
  | 'engine SIGKILL';

/** How often each fault comes, relative to the others. */
export type Weights = Readonly<Record<ChaosKind, number>>;
export const everyFault: Weights = {
  'server SIGKILL': 6,
  'server SIGSTOP': 4,
  'HTTP server SIGKILL': 2,
  'sessions forgotten': 2,
  'bridge SIGKILL': 3,
  'engine SIGKILL': 1,
};

/** A process for each session, one process for all sessions, a pool of two for all, and HTTP. */
export function serversOf(stage: Stage, http: HttpServer): Record<string, ServerEntry> {
  return {
    own: stage.stdio(),
    shared: stage.stdio({ instances: 'single' }),
    pooled: stage.stdio({ pool: 2 }),
    http: http.entry(),
  };
}
const names = ['own', 'shared', 'pooled', 'http'];

/** What an HTTP server does wrong by itself, as chances of a call. */
export const httpFaults = {
  reset: 0.003,
  resetAfter: 0.003,
  cut: 0.003,
  lose: 0.001,
  busy: 0.002,
  down: 0.002,
  retryAfter: 0,
};
/** Part of the calls that the client takes back. */
export const CANCEL_RATIO = 0.02;
const MAX_STOP_MS = 700;

/** Random faults, one after another, drawn from the stage's seed; what else happens then is up to the machine. */
export class Chaos {
  readonly #stage: Stage;
  readonly #http: HttpServer;
  /** The clients under load: one that is killed is replaced in its place. */
  readonly clients: CallClient[] = [];
  readonly #servers: string[] = [];
  readonly counts = new Map<ChaosKind, number>();
  #goesOn = true;

  constructor(stage: Stage, http: HttpServer) {
    this.#stage = stage;
    this.#http = http;
  }

  /** Opens so many sessions with each server of `serversOf`. */
  async open(ofEach: number): Promise<void> {
    for (const server of names) {
      this.clients.push(...(await this.#stage.bridges(server, ofEach)));
      this.#servers.push(...Array.from({ length: ofEach }, () => server));
    }
  }

  /** Ends all sessions, in order. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
    this.clients.length = 0;
    this.#servers.length = 0;
  }

  /** Until `stop`: a fault, then a pause of `everyMs` on average. */
  async run(weights: Weights, everyMs: number): Promise<void> {
    this.#goesOn = true;
    while (this.#isOn()) {
      await pause(this.#stage.random() * 2 * everyMs);
      if (!this.#isOn()) return;
      const kind = this.#stage.pick(weights) as ChaosKind;
      await this.#do(kind);
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    }
  }

  #isOn(): boolean {
    return this.#goesOn;
  }

  stop(): void {
    this.#goesOn = false;
  }

  async #do(kind: ChaosKind): Promise<void> {
    const { random } = this.#stage;
    switch (kind) {
      case 'server SIGKILL':
        this.#signal(await this.#anyPid(), 'SIGKILL');
        return;
      case 'server SIGSTOP': {
        const pid = await this.#anyPid();
        this.#signal(pid, 'SIGSTOP');
        await pause(random() * MAX_STOP_MS);
        this.#signal(pid, 'SIGCONT');
        return;
      }
      case 'HTTP server SIGKILL':
        await this.#http.kill();
        await pause(random() * 300);
        await this.#http.start();
        return;
      case 'sessions forgotten':
        this.#http.forget();
        return;
      case 'bridge SIGKILL': {
        const index = Math.floor(random() * this.clients.length);
        const old = this.clients[index]!;
        this.clients[index] = await this.#stage.bridge(this.#servers[index]!);
        await old.kill();
        return;
      }
      case 'engine SIGKILL':
        await this.#stage.killEngine();
    }
  }

  async #anyPid(): Promise<number | undefined> {
    const name = this.#stage.pick({ own: 1, shared: 1, pooled: 1 });
    const { pids } = await this.#stage.server(name);
    return pids[Math.floor(this.#stage.random() * pids.length)];
  }

  #signal(pid: number | undefined, signal: NodeJS.Signals): void {
    try {
      if (pid !== undefined) process.kill(pid, signal);
    } catch {
      // ended meanwhile
    }
  }

  /** For the reader: how often what happened. */
  get summary(): string {
    return [...this.counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
  }
}
