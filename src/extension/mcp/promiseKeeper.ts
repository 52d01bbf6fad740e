import { sleep, type Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';

/** VS Code shows a changed definition only after half a second; a start before that does nothing. */
export const AFTER_CHANGE_MS = 600;
/** The editor does not bound a start, so we do. */
const START_LIMIT_MS = 30_000;

/** The two commands of VS Code that this needs. */
export interface EditorServers {
  stop(server: string): Promise<void>;
  start(server: string): Promise<void>;
}

export interface PromiseKeeperOptions {
  readonly clock: Clock;
  readonly editor: EditorServers;
  readonly log: (message: string) => void;
}

/**
 * A client that connected while a server was down was promised what the server last had. When that turned out
 * different, its definition is restarted: once, and only while no call is running.
 */
export class PromiseKeeper implements Disposable {
  readonly #options: PromiseKeeperOptions;
  /** Servers restarted for the promise that is broken now; cleared when the promise holds again. */
  readonly #restarted = new Set<string>();
  readonly #stopping = new AbortController();
  #lastChangeAt = Number.NEGATIVE_INFINITY;
  #latest: Snapshot | undefined;
  #recheck: Disposable = toDisposable(() => undefined);

  constructor(options: PromiseKeeperOptions) {
    this.#options = options;
  }

  /** The provider has just told VS Code of changed definitions. */
  noteDefinitionsChanged(): void {
    this.#lastChangeAt = this.#options.clock.now();
  }

  apply(snapshot: Snapshot | undefined): void {
    this.#latest = snapshot;
    this.#check();
  }

  dispose(): void {
    this.#recheck.dispose();
    this.#stopping.abort();
  }

  #check(): void {
    this.#recheck.dispose();
    if (this.#stopping.signal.aborted) return;
    const waitMs = this.#lastChangeAt + AFTER_CHANGE_MS - this.#options.clock.now();
    for (const { id, promiseBroken, metrics } of this.#latest?.servers ?? []) {
      if (!promiseBroken) this.#restarted.delete(id);
      else if (!this.#restarted.has(id) && metrics.inFlight + metrics.waiting === 0) {
        if (waitMs > 0) {
          this.#recheck = this.#options.clock.setTimer(waitMs, () => this.#check());
          return;
        }
        this.#restarted.add(id);
        void this.#restart(id);
      }
    }
  }

  async #restart(server: string): Promise<void> {
    const { clock, editor, log } = this.#options;
    log(`"${server}" came back different from what its client was told; its session is restarted`);
    const done = new AbortController();
    const tooLate = sleep(clock, START_LIMIT_MS, AbortSignal.any([this.#stopping.signal, done.signal]));
    tooLate.catch(() => undefined); // ended early: the editor answered, or the window closes
    try {
      await Promise.race([editor.stop(server).then(() => editor.start(server)), tooLate]);
    } catch (error) {
      log(`"${server}" could not be restarted in the editor: ${String(error)}`);
    } finally {
      done.abort();
    }
  }
}
