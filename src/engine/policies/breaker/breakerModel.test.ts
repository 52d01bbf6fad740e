import assert from 'node:assert/strict';
import fc from 'fast-check';
import { StillClock } from '../../../../test/support/stillClock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { Breaker, type Admission, type BreakerOptions, type Ticket } from './breaker.ts';

/** How many random sequences of events are played to both (issue 4). */
const SEQUENCES = 10_000;

type Result = 'success' | 'failure' | 'neutral';
type Step =
  | { readonly do: 'admit' }
  | { readonly do: 'settle'; readonly which: number; readonly as: Result }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'waitUntilDue'; readonly short: number }
  | { readonly do: 'evidence' | 'reset' | 'isolate' }
  | { readonly do: 'letGo'; readonly which: number }
  | { readonly do: 'configure'; readonly options: BreakerOptions };

/** What an admitted call was admitted to: results count only there. */
interface Place {
  readonly life: number;
  open: boolean;
}

/**
 * The breaker as its documentation tells it (docs/policies/breaker.md), written down without looking at the code: no classes of
 * states, no counters, but the whole story since it was last closed, from which everything is read anew at each question.
 */
class Reference {
  options: BreakerOptions;
  #now: () => number;
  /** Each change of state begins another life; what began in an earlier one is of no interest. */
  #life = 0;
  #mode: 'closed' | 'open' | 'halfOpen' | 'isolated' = 'closed';
  /** Outcomes while closed: F and S. */
  #story = '';
  #openedAt = 0;
  #openForMs = 0;
  #trips = 0;
  #trials: Place[] = [];
  #won = 0;
  #holders = 0;
  opens = 0;

  constructor(options: BreakerOptions, now: () => number) {
    this.options = options;
    this.#now = now;
  }

  get state(): string {
    return this.#mode;
  }

