import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Fault } from '../../shared/model/fault.ts';
import { PhiDetector } from '../policies/phi/phiDetector.ts';
import type { Patient, ProbeResult } from './patient.ts';
import { convictionFault, type SuspicionCause } from './verdict.ts';

/** Checks are spread evenly by this much, so that servers that started together are not asked together. */
const JITTER_RATIO = 0.1;
/** Checks due within this time of each other are made together. */
const COALESCE_MS = 250;
/** A remote server that nobody has called for this long is checked less and less often, down to the longest interval. */
const REMOTE_IDLE_MS = 300_000;
const REMOTE_MAX_INTERVAL_MS = 600_000;
/** While a sign of life is due, and under suspicion, one looks this often. */
const WATCHFUL_MS = 500;
/** A probe that is answered later counts as a sign of life, but nobody waits for it any more. */
const PROBE_LIMIT_MS = 10_000;
/** A suspect server is asked twice, this far apart ... */
const PROBE_INTERVAL_MS = 2_000;
/** ... and judged this long after the first time ... */
const VERDICT_AFTER_MS = 5_000;
/** ... or this long where a network is in between that may stall, and a call has passed its deadline. */
const REMOTE_VERDICT_AFTER_MS = 10_000;
/** Between the end of a round and the verdict what has come meanwhile is read, also what a process says that went on a moment ago. */
const GRACE_MS = 250;
/** A probe that failed at once is repeated within that time: a network may be back before the session is given up. */
const RETRY_PROBE_MS = 500;
/** A call that is answered by nothing for this long is shown as busy. */
const BUSY_SHOWN_MS = 15_000;
/** A process that somebody stopped (SIGSTOP, a debugger) is not taken for hung before. */
const STOPPED_LIMIT_MS = 60_000;
/** A server that waits for its client may do so as long as a call may take at most. */
const ASKING_LIMIT_MS = 600_000;

/**
 * A server that floods us is read slowly, and its answer may stand behind what it sends: that excuses it for so long, and not for ever, or one that sends
 * without end would never be started afresh.
 */
const FLOOD_LIMIT_MS = 10_000;

interface Suspicion {
  readonly kind: 'suspect';
  cause: SuspicionCause;
  readonly since: number;
  /** As `since`, or when we last stood still. */
  forgivenAt: number;
  /** What it had answered by then. */
  readonly answers: number;
  /** Calls written before it: they explain that a ping is not answered. Later ones stand behind the ping, and do not. */
  earlier: readonly object[];
  /** When the round of probes began whose end is the verdict. */
  roundAt: number;
  probes: number;
  probeAt: number;
  fault: Fault | undefined;
  /** Something else explains the silence; when that is over, one more round decides. */
  isHolding: boolean;
  /** When the round was over, and nothing had come. */
  overAt: number | undefined;
  isJudging: boolean;
}

type WatchState =
  | { readonly kind: 'calm' }
  /** A sign of life is due. `isUrgent`: the network may have gone away, so it is not waited for long. */
  | { readonly kind: 'asked'; at: number; isUrgent: boolean }
  | Suspicion
  | { readonly kind: 'over' };

export interface WatchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly isStopped: (pid: number) => Promise<boolean>;
  /** The next step may be due earlier than was said. */
  readonly onChanged: () => void;
  readonly onDisposed: () => void;
}

/**
 * Watches one launch of a server (requirements R5.3): asks it for a sign of life when it has been silent, suspects it when that does not come, and gives it
 * up when neither calls nor we ourselves explain that. Moves only in `step`, which the monitor calls: it has
 * judged our own clock before.
 */
export class Watch implements Disposable {
  readonly #deps: WatchDeps;
  readonly patient: Patient;
  readonly #detector: PhiDetector;
  #state: WatchState = { kind: 'calm' };
  /** Nothing was silent before that. */
  #quietFrom: number;
  #wait: { readonly intervalMs: number; readonly stretch: number; readonly ms: number };
  #checkAt: number | undefined;
  #shownBusySince: number | undefined;
  #stoodStillAt = -Infinity;

  constructor(deps: WatchDeps, patient: Patient) {
    this.#deps = deps;
    this.patient = patient;
    this.#detector = new PhiDetector(deps.clock);
    this.#quietFrom = deps.clock.now();
    this.#wait = this.#nextWait(1);
  }

