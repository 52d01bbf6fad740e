import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { continuitySchema } from '../../../shared/model/continuity.ts';
import { compareLists } from '../../catalogue/stability.ts';
import { Uptime, type Availability } from '../metrics/uptime.ts';
import type { CallOutcome, ObservedCall } from '../observations.ts';
import { Continuity } from './continuity.ts';
import { continuityTargets, enoughToJudge } from './figures.ts';
import { LONG_CALL_MS, MAX_LONG_TOOLS } from './longCalls.ts';

const doc = readFileSync(join(import.meta.dirname, '../../../../docs/continuity.md'), 'utf8');

/** The worked examples of a figure. */
function examples(figure: string): Record<string, unknown>[] {
  const blocks = doc.matchAll(new RegExp(`\`\`\`json example ${figure}\n([^\`]*)\`\`\``, 'g'));
  return [...blocks].map(([, text = '']) => JSON.parse(text) as Record<string, unknown>);
}

interface Ended {
  readonly tool?: string;
  readonly tookMs?: number;
  readonly atServerMs?: number;
  readonly answeredAttemptMs?: number;
  readonly waitedForPlaceMs?: number;
  readonly progress?: boolean;
  readonly outcome: CallOutcome;
}

function given() {
  const clock = new FakeClock();
  const uptimes = new Map<string, Uptime>();
  const reported: (number | undefined)[] = [];
  const continuity = new Continuity({
    clock,
    servers: () => uptimes.keys(),
    uptime: (server) => uptimes.get(server)?.reading,
    alerts: { reportContinuity: (phi) => reported.push(phi) },
  });
  const uptime = (server = 's'): Uptime => {
    const known = uptimes.get(server) ?? new Uptime(() => clock.now());
    uptimes.set(server, known);
    return known;
  };
  const end = (call: Partial<ObservedCall>, outcome: CallOutcome): void =>
    continuity.onCall(
      {
        session: 'x',
        server: 's',
        method: 'tools/call',
        tool: 'read',
        callId: 'c',
        retryClass: 'safe',
        attempts: 1,
        startedAt: clock.now(),
        waitedMs: 0,
        line: Buffer.from('{}'),
        ...call,
      },
      outcome,
    );
  /** A call as the examples of the document tell it. */
  const ended = async (told: Ended): Promise<void> => {
    const { atServerMs = 0, tookMs = atServerMs, answeredAttemptMs, waitedForPlaceMs = 0, outcome } = told;
    const startedAt = clock.now();
    await clock.advanceQuickly(tookMs);
    end(
      {
        tool: told.tool ?? 'read',
        startedAt,
        waitedMs: waitedForPlaceMs,
        sentAt: clock.now() - (answeredAttemptMs ?? (told.atServerMs === undefined ? 0 : atServerMs)),
        isHeldUp: answeredAttemptMs !== undefined,
        ...(told.progress === true ? { highestProgress: 1 } : {}),
      },
      outcome,
    );
  };
  const relist = (unchanged: number, all: number, server = 's'): void =>
    continuity.onEvent({ kind: 'relisted', server, unchanged, all });
  return { clock, continuity, uptime, end, ended, relist, reported };
}

