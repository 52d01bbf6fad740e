import { Fault } from '../../shared/model/fault.ts';
import { notOpenedFault } from './connectionFaults.ts';

/** Why a start needs something: nobody waits for it, a call does, or a person has asked for it. */
export type StartReason = 'start' | 'call' | 'byHand';

export interface PreparationOptions {
  readonly server: string;
  /** Rejects with a fault when it is not given; `undefined`: nothing is missing. */
  readonly ask: ((why: StartReason) => Promise<void> | undefined) | undefined;
  /** Whether a call may have it asked for again. */
  readonly mayAsk: (() => boolean) | undefined;
  readonly isCallWaiting: () => boolean;
  /** It is there. */
  readonly go: () => void;
  /** It was not given. */
  readonly onMissing: (fault: Fault) => void;
  /** Somebody else is asked now. */
  readonly onAsked: () => void;
}

/** What a start lacks (a value that a person gives) is asked for before it, with nothing started. One question counts at a time: the last. */
export class Preparation {
  /** The next start was asked for by a person. */
  isByHand = false;
  readonly #options: PreparationOptions;
  #question: object | undefined;

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  /** Somebody is being asked. */
  get isOpen(): boolean {
    return this.#question !== undefined;
  }

  get mayAsk(): boolean {
    return this.#options.mayAsk?.() === true;
  }

  /** Why a start that begins now would ask. */
  reasonOr(reason: StartReason): StartReason {
    const isByHand = this.isByHand;
    this.isByHand = false;
    if (isByHand) return 'byHand';
    return this.#options.isCallWaiting() ? 'call' : reason;
  }

  /** Answers whether something is missing, and asked for. */
  begin(reason: StartReason): boolean {
    const { ask, go } = this.#options;
    this.#question = undefined;
    const work = ask?.(reason);
    if (work === undefined) return false;
    const question = {};
    this.#question = question;
    const settle = (then: () => void): void => {
      if (this.#question !== question) return;
      this.#question = undefined;
      then();
    };
    work.then(
      () => settle(go),
      (error: unknown) => settle(() => this.#onRefused(reason, error)),
    );
    return true;
  }

  /** Nothing more is done about the question. */
  end(): void {
    this.#question = undefined;
  }

  #onRefused(reason: StartReason, error: unknown): void {
    const { server, isCallWaiting, onMissing, onAsked, go } = this.#options;
    // A call came while nobody was to be interrupted yet.
    if (reason === 'start' && isCallWaiting() && this.mayAsk) {
      if (this.begin('call')) onAsked();
      else go();
    } else onMissing(Fault.is(error) ? error : notOpenedFault(server, error));
  }
}