  get failures(): number {
    return /F*$/.exec(this.#story)?.[0].length ?? 0;
  }

  get retryAfterMs(): number | undefined {
    if (this.#mode !== 'open') return undefined;
    return Math.max(0, this.#openedAt + this.#openForMs - this.#now());
  }

  #become(mode: 'closed' | 'open' | 'halfOpen' | 'isolated'): void {
    this.#mode = mode;
    this.#life += 1;
    this.#trials = [];
    this.#won = 0;
    if (mode === 'closed') {
      this.#story = '';
      this.#trips = 0;
    }
    if (mode !== 'open') return;
    this.opens += 1;
    this.#trips += 1;
    this.#openedAt = this.#now();
    this.#openForMs = Math.min(300_000, this.options.recoveryTimeoutMs * 2 ** (this.#trips - 1));
  }

  /** Whether a call that asks now has to wait for the verdict of others. */
  get mustWait(): boolean {
    const taken = this.#won + this.#trials.filter(({ open }) => open).length;
    return this.#mode === 'halfOpen' && taken >= this.options.successThreshold;
  }

  admit(): { answer: Admission['kind']; place?: Place } {
    if (this.retryAfterMs === 0) this.#become('halfOpen');
    if (this.#mode === 'open' || this.#mode === 'isolated') return { answer: 'rejected' };
    if (this.mustWait) return { answer: 'wait' };
    const place = { life: this.#life, open: true };
    if (this.#mode === 'halfOpen') this.#trials.push(place);
    return { answer: 'go', place };
  }

  settle(place: Place, as: Result): void {
    if (!place.open) return;
    place.open = false;
    if (place.life !== this.#life || as === 'neutral') return;
    if (this.#mode === 'halfOpen') {
      if (as === 'failure') this.#become('open');
      else {
        this.#won += 1;
        if (this.#won >= this.options.successThreshold) this.#become('closed');
      }
      return;
    }
    this.#story += as === 'failure' ? 'F' : 'S';
    if (as === 'success') return;
    const lastTen = this.#story.slice(-10);
    const failed = lastTen.replaceAll('S', '').length;
    const tooManyInARow = this.failures >= this.options.failureThreshold;
    const halfOfThem = lastTen.length >= 5 && failed / lastTen.length >= 0.5;
    if (tooManyInARow || halfOfThem) this.#become('open');
  }

  evidence(): void {
    if (this.#mode === 'open') this.#become('halfOpen');
  }

  reset(): void {
    if (this.#mode === 'isolated') this.#story = '';
    else this.#become('closed');
  }

  isolate(): void {
    this.#holders += 1;
    if (this.#mode !== 'isolated') this.#become('isolated');
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#become('closed');
  }

  configure(options: BreakerOptions): void {
    this.options = options;
    if (this.#mode === 'halfOpen' && this.#won >= options.successThreshold) this.#become('closed');
  }
}

const options: fc.Arbitrary<BreakerOptions> = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 6 }),
  successThreshold: fc.integer({ min: 1, max: 4 }),
  recoveryTimeoutMs: fc.constantFrom(1_000, 30_000, 60_000, 400_000),
});
const which = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Step>({ do: 'admit' }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which,
      as: fc.constantFrom<Result>('success', 'failure', 'failure', 'failure', 'neutral'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('waitUntilDue' as const), short: fc.constantFrom(0, 0, 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('evidence', 'evidence', 'evidence', 'reset', 'isolate') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('letGo' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('configure' as const), options }) },
);

/** Plays one sequence to both, compares them after every step, and notes which states were seen. */
function play(initial: BreakerOptions, steps: readonly Step[], seen: Map<string, number>): void {
  const clock = new StillClock();
  const breaker = new Breaker(clock, initial, () => undefined);
  const reference = new Reference(initial, () => clock.now());
  const running: { ticket: Ticket; place: Place }[] = [];
  const handles: Disposable[] = [];
  /** A call was told to wait, and has heard nothing since. */
  const caller = { isWaiting: false };
  breaker.onDidChange(() => {
    caller.isWaiting = false;
    throw new Error('no listener can disturb it');
  });

  const perform = (what: Step): void => {
    switch (what.do) {
      case 'admit': {
        const admission = breaker.admit();
        const { answer, place } = reference.admit();
        assert.equal(admission.kind, answer);
        if (admission.kind === 'go' && place !== undefined) running.push({ ticket: admission.ticket, place });
        if (admission.kind === 'rejected') assert.equal(admission.retryAfterMs, reference.retryAfterMs);
        if (admission.kind === 'wait') caller.isWaiting = true;
        return;
      }
      case 'settle': {
        // Not taken out: what is settled twice counts once.
        const one = running[what.which % Math.max(1, running.length)];
        one?.ticket[what.as]();
        if (one !== undefined) reference.settle(one.place, what.as);
        return;
      }
      case 'wait':
        clock.advance(what.ms);
        return;
      case 'waitUntilDue':
        clock.advance(Math.max(0, (reference.retryAfterMs ?? 0) - what.short));
        return;
      case 'evidence':
        breaker.noteEvidenceOfRecovery();
        reference.evidence();
        return;
      case 'reset':
        breaker.reset();
        reference.reset();
        return;
      case 'isolate':
        handles.push(breaker.isolate());
        reference.isolate();
        return;
      case 'letGo': {
        const [handle] = handles.splice(what.which % Math.max(1, handles.length), 1);
        handle?.dispose();
        if (handle !== undefined) reference.letGo();
        handle?.dispose();
        return;
      }
      case 'configure':
        breaker.configure(what.options);
        reference.configure(what.options);
    }
  };

  for (const what of steps) {
    perform(what);
    assert.deepEqual(
      [breaker.state, breaker.failures, breaker.retryAfterMs, breaker.opens],
      [reference.state, reference.failures, reference.retryAfterMs, reference.opens],
    );
    const rejects = reference.state === 'isolated' || (reference.retryAfterMs ?? 0) > 0;
    assert.equal(breaker.rejection() !== undefined, rejects);
    // Who waits is told as soon as asking again would get another answer; nobody waits for ever.
    if (caller.isWaiting) assert.ok(reference.mustWait, 'a waiting call was not told');
    seen.set(breaker.state, (seen.get(breaker.state) ?? 0) + 1);
  }
}

describe('breaker and its model', () => {
  it(`R5.1 agree after every step of ${SEQUENCES} random sequences`, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 60, size: 'max' }), (initial, steps) =>
        play(initial, steps, seen),
      ),
      { numRuns: SEQUENCES },
    );
    for (const state of ['closed', 'open', 'halfOpen', 'isolated'])
      assert.ok((seen.get(state) ?? 0) > SEQUENCES, `${state} was hardly reached: ${seen.get(state)}`);
  });
});
