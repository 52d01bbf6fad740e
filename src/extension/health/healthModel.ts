import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import type { HealthView } from './healthView.ts';

/** Changes that come closer together than this are shown together: nobody reads faster, and nothing flickers. */
const SETTLE_MS = 100;

/** The view that is shown now, and an event when it has changed. */
export class HealthModel implements Disposable {
  readonly #clock: Clock;
  readonly #build: () => HealthView;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<HealthView>;
  #view: HealthView;
  #fingerprint: string;
  #pending: Disposable | undefined;

  constructor(clock: Clock, build: () => HealthView, onListenerError: (error: unknown) => void) {
    this.#clock = clock;
    this.#build = build;
    this.#changed = this.#store.add(new Emitter<HealthView>(onListenerError));
    this.#view = build();
    this.#fingerprint = JSON.stringify(this.#view);
    this.#store.add(toDisposable(() => this.#pending?.dispose()));
  }

  /** Built anew, so that a command never acts on what is a moment old. */
  get view(): HealthView {
    return this.#build();
  }

  get onDidChange(): Event<HealthView> {
    return this.#changed.event;
  }

  /** Something that the view is built from has changed. */
  invalidate(): void {
    this.#pending ??= this.#clock.setTimer(SETTLE_MS, () => {
      this.#pending = undefined;
      this.#view = this.#build();
      const fingerprint = JSON.stringify(this.#view);
      if (fingerprint === this.#fingerprint) return;
      this.#fingerprint = fingerprint;
      this.#changed.fire(this.#view);
    });
  }

  dispose(): void {
    this.#store.dispose();
  }
}