describe('continuity', () => {
  it('R11.6 says nothing where there is nothing to measure', () => {
    const { continuity } = given();
    const none = { wantedMs: 0, longCalls: 0, reconnects: 0, calls: 0, missed: [] };
    assert.deepEqual(continuity.overall, { life: none, recent: none, windowMs: 3_600_000 });
    assert.deepEqual(continuity.of('nobody'), continuity.overall);
    assert.deepEqual(continuitySchema.parse(continuity.overall), continuity.overall);
  });

  describe('agrees with the worked examples of docs/continuity.md', () => {
    it('R11.6 on Φ', async () => {
      const found = examples('phi');
      assert.equal(found.length, 2);
      for (const { spans, phi } of found) {
        const { clock, continuity, uptime } = given();
        for (const [availability, seconds] of spans as [Availability, number][]) {
          uptime().note(availability);
          await clock.advanceQuickly(seconds * 1_000);
        }
        assert.equal(continuity.of('s').life.phi, phi ?? undefined);
        assert.equal(continuity.overall.life.phi, phi ?? undefined);
      }
    });

    it('R11.6 on Ψ', async () => {
      const [example] = examples('psi');
      const { continuity, ended } = given();
      for (const call of example?.['calls'] as Ended[]) await ended(call);
      assert.equal(continuity.of('s').life.psi, example?.['psi']);
    });

    it('R11.6 on σ', () => {
      const [example] = examples('sigma');
      const { continuity, relist } = given();
      const items = (texts: readonly string[]): unknown[] =>
        texts.map((text) => ({ name: text.split(' ')[0], inputSchema: text }));
      for (const { before, after } of example?.['reconnects'] as { before: string[]; after: string[] }[]) {
        const { unchanged, all } = compareLists({ tools: items(before) }, { tools: items(after) }, ['tools']);
        relist(unchanged, all);
      }
      assert.equal(continuity.of('s').life.sigma, example?.['sigma']);
      assert.equal(continuity.of('s').life.reconnects, 2);
    });

    it('R11.6 on Δ', async () => {
      const [example] = examples('delta');
      const { continuity, ended } = given();
      for (const call of example?.['calls'] as Ended[]) await ended(call);
      assert.equal(continuity.of('s').life.deltaMs, example?.['deltaMs']);
      assert.equal(continuity.of('s').life.calls, 4);
    });

    it('R11.6 on targets and limits', () => {
      const rows = [...doc.matchAll(/^\| (.) +\|.*\| ([\d.–ms]+) +\| [≥≤] ([\d.]+) +\| ([\d]+) /gmu)];
      const { phi, psi, sigma, deltaMs } = continuityTargets;
      const { wantedMs, longCalls, reconnects, calls } = enoughToJudge;
      assert.deepEqual(
        rows.map(([, figure, , target, enough]) => [figure, Number(target), Number(enough)]),
        [
          ['Φ', phi, wantedMs / 1_000],
          ['Ψ', psi, longCalls],
          ['σ', sigma, reconnects],
          ['Δ', deltaMs, calls],
        ],
      );
      assert.match(doc, new RegExp(`at least ${LONG_CALL_MS / 1_000} s, all its attempts`));
    });
  });

  it('R11.6 the recent window forgets, the life does not', async () => {
    const { clock, continuity, uptime, end, relist } = given();
    uptime().note('down');
    end({ startedAt: clock.now() - 500 }, 'exited');
    relist(0, 4);
    await clock.advanceQuickly(300_000);
    uptime().note('usable');
    await clock.advanceQuickly(300_000);
    assert.deepEqual(
      [continuity.of('s').recent.phi, continuity.of('s').recent.deltaMs, continuity.of('s').recent.sigma],
      [0.5, 500, 0],
    );
    await clock.advanceQuickly(3_600_000);
    const { recent, life } = continuity.of('s');
    assert.equal(recent.phi, 1);
    assert.ok(recent.wantedMs > 3_540_000 && recent.wantedMs <= 3_600_000);
    assert.deepEqual([recent.deltaMs, recent.sigma, recent.calls], [undefined, undefined, 0]);
    assert.deepEqual([life.deltaMs, life.sigma, life.wantedMs], [500, 0, 4_200_000]);
    assert.equal(life.phi, 3_900_000 / 4_200_000);
  });

  it('R11.6 all servers are one pot: each hour and call counts once', async () => {
    const { clock, continuity, uptime, end } = given();
    uptime('a').note('usable');
    uptime('b').note('down');
    uptime('idle').note('unused');
    await clock.advanceQuickly(60_000);
    uptime('b').note('unused');
    await clock.advanceQuickly(120_000);
    for (let n = 0; n < 9; n += 1) end({ server: 'a' }, 'ok');
    end({ server: 'b', startedAt: clock.now() - 1_000 }, 'requestTimeout');
    assert.deepEqual([continuity.of('a').life.phi, continuity.of('b').life.phi], [1, 0]);
    assert.equal(continuity.overall.life.phi, 180_000 / 240_000);
    assert.equal(continuity.overall.life.deltaMs, 100);
    // A server that is removed takes its own figures with it, not what happened.
    continuity.onEvent({ kind: 'configuration', servers: ['a', 'idle'] });
    assert.equal(continuity.of('b').life.calls, 0);
    assert.equal(continuity.overall.life.calls, 10);
  });

  it('R11.6 a server that leaves the settings and comes back is not counted twice', async () => {
    const { clock, continuity, uptime } = given();
    const configured = (...servers: string[]): void => continuity.onEvent({ kind: 'configuration', servers });
    configured('s');
    uptime().note('down');
    await clock.advanceQuickly(599_000);
    configured();
    configured('s');
    uptime().note('usable');
    await clock.advanceQuickly(599_000);
    assert.deepEqual([continuity.of('s').life.phi, continuity.overall.life.phi], [1, 0.5]);
    assert.equal(continuity.overall.life.wantedMs, 1_198_000);
  });

  it('R11.6 names what misses its target, once there is enough to judge by', async () => {
    const { clock, continuity, uptime, end, relist, reported } = given();
    uptime().note('down');
    for (let n = 0; n < 2; n += 1) end({ isTask: true, startedAt: clock.now() - 1_000 }, 'exited');
    relist(1, 2);
    await clock.advanceQuickly(30_000);
    assert.deepEqual(continuity.of('s').recent.missed, []);
    assert.equal(continuity.of('s').recent.phi, 0);
    for (let n = 0; n < 8; n += 1) end({ isTask: true, startedAt: clock.now() - 1_000 }, 'exited');
    relist(1, 2);
    await clock.advanceQuickly(40_000);
    assert.deepEqual(continuity.of('s').recent.missed, ['phi', 'psi', 'sigma', 'deltaMs']);
    await clock.advanceQuickly(60_000);
    assert.deepEqual(reported, [undefined, 0]);
  });

  it('R11.6 Φ is between 0 and 1, and the same however often it is asked for', async () => {
    const step = fc.record({
      availability: fc.constantFrom<Availability>('usable', 'down', 'unused'),
      ms: fc.integer({ min: 0, max: 400_000 }),
      cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const [cut, whole] = [given(), given()];
        const wanted = { usable: 0, down: 0, unused: 0 };
        for (const { availability, ms, cuts } of steps) {
          wanted[availability] += ms;
          cut.uptime().note(availability);
          whole.uptime().note(availability);
          await whole.clock.advanceQuickly(ms);
          let rest = ms;
          for (const part of cuts) {
            const first = Math.floor(rest * part);
            await cut.clock.advanceQuickly(first);
            rest -= first;
            const { life, recent } = cut.continuity.of('s');
            for (const { phi = 0 } of [life, recent]) assert.ok(phi >= 0 && phi <= 1);
            assert.deepEqual(cut.continuity.overall, cut.continuity.of('s'));
          }
          await cut.clock.advanceQuickly(rest);
        }
        assert.deepEqual(cut.continuity.of('s'), whole.continuity.of('s'));
        const { usable, down } = wanted;
        assert.equal(
          cut.continuity.of('s').life.phi,
          usable + down === 0 ? undefined : usable / (usable + down),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('R11.6 leaves no timer behind, and remembers only so many tools as long', async () => {
    const { clock, continuity, ended } = given();
    for (let n = 0; n <= MAX_LONG_TOOLS; n += 1)
      await ended({ tool: `t${n}`, atServerMs: 10_000, outcome: 'ok' });
    await ended({ tool: 't0', atServerMs: 10, outcome: 'exited' });
    await ended({ tool: 't1', atServerMs: 10, outcome: 'exited' });
    const { longCalls, psi } = continuity.of('s').life;
    assert.deepEqual([longCalls, psi], [MAX_LONG_TOOLS + 2, (MAX_LONG_TOOLS + 1) / (MAX_LONG_TOOLS + 2)]);
    continuity.dispose();
    assert.equal(clock.pending, 0);
  });
});

describe('the time that a call lost', () => {
  const cases: readonly (readonly [
    string,
    Partial<ObservedCall> & { readonly ago: number },
    CallOutcome,
    number | undefined,
  ])[] = [
    ['nothing when nothing held it up', { ago: 100, sentAt: -99 }, 'ok', 0],
    ['nothing to a first start', { ago: 5_000, sentAt: -10, coldMs: 4_980, isHeldUp: false }, 'ok', 0],
    [
      'what passed before the attempt that was answered',
      { ago: 900, sentAt: -100, isHeldUp: true },
      'error',
      800,
    ],
    ['but not its wait for a place', { ago: 900, sentAt: -100, waitedMs: 300, isHeldUp: true }, 'ok', 500],
    ['all of it when it failed', { ago: 900, sentAt: -100 }, 'outcomeUnknown', 900],
    ['what it had waited when it was cancelled', { ago: 900, isHeldUp: true }, 'cancelled', 900],
    ['nothing when it was cancelled at the server', { ago: 900, sentAt: -890 }, 'cancelled', 0],
    ['all of it for a stale answer', { ago: 900, coldMs: 100 }, 'stale', 800],
    ['is no matter of a list', { ago: 900, method: 'tools/list' }, 'exited', undefined],
    ['is no matter of a server that a person has put away', { ago: 900 }, 'isolated', undefined],
  ];
  for (const [title, { ago, sentAt, ...call }, outcome, lost] of cases) {
    it(`R11.6 ${title}`, () => {
      const { clock, continuity, end } = given();
      const now = clock.now();
      const sent = sentAt === undefined ? {} : { sentAt: now + sentAt };
      end({ ...call, ...sent, startedAt: now - ago }, outcome);
      const { calls, deltaMs } = continuity.of('s').life;
      assert.deepEqual([calls, deltaMs], lost === undefined ? [0, undefined] : [1, lost]);
    });
  }
});