  /** φ of its silence, 0 to 100. */
  get suspicion(): number {
    return this.#detector.phi;
  }

  /** Monotonic milliseconds since when a call has been under way without a word of the server; absent before 15 s. */
  get busySince(): number | undefined {
    const { load, vitals } = this.patient;
    const { openSince } = load;
    if (openSince === undefined) return undefined;
    const since = Math.max(openSince, vitals.heardAt);
    return this.#deps.clock.now() - since >= BUSY_SHOWN_MS ? since : undefined;
  }

  get isSuspect(): boolean {
    return this.#state.kind === 'suspect';
  }

  /** A call passed its deadline, or did not get through: probes decide whether the server is slow or gone. */
  doubt(cause: 'deadline' | 'unreachable'): void {
    const state = this.#state;
    if (state.kind === 'over') return;
    if (state.kind !== 'suspect') this.#becomeSuspect(cause);
    else if (state.cause === 'silence' || state.cause === 'network') {
      state.cause = cause;
      state.earlier = this.patient.load.openCalls;
      this.#beginRound(state, this.#deps.clock.now());
    }
    this.#deps.onChanged();
  }

  /** The network may have changed under it: it is asked at `at`, and given up soon if it does not answer. */
  check(at: number): void {
    this.#checkAt = at;
  }

  /** We ourselves stood still: the silence so far means nothing, and no verdict is given before another round. */
  forgive(): void {
    const now = this.#deps.clock.now();
    const state = this.#state;
    this.#stoodStillAt = now;
    this.#detector.forgive();
    if (state.kind === 'asked') state.at = now;
    else if (state.kind === 'suspect') {
      state.forgivenAt = now;
      if (state.cause === 'deadline' && this.#isMeaningless(state.since)) state.cause = 'silence';
      this.#beginRound(state, now);
    }
  }

  /** Does what is due, and answers when the next step is. */
  step(): number {
    const now = this.#deps.clock.now();
    switch (this.#state.kind) {
      case 'calm':
        return this.#stepCalm(now);
      case 'asked':
        return this.#stepAsked(now, this.#state);
      case 'suspect':
        return this.#stepSuspect(now, this.#state);
      case 'over':
        return Infinity;
    }
  }

  // --- calm ---

  #stepCalm(now: number): number {
    const { patient } = this;
    if (this.#checkAt !== undefined && this.#checkAt <= now) {
      this.#checkAt = undefined;
      this.#ask(now, true);
      return now + WATCHFUL_MS;
    }
    const checkAt = this.#checkAt ?? Infinity;
    this.#showBusy();
    if (this.#isEngaged(now)) {
      const silentSince = Math.max(patient.load.openSince ?? now, patient.vitals.heardAt);
      const busyAt = silentSince + BUSY_SHOWN_MS;
      const { excusedUntil } = patient.vitals;
      return Math.min(checkAt, ...[busyAt, excusedUntil].filter((at) => at > now));
    }
    const { intervalMs, stretch } = this.#wait;
    if (intervalMs !== patient.intervalMs || (stretch > 1 && !this.#isForgotten))
      this.#wait = this.#nextWait(1);
    const dueAt = Math.max(patient.vitals.heardAt, this.#quietFrom) + this.#wait.ms;
    if (dueAt > now + COALESCE_MS) return Math.min(dueAt, checkAt);
    this.#ask(now, false);
    return now + WATCHFUL_MS;
  }

  #showBusy(): void {
    const since = this.busySince;
    if (since === this.#shownBusySince) return;
    this.#shownBusySince = since;
    this.patient.touch();
  }

  /** Something explains its silence: it works, or waits for somebody else. */
  #isEngaged(now: number): boolean {
    const { load, vitals } = this.patient;
    const { openSince, isAsking } = load;
    if (openSince !== undefined || vitals.ownRequests > 0 || vitals.excusedUntil > now) return true;
    return isAsking && now - vitals.heardAt < ASKING_LIMIT_MS;
  }

  /** Nobody has called it for so long that it need not be asked as often. */
  get #isForgotten(): boolean {
    const { isRemote, vitals } = this.patient;
    return isRemote && this.#deps.clock.now() - vitals.calledAt > REMOTE_IDLE_MS;
  }

  #nextWait(previousStretch: number): { intervalMs: number; stretch: number; ms: number } {
    const { intervalMs } = this.patient;
    const most = Math.max(1, REMOTE_MAX_INTERVAL_MS / intervalMs);
    const stretch = this.#isForgotten ? Math.min(previousStretch * 2, most) : 1;
    const spread = 1 + (this.#deps.random() * 2 - 1) * JITTER_RATIO;
    return { intervalMs, stretch, ms: intervalMs * stretch * spread };
  }

  // --- a sign of life is due ---

  #ask(now: number, isUrgent: boolean): void {
    this.#wait = this.#nextWait(this.#wait.stretch);
    this.#state = { kind: 'asked', at: now, isUrgent };
    this.#detector.expect();
    this.#probe();
  }

