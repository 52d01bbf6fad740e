import { toDisposable, type Disposable } from './disposable.ts';

/** Subscribes a listener; dispose what it returns to unsubscribe. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/**
 * Tells listeners about something that has already happened. A listener that throws breaks neither the
 * caller nor the other listeners: its error goes to `onListenerError`.
 */
export class Emitter<T> implements Disposable {
  /** No `Set`: its old tables would keep what short-lived listeners hold (see `SlotMap`). */
  #listeners: ((value: T) => void)[] = [];
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  readonly event: Event<T> = (listener) => {
    // Wrapped, so that one function subscribed twice is called twice and released one at a time.
    const entry = (value: T): void => listener(value);
    this.#listeners.push(entry);
    return toDisposable(() => {
      const at = this.#listeners.indexOf(entry);
      if (at >= 0) this.#listeners.splice(at, 1);
    });
  };

  get listenerCount(): number {
    return this.#listeners.length;
  }

  fire(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  dispose(): void {
    this.#listeners = [];
  }
}
