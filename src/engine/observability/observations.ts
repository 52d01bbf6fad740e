import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { FaultCode } from '../../shared/model/fault.ts';
import type { BreakerStateName } from '../../shared/model/snapshot.ts';
import type { AlertRuleId } from '../../shared/settings/alertSettings.ts';
import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { Call } from '../pipeline/call.ts';

/** How a call came to its end: `error` is the server's own, `stale` and `remembered` are answers that were given before; else the fault. */
export type CallOutcome = 'ok' | 'error' | 'stale' | 'remembered' | FaultCode;

/** What an observer sees of a call. It must not be kept: with it its message and its client would be. */
export type ObservedCall = Pick<
  Call,
  | 'session'
  | 'server'
  | 'method'
  | 'tool'
  | 'callId'
  | 'retryClass'
  | 'attempts'
  | 'startedAt'
  | 'waitedMs'
  | 'line'
> &
  /** What tells how long it took, and why; absent of a call that was refused before it was one. */
  Partial<
    Pick<
      Call,
      'trace' | 'isTask' | 'sentAt' | 'ranMs' | 'coldMs' | 'isHeldUp' | 'hasAsked' | 'highestProgress'
    >
  >;

/** Something that happened beside the calls. Times are milliseconds. */
export type Observation =
  | {
      readonly kind: 'state';
      readonly server: string;
      /** The key of the connection. */
      readonly connection: string;
      readonly from: ConnectionState;
      readonly to: ConnectionState;
      /** How long it was in `from`. */
      readonly spentMs: number;
      readonly pid?: number;
      /** What brought it down; absent where nothing did, or a fresh start was asked for. */
      readonly fault?: FaultCode;
      /** A sentence that tells more of the fault. */
      readonly why?: string;
      /** It went because a fresh start was asked for. */
      readonly isFresh?: boolean;
      /** The next attempt to bring it back, and how many have failed. */
      readonly attempt?: { readonly inMs: number; readonly failed: number };
    }
  | {
      readonly kind: 'retry';
      readonly server: string;
      readonly callId: string;
      readonly method: string;
      readonly tool: string | undefined;
      /** 1 for the first retry. */
      readonly retry: number;
      /** Why it is tried again. */
      readonly after: FaultCode;
      /** What it waits by itself, before it waits for the connection. */
      readonly pauseMs: number;
    }
  | { readonly kind: 'breaker'; readonly server: string; readonly state: BreakerStateName }
  | {
      /** A person, or a program in a person's name, asked for something. */
      readonly kind: 'action';
      readonly action: string;
      readonly server?: string;
      readonly interruptCalls?: boolean;
      readonly done?: boolean;
    }
  | {
      /** What came of a force recovery, or a restart by hand. */
      readonly kind: 'recovery';
      readonly server: string;
      readonly outcome: RecoverResult['results'][number]['outcome'];
      readonly ms: number;
    }
  | {
      /** A session's server has been connected to again and has told its lists: how many of all that was, or is, offered are as they were. */
      readonly kind: 'relisted';
      readonly server: string;
      readonly unchanged: number;
      readonly all: number;
    }
  | {
      /** An alert begins to fire, or is over. */
      readonly kind: 'alert';
      readonly rule: AlertRuleId;
      /** Absent: it is about the engine. */
      readonly server?: string;
      readonly subject?: string;
      readonly severity: 'warning' | 'error';
      readonly to: 'firing' | 'resolved';
      /** What is, or was, the case, without the server's name. */
      readonly sentence: string;
    }
  | {
      /** Settings were taken over. */
      readonly kind: 'configuration';
      readonly servers: readonly string[];
    };

/** Somebody who is told of everything, after it has happened. Takes no time that a call would notice. */
export interface Observer {
  /** The client has been answered; `answer` is what it was given, and is reused when this returns. */
  onCall?(call: ObservedCall, outcome: CallOutcome, answer: Uint8Array | string | undefined): void;
  onEvent?(event: Observation): void;
}

/**
 * Where everything that happens is told, and everything that counts, keeps or shows it listens (requirements R11). What nobody listens to costs
 * nothing; an observer that throws breaks neither the call nor the other observers.
 */
export class Observations {
  readonly #onObserverError: (error: unknown) => void;
  #calls: readonly Observer[] = [];
  #events: readonly Observer[] = [];

  constructor(onObserverError: (error: unknown) => void) {
    this.#onObserverError = onObserverError;
  }

  /** An observer takes part until what is returned is disposed. */
  add(observer: Observer): Disposable {
    if (observer.onCall !== undefined) this.#calls = [...this.#calls, observer];
    if (observer.onEvent !== undefined) this.#events = [...this.#events, observer];
    return toDisposable(() => {
      this.#calls = this.#calls.filter((other) => other !== observer);
      this.#events = this.#events.filter((other) => other !== observer);
    });
  }

  callEnded(call: ObservedCall, outcome: CallOutcome, answer: Uint8Array | string | undefined): void {
    for (const observer of this.#calls) {
      try {
        observer.onCall?.(call, outcome, answer);
      } catch (error) {
        this.#onObserverError(error);
      }
    }
  }

  note(event: Observation): void {
    for (const observer of this.#events) {
      try {
        observer.onEvent?.(event);
      } catch (error) {
        this.#onObserverError(error);
      }
    }
  }
}
