import type { PageCommand, PageMessage } from '../shared/protocol/dashboardMessages.ts';

/** Something that a person asked for on this page; the host says when it is done. */
export class Asks {
  readonly #send: (message: PageMessage) => void;
  readonly #pending = new Map<number, () => void>();
  #last = 0;

  constructor(send: (message: PageMessage) => void) {
    this.#send = send;
  }

  /** @param onDone called once, when it is done, was refused or was given up */
  ask(command: PageCommand, onDone: () => void): void {
    this.#last += 1;
    this.#pending.set(this.#last, onDone);
    this.#send({ ...command, ask: this.#last });
  }

  done(ask: number): void {
    const onDone = this.#pending.get(ask);
    this.#pending.delete(ask);
    onDone?.();
  }
}
