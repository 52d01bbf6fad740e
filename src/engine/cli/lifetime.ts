import { systemClock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Engine } from '../composition.ts';

/** Stopping may not take longer than this, whatever hangs. */
const STOP_LIMIT_MS = 8_000;

/** One engine's life in this process: from its start to the exit code, through signals and what nobody foresaw. */
export class Lifetime {
  readonly #lock: Disposable;
  #starting: Promise<Engine> | undefined;
  #engine: Engine | undefined;
  #stopping = false;

  /** `lock`: the ownership that is given back at the end. */
  constructor(lock: Disposable) {
    this.#lock = lock;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.stop(0));
    // The other end of a pipe may go at any time; nothing depends on what is written there.
    process.on('SIGPIPE', () => undefined);
    // Without a listener it would end the process.
    process.on('SIGHUP', () => undefined);
    // What nobody foresaw: told in the log, and the engine starts afresh with its journal. Going on would trust broken state.
    const onBug = (error: unknown): void => {
      this.#engine?.noteBug(error);
      process.exit(1);
    };
    process.on('uncaughtException', onBug);
    process.on('unhandledRejection', onBug);
  }

  /** Gives back what `start` gives. A signal that comes meanwhile stops what has been started. */
  async run(start: () => Promise<Engine>): Promise<Engine> {
    this.#starting = start();
    this.#engine = await this.#starting;
    return this.#engine;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Stops the engine and ends the process. */
  stop(code: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const limit = systemClock.setTimer(STOP_LIMIT_MS, () => process.exit(code));
    void this.#stopEngine().finally(() => {
      limit.dispose();
      this.#lock.dispose();
      process.exit(code);
    });
  }

  async #stopEngine(): Promise<void> {
    try {
      await (await this.#starting)?.stop();
    } catch {
      // One that could not start has cleaned up, and its starter tells why; one that cannot stop ends with the process.
    }
  }
}
