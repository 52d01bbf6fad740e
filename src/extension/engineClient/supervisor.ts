import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import { failuresAfter, reconnectDelayMs } from './reconnectDelay.ts';

/**
 * Whether this window has its engine.
 * - `starting`: the first try is under way. `running`: requests can be sent.
 * - `recovering`: the engine was lost, or could not be reached; `retryAt` (wall clock) while waiting for the next try.
 */
export type EngineStatus =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: number }
  | {
      readonly kind: 'recovering';
      readonly reason: string;
      /** Tries in a row that reached no engine; 0 while the first one after a loss is still open. */
      readonly failedTries: number;
      readonly retryAt: number | undefined;
    };

/** The part of a session that the supervisor looks at. */
export interface SupervisedSession {
  readonly pid: number;
  readonly closed: Promise<void>;
  stop(limitMs: number): Promise<void>;
}

export interface SupervisorOptions<S extends SupervisedSession> {
  readonly clock: Clock;
  /** One try: finds or starts the engine and connects. Rejects with a reason; ends at once when aborted. */
  readonly open: (signal: AbortSignal) => Promise<S>;
  /** Called with whatever nobody else can handle. */
  readonly onError: (message: string, error: unknown) => void;
}

/**
 * Keeps a session open for as long as it runs: opens it, waits until it is lost, opens it again with a backoff,
 * and never gives up. Restart is ours alone; the language client underneath only ever sees one connection.
 */
export class Supervisor<S extends SupervisedSession> implements Disposable {
  readonly #options: SupervisorOptions<S>;
  readonly #changed: Emitter<EngineStatus>;
  /** Whoever makes one is about to start it; nobody should see it stopped in between. */
  #status: EngineStatus = { kind: 'starting' };
  #session: S | undefined;
  #stop: AbortController | undefined;
  #done: Promise<void> = Promise.resolve();
  #skipWait: (() => void) | undefined;

  constructor(options: SupervisorOptions<S>) {
    this.#options = options;
    this.#changed = new Emitter((error) => options.onError('A listener of the engine status failed', error));
  }

  get onDidChangeStatus(): Event<EngineStatus> {
    return this.#changed.event;
  }

  get status(): EngineStatus {
    return this.#status;
  }

  /** The session requests may be sent to; only while `running`. */
  get session(): S | undefined {
    return this.#status.kind === 'running' ? this.#session : undefined;
  }

  /** Starts keeping the session; does nothing when that is already so. Returns at once. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#setStatus({ kind: 'starting' });
    this.#done = this.#keep(stop.signal).catch((error: unknown) =>
      this.#options.onError('Keeping the engine failed', error),
    );
  }

  /** Tries again now instead of waiting for the backoff. */
  retryNow(): void {
    this.#skipWait?.();
  }

  /** Closes the connection and ends every wait. The engine stays alive. Never rejects. */
  async stop(limitMs: number): Promise<void> {
    const session = this.#session;
    this.#stop?.abort();
    this.#stop = undefined;
    this.#setStatus({ kind: 'stopped' });
    try {
      await session?.stop(limitMs);
    } catch (error) {
      this.#options.onError('Closing the connection to the engine failed', error);
    }
    // A try that is under way closes what it opens by itself; nobody has to wait longer than the limit for it.
    await Promise.race([this.#done, sleep(this.#options.clock, limitMs)]);
  }

  dispose(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#changed.dispose();
  }

  #setStatus(status: EngineStatus): void {
    this.#status = status;
    this.#changed.fire(status);
  }

  async #keep(stopping: AbortSignal): Promise<void> {
    /** Sessions and tries in a row that did not last: decides the wait. */
    let unstable = 0;
    let failedTries = 0;
    while (!hasEnded(stopping)) {
      const openedAt = await this.#tryOpen(stopping, unstable, failedTries);
      if (hasEnded(stopping)) return;
      if (openedAt === undefined) {
        unstable += 1;
        failedTries += 1;
        continue;
      }
      await this.#session?.closed;
      this.#session = undefined;
      // Read again after the wait: a deliberate stop also closes the session, and must not start another engine.
      if (hasEnded(stopping)) return;
      failedTries = 0;
      unstable = failuresAfter(unstable, this.#options.clock.now() - openedAt);
      this.#recovering('The connection to the engine was lost', 0, undefined);
    }
  }

  /** Waits its turn and tries once. Answers when the session was opened, or `undefined` when it was not. */
  async #tryOpen(stopping: AbortSignal, unstable: number, failedTries: number): Promise<number | undefined> {
    await this.#pause(reconnectDelayMs(unstable), stopping, failedTries);
    if (hasEnded(stopping)) return undefined;
    try {
      const session = await this.#options.open(stopping);
      if (hasEnded(stopping)) {
        await session.stop(0);
        return undefined;
      }
      this.#session = session;
      this.#setStatus({ kind: 'running', pid: session.pid });
      return this.#options.clock.now();
    } catch (error) {
      if (hasEnded(stopping)) return undefined;
      this.#options.onError('No engine could be reached', error);
      this.#recovering(error instanceof Error ? error.message : String(error), failedTries + 1, undefined);
      return undefined;
    }
  }

  async #pause(delayMs: number, stopping: AbortSignal, failedTries: number): Promise<void> {
    if (delayMs <= 0) return;
    if (this.#status.kind === 'recovering') {
      this.#recovering(this.#status.reason, failedTries, this.#options.clock.wallNow() + delayMs);
    }
    const skip = new AbortController();
    this.#skipWait = () => skip.abort();
    try {
      await sleep(this.#options.clock, delayMs, AbortSignal.any([stopping, skip.signal]));
    } catch {
      // Ended early, by a stop or by retryNow: the caller looks at its own signal.
    } finally {
      this.#skipWait = undefined;
    }
  }

  #recovering(reason: string, failedTries: number, retryAt: number | undefined): void {
    this.#setStatus({ kind: 'recovering', reason, failedTries, retryAt });
  }
}

/** A call, because the compiler believes that a flag it has read once stays as it was over an `await`. */
function hasEnded(signal: AbortSignal): boolean {
  return signal.aborted;
}
