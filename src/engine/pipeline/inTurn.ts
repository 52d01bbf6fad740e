import type { Disposable } from '../../shared/base/disposable.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { Breaker } from '../policies/breaker/breaker.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import type { Call, Outcome } from './call.ts';
import type { Next } from './pipeline.ts';

/** The way of a call to its server, as far as it decides whether waiting for anything makes sense. */
export interface Way {
  readonly connection: Pick<ServerLink, 'usableLaunch' | 'whenUsable' | 'onDidChange'>;
  readonly breaker: Pick<Breaker, 'rejection' | 'onDidChange'>;
}

/** What calls queue for: a place at the server, a token of its rate. */
export interface Turnstile<T> {
  /** One, if there is one and nobody is before this call. */
  take(call: Call): T | undefined;
  /** Calls `granted` when it is this call's turn; perhaps at once. A fault where it may not wait; `refused` where that turns out later. */
  wait(call: Call, granted: (turn: T) => void, refused: (fault: Fault) => void): { leave(): unknown } | Fault;
  /** It was not needed. */
  giveBack(turn: T): void;
  /** Lets the call go on with its turn. */
  pass(turn: T, call: Call, next: Next): Promise<Outcome>;
}

/** There is a server to write to, and the breaker allows it. */
export function letsGo({ connection, breaker }: Way): boolean {
  return connection.usableLaunch !== undefined && breaker.rejection() === undefined;
}

/**
 * Waits for a turn, then goes on. Who waits for a restart does so without a turn, in order of arrival; who would be refused by the breaker is
 * refused at once.
 */
export async function inTurn<T>(way: Way, turnstile: Turnstile<T>, call: Call, next: Next): Promise<Outcome> {
  const { connection, breaker } = way;
  try {
    for (;;) {
      // The breaker's refusal has its own words.
      if (breaker.rejection() !== undefined) return await next(call);
      // In order of arrival, and without a turn: a restart may take long, and other sessions' servers are well.
      if (connection.usableLaunch === undefined) {
        call.isHeldUp = true;
        await connection.whenUsable(call);
      } else {
        const turn = turnstile.take(call) ?? (await waitForTurn(way, turnstile, call));
        if (turn === undefined) continue;
        // What was waited for may be gone again by the time it is this call's turn.
        if (letsGo(way)) return await turnstile.pass(turn, call, next);
        turnstile.giveBack(turn);
      }
    }
  } catch (error) {
    if (Fault.is(error)) return { kind: 'fault', fault: error };
    throw error;
  }
}

/**
 * Resolves without a turn when there is nothing to wait for any more: the connection is gone, or the breaker refuses. Rejects with the
 * call's own fault when it is aborted, or at once when it may not wait.
 */
function waitForTurn<T>(way: Way, turnstile: Turnstile<T>, call: Call): Promise<T | undefined> {
  const { connection, breaker } = way;
  const { signal } = call.controller;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let subscriptions: readonly Disposable[] = [];
    const state = { isOver: false };
    const since = call.deadline.elapsedMs;
    const leave = (): void => {
      state.isOver = true;
      for (const subscription of subscriptions) subscription.dispose();
      signal.removeEventListener('abort', onAbort);
      call.waitedMs += call.deadline.elapsedMs - since;
    };
    const onAbort = (): void => {
      waiting.leave();
      leave(); // it stays known what it waited for
      reject(signal.reason);
    };
    const lookAgain = (): void => {
      if (letsGo(way)) return;
      waiting.leave();
      leave();
      call.waitsForPlace = false;
      resolve(undefined);
    };
    const outcome = turnstile.wait(
      call,
      (turn) => {
        leave();
        call.waitsForPlace = false;
        resolve(turn);
      },
      (fault) => {
        leave();
        call.waitsForPlace = false;
        reject(fault);
      },
    );
    if (Fault.is(outcome)) {
      reject(outcome);
      return;
    }
    const waiting = outcome;
    if (state.isOver) return; // it was its turn at once
    subscriptions = [connection.onDidChange(lookAgain), breaker.onDidChange(lookAgain)];
    signal.addEventListener('abort', onAbort, { once: true });
    call.waitsForPlace = true;
  });
}
