import type { Clock } from '../../shared/base/clock.ts';
import type { Fault, FaultCode } from '../../shared/model/fault.ts';
import type { Call, Outcome } from './call.ts';
import type { Stage } from './pipeline.ts';
import { isGood, markedStale, questionOf, type StaleAnswers } from './staleAnswers.ts';

export interface StaleStageOptions {
  readonly answers: StaleAnswers;
  readonly clock: Clock;
  /** A call that failed with `fault` was answered from memory. */
  readonly onServed: (call: Call, fault: Fault) => void;
}

/**
 * The server is not there, or is held to be down. Not a call past its time, also while it waited for a place: a busy server would be taken for a dead one, and its answer may be
 * on its way. Not a missing sign-in: who may not read it now must not read it from us. Not isolation: somebody does not want it used.
 */
const isDown: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'exited',
  'brokenPipe',
  'spawnFailed',
  'startTimeout',
  'portInUse',
  'dependencyMissing',
  'outOfMemory',
  'connectionRefused',
  'connectionReset',
  'connectTimeout',
  'unavailable',
  'sessionLost',
  'circuitOpen',
  'crashLoop',
]);

/** Answers a read with the last good answer, marked as stale, while the server is down (requirements R6.2). Outermost: all else has been tried. */
export function staleStage({ answers, clock, onServed }: StaleStageOptions): Stage {
  return async (call, next) => {
    const question = questionOf(call);
    const changesBefore = answers.begun(call);
    let outcome: Outcome;
    try {
      outcome = await next(call);
    } finally {
      answers.ended(call);
    }
    if (question === undefined || call.retryClass !== 'safe') return outcome;
    if (outcome.kind === 'answer') {
      const { line, isError } = outcome;
      if (!isError && isGood(call.method, line))
        answers.keep(question, { line, at: clock.wallNow() }, changesBefore);
      return outcome;
    }
    const { fault } = outcome;
    if (!wasDown(call, fault)) return outcome;
    const known = answers.find(question);
    if (known === undefined) return outcome;
    const reason = fault.diagnosis ?? fault.message;
    const line = markedStale(call, known, { now: clock.wallNow(), code: fault.code, reason });
    if (line === undefined) return outcome;
    onServed(call, fault);
    return { kind: 'answer', line, isError: false, isStale: true };
  };
}

function wasDown(call: Call, fault: Fault): boolean {
  // One that waited in vain for the server to come up was never late with an answer.
  const neverCameUp =
    fault.code === 'requestTimeout' &&
    call.attempts === 0 &&
    call.delivery === 'queued' &&
    !call.waitsForPlace;
  return isDown.has(fault.code) || neverCameUp;
}