  #probe(): void {
    void this.patient.probe(PROBE_LIMIT_MS).then((result) => this.#onProbed(result));
  }

  #onProbed(result: ProbeResult): void {
    const state = this.#state;
    // A server that says "too many requests" is there.
    const isAlive =
      result.kind === 'answered' || (result.kind === 'failed' && result.fault.code === 'rateLimited');
    if (state.kind === 'asked') {
      if (isAlive) this.#calmDown(this.#deps.clock.now());
      else if (result.kind === 'failed') this.#becomeSuspect('unreachable', result.fault);
    } else if (state.kind === 'suspect') {
      if (isAlive) this.#acquit(this.#deps.clock.now());
      else if (result.kind === 'failed') {
        state.fault = result.fault;
        state.probeAt = this.#deps.clock.now() + RETRY_PROBE_MS;
      }
    }
    this.#deps.onChanged();
  }

  #calmDown(heardAt: number): void {
    this.#detector.heard(heardAt);
    this.#quietFrom = this.#deps.clock.now();
    this.#state = { kind: 'calm' };
  }

  #stepAsked(now: number, state: Extract<WatchState, { kind: 'asked' }>): number {
    const { vitals } = this.patient;
    const wasHeldUp = this.#wasHeldUp(now - VERDICT_AFTER_MS) || this.#wasFlooded(now - VERDICT_AFTER_MS);
    if (vitals.heardAt > state.at) {
      this.#calmDown(vitals.heardAt);
      return this.#stepCalm(now);
    }
    if (state.isUrgent && now - state.at >= VERDICT_AFTER_MS) {
      this.#becomeSuspect('network');
      return now + WATCHFUL_MS;
    }
    if (wasHeldUp || this.#isEngaged(now)) this.#detector.forgive();
    else if (this.#detector.isSuspect) this.#becomeSuspect('silence');
    else if (this.#detector.phi >= 1) this.patient.touch();
    return now + WATCHFUL_MS;
  }

  // --- suspect ---

  /** A deadline that passed while we stood still: the answer may have been there in time. */
  #isMeaningless(deadlineAt: number): boolean {
    return Math.abs(deadlineAt - this.#stoodStillAt) < WATCHFUL_MS;
  }

  #becomeSuspect(cause: SuspicionCause, fault?: Fault): void {
    const { patient } = this;
    const now = this.#deps.clock.now();
    const state: Suspicion = {
      kind: 'suspect',
      cause: cause === 'deadline' && this.#isMeaningless(now) ? 'silence' : cause,
      since: now,
      answers: patient.vitals.answers,
      earlier: patient.load.openCalls,
      forgivenAt: now,
      roundAt: now,
      probes: 0,
      probeAt: fault === undefined ? now : now + RETRY_PROBE_MS,
      fault,
      isHolding: false,
      overAt: undefined,
      isJudging: false,
    };
    this.#state = state;
    this.#detector.expect();
    patient.suspect();
    // Whoever heard that it is suspect may have ended it.
    if (this.#state === state) this.#stepSuspect(now, state);
  }

  #beginRound(state: Suspicion, now: number): void {
    state.roundAt = now;
    state.probes = 0;
    state.probeAt = now;
    state.fault = undefined;
    state.isHolding = false;
    state.overAt = undefined;
  }

  #verdictAt({ cause, roundAt }: Suspicion): number {
    const isFar = cause === 'deadline' && this.patient.isRemote;
    return roundAt + (isFar ? REMOTE_VERDICT_AFTER_MS : VERDICT_AFTER_MS);
  }

  #isAlive({ cause, answers, since }: Suspicion): boolean {
    const { vitals } = this.patient;
    if (vitals.answers > answers) return true;
    // Where a call or a ping got no answer, a word by the way (a log message of another thread) is none either.
    return (cause === 'silence' || cause === 'network') && vitals.heardAt > since;
  }

  #isExplained(state: Suspicion, now: number): boolean {
    if (state.cause === 'silence' || state.cause === 'network') return this.#isEngaged(now);
    if (state.cause === 'unreachable') return false;
    const { load, vitals } = this.patient;
    const { openCalls, isAsking } = load;
    if (vitals.ownRequests > 0 || vitals.excusedUntil > now) return true;
    if (isAsking && now - vitals.heardAt < ASKING_LIMIT_MS) return true;
    const open = new Set(openCalls);
    return state.earlier.some((call) => open.has(call));
  }

  #wasHeldUp(since: number): boolean {
    const { load, vitals } = this.patient;
    return load.isHeldUp || vitals.heldUpAt > since;
  }

  #wasFlooded(since: number): boolean {
    const { load, vitals } = this.patient;
    return load.isFlooding || vitals.floodedAt > since;
  }

  #stepSuspect(now: number, state: Suspicion): number {
    const next = now + WATCHFUL_MS;
    if (state.isJudging) return next;
    if (this.#isAlive(state)) {
      this.#acquit(this.patient.vitals.heardAt);
      return next;
    }
    // We did not read what it says: nothing is known of its silence.
    const isFloodExcuse = now - state.forgivenAt < FLOOD_LIMIT_MS && this.#wasFlooded(state.roundAt);
    if (isFloodExcuse || this.#wasHeldUp(state.roundAt)) this.#beginRound(state, now);
    if (state.isHolding) {
      if (this.#isExplained(state, now)) return next;
      this.#beginRound(state, now);
    }
    if (now >= this.#verdictAt(state)) {
      if (state.fault === undefined && this.#isExplained(state, now)) state.isHolding = true;
      else if (state.overAt === undefined) {
        state.overAt = now;
        void this.#spareStopped(state);
      } else if (now >= state.overAt + GRACE_MS) {
        state.isJudging = true;
        this.patient.afterInbox(() => this.#judge(state));
      }
      return Math.min(next, (state.overAt ?? Infinity) + GRACE_MS);
    }
    if (now >= state.probeAt) {
      state.probes += 1;
      state.probeAt = state.probes < 2 ? now + PROBE_INTERVAL_MS : Infinity;
      this.#probe();
    }
    return Math.min(next, state.probeAt, this.#verdictAt(state));
  }

  #acquit(heardAt: number): void {
    this.#calmDown(heardAt);
    this.patient.clear();
  }

  /** A process that somebody stopped, and that has nothing to do, gets another round. */
  async #spareStopped(state: Suspicion): Promise<void> {
    const { pid } = this.patient;
    const isIdle = state.cause === 'silence' && this.#deps.clock.now() - state.forgivenAt < STOPPED_LIMIT_MS;
    if (!isIdle || pid === undefined || !(await this.#deps.isStopped(pid)) || this.#state !== state) return;
    this.#beginRound(state, this.#deps.clock.now());
    this.#deps.onChanged();
  }

  /** Everything that had come has been handled, so no answer waits in our own inbox. */
  #judge(state: Suspicion): void {
    if (this.#state !== state) return;
    const { patient } = this;
    const now = this.#deps.clock.now();
    state.isJudging = false;
    if (this.#isAlive(state)) this.#acquit(patient.vitals.heardAt);
    else if (state.fault === undefined && this.#isExplained(state, now)) state.isHolding = true;
    // Otherwise we stood still meanwhile, and another round has begun.
    else if (now >= this.#verdictAt(state)) {
      this.#state = { kind: 'over' };
      const silentMs = now - patient.vitals.heardAt;
      patient.convict(state.fault ?? convictionFault(state.cause, patient, silentMs));
    }
    this.#deps.onChanged();
  }

  /** The launch has ended; nothing is asked or done any more. */
  dispose(): void {
    if (this.#state.kind !== 'over' || this.#detector.isExpecting) this.#detector.release();
    this.#state = { kind: 'over' };
    this.#deps.onDisposed();
  }
}
