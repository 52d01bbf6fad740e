import assert from 'node:assert/strict';
import {
  alertRuleIds,
  parseAlertSettings,
  type AlertRuleId,
} from '../../../shared/settings/alertSettings.ts';
import { legalAlertMoves, step, untroubled, type AlertState } from './alertState.ts';
import { AlertEvaluator, type AlertReading } from './evaluator.ts';
import { ServerCounts } from './measures.ts';
import { rulesOf, type AlertRule } from './rules.ts';
import { SlidingCount } from './slidingCount.ts';

const WALL = 1_700_000_000_000;
const MINUTE = 60_000;

function given(settings: Record<string, unknown> = {}) {
  const rules = rulesOf(parseAlertSettings([{ path: 'alerts', values: settings }]).settings);
  const evaluator = new AlertEvaluator();
  const told: string[] = [];
  let now = 0;
  const rule = (id: AlertRuleId): AlertRule => rules.find((one) => one.id === id)!;
  const reading = (key: string, value: number | undefined): AlertReading => {
    const [id = '', server = ''] = key.split(':');
    return { rule: rule(id as AlertRuleId), value, ...(server === '' ? {} : { server }) };
  };
  /** Looks `afterMs` later at what is measured now, given as `rule:server`. */
  const look = (afterMs: number, values: Readonly<Record<string, number | undefined>>): string[] => {
    now += afterMs;
    const readings = Object.entries(values).map(([key, value]) => reading(key, value));
    for (const { to, alert } of evaluator.evaluate(readings, now, WALL + now))
      told.push(`${alert.rule.id}${alert.server === undefined ? '' : `:${alert.server}`} ${to}`);
    return firing();
  };
  const firing = (): string[] => evaluator.firing.map(({ rule: { id }, server }) => `${id}:${server ?? ''}`);
  return { evaluator, look, firing, told, rules };
}

describe('alert rules', () => {
  const thresholds = [
    { key: 'brokenPipes:a', at: 5, beyond: 6, between: 3, within: 2 },
    { key: 'retryRate:a', at: 30, beyond: 30.1, between: 15.1, within: 15 },
    { key: 'crashLoop:a', at: 0, beyond: 1, between: undefined, within: 0 },
    { key: 'needsSignIn:a', at: 0, beyond: 1, between: undefined, within: 0 },
    { key: 'breakerOpen:a', at: 0, beyond: 1, between: undefined, within: 0 },
    { key: 'watchedValue:a', at: 0, beyond: 1, between: undefined, within: 0 },
    { key: 'auditTrail:', at: 0, beyond: 1, between: undefined, within: 0 },
    { key: 'journal:', at: 0, beyond: 1, between: undefined, within: 0 },
  ];
  for (const { key, at, beyond, between, within } of thresholds) {
    it(`R11.3 ${key} is raised beyond its threshold only, stays in between, and clears`, () => {
      const { look, told } = given();
      assert.deepEqual(look(1_000, { [key]: at }), []);
      assert.deepEqual(look(1_000, { [key]: between }), []);
      assert.deepEqual(look(1_000, { [key]: beyond }), [key]);
      assert.deepEqual(look(1_000, { [key]: between }), [key]);
      assert.deepEqual(look(1_000, { [key]: within }), []);
      assert.deepEqual(look(1_000, { [key]: between }), []);
      assert.deepEqual(told, [`${key.replace(/:$/, '')} firing`, `${key.replace(/:$/, '')} resolved`]);
    });
  }

  it('R11.6 Φ is raised when it was below 0.95 for a minute, and clears at 0.96', () => {
    const { look } = given();
    look(0, { 'continuity:': 0.949 });
    assert.deepEqual(look(MINUTE - 1, { 'continuity:': 0.949 }), []);
    assert.deepEqual(look(1, { 'continuity:': 0.949 }), ['continuity:']);
    assert.deepEqual(look(1_000, { 'continuity:': 0.955 }), ['continuity:']);
    assert.deepEqual(look(1_000, { 'continuity:': 0.96 }), []);
  });

  it('R11.6 an aim that is nearly everything can be met again', () => {
    const { look } = given({ continuity: { threshold: 0.995, for: 0 } });
    assert.deepEqual(look(0, { 'continuity:': 0.99 }), ['continuity:']);
    assert.deepEqual(look(MINUTE, { 'continuity:': 1 }), []);
  });

  it('R11.6 Φ of exactly 0.95 is well, and a dip shorter than a minute is nothing', () => {
    const { look, evaluator } = given();
    look(0, { 'continuity:': 0.95 });
    assert.deepEqual(look(10 * MINUTE, { 'continuity:': 0.95 }), []);
    look(0, { 'continuity:': 0.9 });
    assert.equal(evaluator.nextChangeAt, 11 * MINUTE);
    look(59_000, { 'continuity:': 0.95 });
    assert.deepEqual(look(59_000, { 'continuity:': 0.9 }), []);
    // The minute begins anew.
    assert.deepEqual(look(MINUTE - 1, { 'continuity:': 0.9 }), []);
    assert.deepEqual(look(1, { 'continuity:': 0.9 }), ['continuity:']);
  });

  it('what is pending stays so while nothing is known', () => {
    const { look } = given({ breakerOpen: { for: 10 } });
    look(0, { 'breakerOpen:a': 1 });
    look(5_000, { 'breakerOpen:a': undefined });
    assert.deepEqual(look(5_000, { 'breakerOpen:a': 1 }), ['breakerOpen:a']);
  });

  it('looks again when the first of several that are pending is due', () => {
    const { look, evaluator } = given({ breakerOpen: { for: 10 } });
    look(0, { 'breakerOpen:a': 1, 'breakerOpen:b': 0 });
    look(5_000, { 'breakerOpen:a': 1, 'breakerOpen:b': 1 });
    assert.equal(evaluator.nextChangeAt, 10_000);
    assert.deepEqual(look(5_000, { 'breakerOpen:a': 1, 'breakerOpen:b': 1 }), ['breakerOpen:a']);
  });

  it('a rule that is switched off does not exist', () => {
    for (const id of alertRuleIds) {
      const { rules } = given({ [id]: { enabled: false } });
      assert.equal(rules.length, alertRuleIds.length - 1);
      assert.ok(rules.every((rule) => rule.id !== id));
    }
  });

  it('a server that is gone has no alerts, and its end is told', () => {
    const { look, told } = given();
    look(0, { 'crashLoop:a': 1 });
    assert.deepEqual(look(1_000, {}), []);
    assert.deepEqual(told, ['crashLoop:a firing', 'crashLoop:a resolved']);
  });

  it('the worst come first', () => {
    const { look } = given();
    assert.deepEqual(look(0, { 'breakerOpen:a': 1, 'crashLoop:b': 1 }), ['crashLoop:b', 'breakerOpen:a']);
  });
});

