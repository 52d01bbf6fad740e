import type {
  OutgoingRequest,
  Transport,
  TransportListener,
  Verdict,
} from '../../src/engine/upstream/transport.ts';
import { Fault } from '../../src/shared/model/fault.ts';
import type { SimulatedTime } from './simulatedTime.ts';

/** What happens to a server and the way to it, whatever process of it is running. */
export interface Conditions {
  /** Processes of it get a pid. */
  readonly isLocal: boolean;
  /** Somebody stopped it (SIGSTOP) until then. */
  stoppedUntil: number;
  /** Nothing comes through the network until then. */
  networkDownUntil: number;
}

interface Message {
  readonly id?: string;
  readonly method: string;
  readonly params?: { readonly arguments?: { readonly ms: number; readonly sync: boolean } };
}

interface Job {
  readonly ms: number;
  readonly done: (at: number) => void;
}

const ONE_WAY_MS = { local: 0.1, remote: 20 };
const PING_MS = 0.5;
const encoder = new TextEncoder();
let lastPid = 1_000;

/**
 * A model of a server with one thread: what it is sent waits while it works (`sync`), a call that only waits for others (not `sync`) does not
 * hold it up. It can be stopped for a while, or hang for good.
 */
export class SimulatedServer implements Transport {
  readonly pid: number | undefined;
  readonly requestsAreIndependent: boolean;
  /** Says nothing any more. */
  isHung = false;
  readonly #time: SimulatedTime;
  readonly #listener: TransportListener;
  readonly #conditions: Conditions;
  readonly #oneWayMs: number;
  #isWorking = false;
  #hasEnded = false;
  readonly #jobs: Job[] = [];

  constructor(time: SimulatedTime, conditions: Conditions, listener: TransportListener) {
    this.#time = time;
    this.#conditions = conditions;
    this.#listener = listener;
    this.pid = conditions.isLocal ? (lastPid += 1) : undefined;
    this.requestsAreIndependent = !conditions.isLocal;
    this.#oneWayMs = conditions.isLocal ? ONE_WAY_MS.local : ONE_WAY_MS.remote;
    time.outside(time.now() + 50, () => listener.onOpened());
  }

  request({ id, line }: OutgoingRequest, settled: (verdict: Verdict) => void): void {
    this.#time.outside(this.#time.now(), () => settled({ kind: 'written' }));
    const message = JSON.parse(typeof line === 'string' ? line : new TextDecoder().decode(line)) as Message;
    this.#carry((at) => this.#take(id, message, at));
  }

  notify(_message: Uint8Array | string, settled?: (verdict: Verdict) => void): void {
    this.#time.outside(this.#time.now(), () => settled?.({ kind: 'written' }));
  }

  /** One way through the network, when it is there. */
  #carry(arrive: (at: number) => void, from = this.#time.now()): void {
    const leaves = Math.max(from, this.#conditions.isLocal ? 0 : this.#conditions.networkDownUntil);
    this.#time.outside(leaves + this.#oneWayMs, arrive);
  }

  #take(id: string, message: Message, at: number): void {
    const { ms, sync } = message.params?.arguments ?? { ms: PING_MS, sync: true };
    const answer = (now: number): void => this.#answer(id, message.method, now);
    if (sync) this.#enqueue({ ms, done: answer }, at);
    else {
      // The thread is free while it waits for others, and must be free again to answer.
      const goOn = (now: number): void => this.#enqueue({ ms: PING_MS, done: answer }, now);
      this.#enqueue({ ms: PING_MS, done: (now) => this.#time.outside(now + ms, goOn) }, at);
    }
  }

  // --- its one thread ---

  #enqueue(job: Job, at: number): void {
    this.#jobs.push(job);
    if (!this.#isWorking) this.#work(at);
  }

  #work(at: number): void {
    const job = this.#jobs.shift();
    this.#isWorking = job !== undefined;
    if (job === undefined) return;
    const begins = Math.max(at, this.#conditions.stoppedUntil);
    this.#time.outside(begins + job.ms, (now) => this.#finish(job, now));
  }

  #finish(job: Job, at: number): void {
    if (this.isHung || this.#hasEnded) return;
    const { stoppedUntil } = this.#conditions;
    if (stoppedUntil > at) this.#time.outside(stoppedUntil, (now) => this.#finish(job, now));
    else {
      job.done(at);
      this.#work(at);
    }
  }

  #answer(id: string, method: string, at: number): void {
    const hello = '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s"}}';
    const result = method === 'initialize' ? hello : '{}';
    const line = encoder.encode(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    this.#carry(() => {
      if (!this.#hasEnded) this.#listener.onLines([line]);
    }, at);
  }

  stop(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    this.#hasEnded = true;
    return new Promise((resolve) => {
      this.#time.outside(this.#time.now() + 20, () => {
        this.#listener.onEnd(new Fault('exited', 'It was ended.'));
        resolve();
      });
    });
  }

  release(): void {
    // what it has begun it ends
  }

  pauseReading(): void {
    // nothing floods here
  }

  resumeReading(): void {
    // nothing floods here
  }

  useProtocol(): void {
    // there is one
  }

  listen(): void {
    // it speaks only when asked
  }
}