describe('flapping alerts', () => {
  const key = 'breakerOpen:a';
  /** Raised and resolved so often, half a minute each. */
  function flap(times: number, look: ReturnType<typeof given>['look']): void {
    for (let time = 0; time < times; time += 1) {
      look(30_000, { [key]: 1 });
      look(30_000, { [key]: 0 });
    }
  }

  it('R11.3 is raised for the third time in ten minutes, and stays until it was calm for five', () => {
    const { look, evaluator, told } = given();
    flap(2, look);
    assert.equal(evaluator.firing.length, 0);
    flap(1, look);
    const [alert] = evaluator.firing;
    assert.deepEqual([alert?.isFlapping, alert?.count, alert?.since], [true, 3, WALL + 30_000]);
    flap(2, look);
    assert.equal(evaluator.firing[0]?.count, 5);
    assert.equal(evaluator.nextChangeAt, 5 * MINUTE + 5 * MINUTE);
    assert.deepEqual(look(5 * MINUTE - 1, { [key]: 0 }), [key]);
    assert.deepEqual(look(1, { [key]: 0 }), []);
    assert.deepEqual(told.slice(-2), [`${key} firing`, `${key} resolved`]);
    assert.equal(told.length, 6);
  });

  it('a third time after ten minutes is none of these', () => {
    const { look, evaluator } = given();
    flap(2, look);
    look(9 * MINUTE, { [key]: 0 });
    look(0, { [key]: 1 });
    assert.equal(evaluator.firing[0]?.isFlapping, false);
  });

  it('is forgotten when a person has brought the server back', () => {
    const { look, evaluator } = given();
    flap(3, look);
    evaluator.forget('b');
    assert.deepEqual(look(1_000, { [key]: 0 }), [key]);
    evaluator.forget('a');
    assert.deepEqual(look(1_000, { [key]: 0 }), []);
    flap(2, look);
    assert.deepEqual(evaluator.firing, []);
  });
});

describe('inhibited alerts', () => {
  it('R11.3 a crash loop hides the open breaker and the broken pipes of the same server, and of no other', () => {
    const { look, told } = given();
    const values = { 'crashLoop:a': 1, 'breakerOpen:a': 1, 'brokenPipes:a': 9, 'breakerOpen:b': 1 };
    assert.deepEqual(look(0, values), ['crashLoop:a', 'breakerOpen:b']);
    assert.deepEqual(look(1_000, { ...values, 'crashLoop:a': 0 }), [
      'breakerOpen:a',
      'brokenPipes:a',
      'breakerOpen:b',
    ]);
    assert.deepEqual(told, [
      'crashLoop:a firing',
      'breakerOpen:b firing',
      'crashLoop:a resolved',
      'breakerOpen:a firing',
      'brokenPipes:a firing',
    ]);
  });

  it('an alert that becomes a consequence is hidden, and not told to be over before it is', () => {
    const { look, told } = given();
    look(0, { 'breakerOpen:a': 1, 'crashLoop:a': 0 });
    assert.deepEqual(look(0, { 'breakerOpen:a': 1, 'crashLoop:a': 1 }), ['crashLoop:a']);
    assert.deepEqual(told, ['breakerOpen:a firing', 'crashLoop:a firing']);
    look(0, { 'breakerOpen:a': 0, 'crashLoop:a': 0 });
    assert.deepEqual(told.slice(2).sort(), ['breakerOpen:a resolved', 'crashLoop:a resolved']);
  });

  it('R11.6 a low Φ that a crash loop explains is not told after it either', () => {
    const { look } = given();
    look(0, { 'crashLoop:a': 1, 'continuity:': 0.5 });
    look(30_000, { 'crashLoop:a': 0, 'continuity:': 0.5 });
    assert.deepEqual(look(5 * MINUTE, { 'crashLoop:a': 0, 'continuity:': 0.6 }), []);
    look(MINUTE, { 'continuity:': 0.97 });
    look(MINUTE, { 'continuity:': 0.9 });
    assert.deepEqual(look(MINUTE, { 'continuity:': 0.9 }), ['continuity:']);
  });
});

describe('state of an alert', () => {
  it('makes legal moves only, whatever is measured', () => {
    const seen = new Set<string>();
    const rules = rulesOf(parseAlertSettings([]).settings);
    for (const base of rules)
      for (const rule of [base, { ...base, forMs: 2_000 }]) {
        let state: AlertState = untroubled;
        for (let turn = 0; turn < 2_000; turn += 1) {
          // All values that differ for any rule, in an order that repeats after thousands of turns only.
          const value = [undefined, 0, 1, 0.955, 6, 40][(turn * turn + (turn >> 3)) % 6];
          const next = step(state, rule, value, turn * 1_000);
          if (next.phase.kind !== state.phase.kind) seen.add(`${state.phase.kind} ${next.phase.kind}`);
          assert.ok(next.raises.length <= 3);
          state = next;
        }
      }
    const legal = Object.entries(legalAlertMoves).flatMap(([from, to]) =>
      to.map((kind) => `${from} ${kind}`),
    );
    assert.deepEqual([...seen].sort(), legal.sort());
  });
});

describe('sliding count', () => {
  it('counts what is younger than its window, to a sixtieth of it', () => {
    const count = new SlidingCount(MINUTE);
    count.add(2, 500);
    count.add(3, 30_000);
    assert.equal(count.sum(59_999), 5);
    assert.equal(count.sum(60_000), 3);
    assert.equal(count.sum(89_999), 3);
    assert.equal(count.sum(90_000), 0);
    assert.equal(count.nextChangeAt, undefined);
  });

  it('forgets everything in a long pause, and nothing when time stands still', () => {
    const count = new SlidingCount(MINUTE);
    for (let second = 0; second < 600; second += 1) count.add(1, second * 1_000);
    assert.equal(count.sum(599_999), 60);
    assert.equal(count.nextChangeAt, 600_000);
    count.add(1, 1e9);
    assert.equal(count.sum(1e9), 1);
    assert.equal(count.sum(1e9), 1);
    count.clear();
    assert.equal(count.sum(1e9), 0);
    count.add(1, 1e9);
    assert.equal(count.sum(2e9), 0);
  });
});

describe('counts of a server', () => {
  it('R5.6 forget what was counted since the last look too', () => {
    const counts = new ServerCounts({ brokenPipesMs: MINUTE, retryRateMs: MINUTE });
    counts.look(2, 0);
    counts.calls = 5;
    counts.retriedCalls = 5;
    counts.retriesAfterLoss = 5;
    counts.forget();
    counts.calls = 20;
    counts.look(2, 1_000);
    assert.deepEqual([counts.brokenPipes(1_000), counts.retryRate(1_000, 20)], [0, 0]);
  });

  it('R11.3 one call is too few for a rate, none is no trouble', () => {
    const counts = new ServerCounts({ brokenPipesMs: MINUTE, retryRateMs: MINUTE });
    assert.equal(counts.retryRate(0, 20), 0);
    counts.calls = 1;
    counts.look(0, 0);
    assert.equal(counts.retryRate(0, 20), undefined);
  });
});
