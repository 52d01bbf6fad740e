import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FakeClock, settleQuickly } from '../../../test/support/fakeClock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { scanFrame, type Frame } from '../../shared/protocol/frameScanner.ts';
import { parseConnectionSettings } from '../../shared/settings/connectionSettings.ts';
import { parseServerConfig } from '../../shared/settings/serverConfig.ts';
import { CatalogueStore } from '../catalogue/catalogue.ts';
import { Observations, type CallOutcome } from '../observability/observations.ts';
import type { Call, Outcome } from '../pipeline/call.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Journal } from '../state/journal.ts';
import type { Launch } from '../upstream/launch.ts';
import { Outages } from '../upstream/outages.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import { CallTable } from './callTable.ts';

type Request = Extract<Frame, { kind: 'request' }>;

const methods = ['tools/call', 'resources/read', 'tools/list', 'prompts/get'] as const;
const faults: readonly FaultCode[] = [
  'exited',
  'requestTimeout',
  'unavailable',
  'connectionReset',
  'protocolGarbage',
  'serverError',
];
const refusals = ['isolated', 'crashLoop', 'stopped'] as const;

/** A call table over a server that a test plays. */
function given() {
  const clock = new FakeClock();
  const throwIt = (error: unknown): void => {
    throw error as Error;
  };
  const { settings } = parseConnectionSettings([]);
  const { config } = parseServerConfig(
    's',
    { command: 'x', lifeline: { cache: { stale: true } } },
    { pathPrefix: 'p', trustByDefault: true },
  );
  const tide = new Tide(clock);
  const runtime = new ServerRuntime(
    's',
    { config, settings },
    {
      clock,
      store: new CatalogueStore(join(tmpdir(), 'there-is-no-such-folder'), 'w', () => undefined),
      onListenerError: throwIt,
      recovery: (name) => new ServerRecovery(name, { clock, random: () => 0.5, tide }),
    },
  );
  runtime.configure({ config, settings });

  let hasEnded = false;
  let state: ConnectionState = 'ready';
  /** Calls that the server has. */
  const atServer = new Map<Call, (outcome: Outcome) => void>();
  const handedOver: Call[] = [];
  const launch = {
    outages: new Outages(),
    hasEnded: false,
    toolHints: undefined,
    oddity: undefined,
    countLoss: () => true,
    send: (call: Call): Promise<Outcome> => {
      const { signal } = call.controller;
      if (signal.aborted) return Promise.resolve({ kind: 'fault', fault: signal.reason as Fault });
      if (hasEnded) {
        hasEnded = false;
        state = 'recovering';
        return Promise.resolve(lost());
      }
      call.delivery = 'written';
      call.attempts += 1;
      handedOver.push(call);
      return new Promise((resolve) => {
        const settle = (outcome: Outcome): void => {
          if (atServer.delete(call)) resolve(outcome);
        };
        signal.addEventListener('abort', () => settle({ kind: 'fault', fault: signal.reason as Fault }), {
          once: true,
        });
        atServer.set(call, settle);
      });
    },
  } as unknown as Launch;

  const waiting = new Set<(launch: Launch) => void>();
  const changed = new Emitter<ConnectionState>(throwIt);
  const link = {
    get state() {
      return state;
    },
    get usableLaunch() {
      return state === 'ready' ? launch : undefined;
    },
    onDidChange: changed.event,
    isFirstStart: false,
    suspect: () => undefined,
    whenUsable: (call: Call): Promise<Launch> => {
      if (state === 'ready') return Promise.resolve(launch);
      if (state !== 'recovering')
        return Promise.reject(new Fault(state as FaultCode, 'It is out.', { server: 's' }));
      return new Promise((resolve, reject) => {
        waiting.add(resolve);
        call.controller.signal.addEventListener('abort', () => {
          waiting.delete(resolve);
          reject(call.controller.signal.reason);
        });
      });
    },
  } as unknown as ServerLink;

  const answers = new Map<string, string>();
  const ends: CallOutcome[] = [];
  const observations = new Observations(throwIt);
  let counted = true;
  observations.add({
    onCall: (_, outcome) => {
      ends.push(outcome);
      const { successful, failed, cancelled } = runtime.counters;
      // Who is told finds it counted.
      counted &&= successful + failed + cancelled === ends.length;
    },
    onEvent: ({ kind }) => (retries += Number(kind === 'retry')),
  });
  let retries = 0;
  let connection: ServerLink | undefined = link;
  let number = 0;
  const journal: Partial<Journal> = {
    find: () => undefined,
    answered: () => undefined,
    withdrawn: () => undefined,
    inheritedCompletely: true,
  };
  const calls = new CallTable({
    clock,
    random: () => 0.5,
    journal: journal as Journal,
    session: 'x',
    runtime,
    connection: () => connection,
    catalogueKey: () => 'k',
    hasRunTools: false,
    nextNumber: () => (number += 1),
    answer: (id, message) => {
      assert.ok(!answers.has(id), 'answered twice');
      answers.set(id, typeof message === 'string' ? message : new TextDecoder().decode(message));
    },
    redact: (text) => text,
    observations,
    log: () => undefined,
  });

  let lastId = 0;
  const request = (method: string): { line: Uint8Array; frame: Request } => {
    lastId += 1;
    const params = { name: 't', uri: 'file:///x' };
    const line = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params }));
    const frame = scanFrame(line);
    assert.ok(frame.kind === 'request');
    return { line, frame };
  };
  const open = new Set<string>();
  let asked = 0;
  return {
    clock,
    runtime,
    calls,
    answers,
    ends,
    handedOver,
    atServer,
    get isCountedFirst() {
      return counted;
    },
    get retries() {
      return retries;
    },
    get asked() {
      return asked;
    },
    get open() {
      return [...open].filter((id) => !answers.has(id));
    },
    call(method: string, again = false): void {
      const { line, frame } = request(method);
      asked += 1;
      const call = calls.create(line, frame);
      if (call === undefined) return;
      open.add(frame.id);
      if (again && calls.interrupted(call, false)) return;
      if (method === 'tools/list') void calls.runOr(call, 1_000, () => '{"tools":[]}');
      else void calls.run(call);
    },
    refuse(): void {
      const { line, frame } = request('tools/call');
      asked += 1;
      calls.refuse(line, frame, new Fault('stopped', 'It is not there.', { server: 's' }));
    },
    settle(index: number, outcome: (call: Call) => Outcome): void {
      const all = [...atServer];
      const found = all[index % Math.max(1, all.length)];
      found?.[1](outcome(found[0]));
    },
    cancel(index: number): void {
      const ids = [...open].filter((id) => !answers.has(id));
      const id = ids[index % Math.max(1, ids.length)];
      if (id === undefined) return;
      calls.cancel(id, new Uint8Array());
      open.delete(id);
    },
    leave(): void {
      calls.cancelAll(new Fault('cancelled', 'The client has left.', { server: 's' }), true);
      for (const id of [...open]) if (!answers.has(id)) open.delete(id);
    },
    move(next: ConnectionState): void {
      state = next;
      changed.fire(next);
      if (next !== 'ready') return;
      for (const resolve of [...waiting]) resolve(launch);
      waiting.clear();
    },
    /** The launch has ended, and nobody has noticed. */
    set hasEnded(value: boolean) {
      hasEnded = value;
    },
    loseSettings(lost: boolean): void {
      connection = lost ? undefined : link;
    },
  };
}

const answerTo = ({ id }: Call, isError = false): Outcome => {
  const tail = isError ? '"error":{"code":-1,"message":"no"}' : '"result":{"contents":[],"content":[]}';
  return { kind: 'answer', line: new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},${tail}}`), isError };
};

const lost = (): Outcome => ({ kind: 'fault', fault: new Fault('exited', 'gone', { server: 's' }) });

/** One thing that happens. */
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('call' as const), method: fc.constantFrom(...methods) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('again' as const), method: fc.constantFrom(...methods) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), index: fc.nat(20), isError: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      index: fc.nat(20),
      code: fc.constantFrom(...faults),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), index: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(50, 1_500, 45_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      state: fc.constantFrom('ready', 'recovering', ...refusals),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settings' as const), lost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'refuse' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'leave' as const }) },
);

function countOf(ends: readonly CallOutcome[], wanted: (outcome: CallOutcome) => boolean): number {
  return ends.filter(wanted).length;
}

const isAnswer = (end: CallOutcome): boolean => ['ok', 'error', 'stale', 'remembered'].includes(end);

describe('the counters of calls', () => {
  it('R11.1 every call is open, or ended in exactly one way, whatever happens to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 80 }), async (events) => {
        const bed = given();
        const { counters } = bed.runtime;
        const check = (): void => {
          const { total, successful, failed, cancelled, open, retries, retryDelays } = counters;
          assert.equal(total, bed.asked);
          assert.equal(open, bed.open.length);
          assert.equal(total, successful + failed + cancelled + open);
          // What the observers, and the clients, were told.
          assert.equal(bed.ends.length, successful + failed + cancelled);
          assert.equal(bed.answers.size, successful + failed);
          assert.equal(countOf(bed.ends, isAnswer), successful);
          assert.equal(
            countOf(bed.ends, (end) => end === 'stale'),
            counters.stale,
          );
          assert.equal(
            countOf(bed.ends, (end) => end === 'remembered'),
            counters.remembered,
          );
          assert.equal(
            countOf(bed.ends, (end) => end === 'cancelled'),
            cancelled,
          );
          assert.equal(
            countOf(bed.ends, (end) => end === 'outcomeUnknown'),
            counters.outcomeUnknown,
          );
          assert.equal(
            countOf(bed.ends, (end) => ['ok', 'error'].includes(end)),
            bed.runtime.latency.count,
          );
          assert.equal(retries, bed.retries);
          const again = bed.handedOver.length - new Set(bed.handedOver).size;
          assert.ok(retryDelays.count <= retries && retryDelays.count >= again);
          assert.ok(bed.isCountedFirst);
        };
        for (const one of events) {
          switch (one.kind) {
            case 'call':
            case 'again':
              bed.call(one.method, one.kind === 'again');
              break;
            case 'answer':
              bed.settle(one.index, (call) => answerTo(call, one.isError));
              break;
            case 'fail':
              bed.settle(one.index, () => ({
                kind: 'fault',
                fault: new Fault(one.code, one.code, { server: 's' }),
              }));
              break;
            case 'cancel':
              bed.cancel(one.index);
              break;
            case 'wait':
              await bed.clock.advanceQuickly(one.ms);
              break;
            case 'move':
              bed.move(one.state);
              break;
            case 'settings':
              bed.loseSettings(one.lost);
              break;
            case 'refuse':
              bed.refuse();
              break;
            case 'leave':
              bed.leave();
          }
          await settleQuickly();
          check();
        }
        bed.leave();
        await settleQuickly();
        check();
        assert.equal(counters.open, 0);
      }),
      { numRuns: 200 },
    );
  });

  it('R11.1 one that is refused because too many are open is counted as failed', async () => {
    const bed = given();
    bed.move('recovering');
    for (let n = 0; n < 1_002; n += 1) bed.call('resources/read');
    await settleQuickly();
    const { total, failed, open } = bed.runtime.counters;
    assert.deepEqual([total, failed, open], [1_002, 2, 1_000]);
    bed.leave();
  });

  it('R11.1 a retry is measured from the failed attempt until the next one is handed over', async () => {
    const bed = given();
    const { counters } = bed.runtime;
    bed.call('resources/read');
    await settleQuickly();
    bed.move('recovering');
    bed.settle(0, lost);
    await bed.clock.advanceQuickly(2_000);
    assert.deepEqual([counters.retries, counters.retryDelays.count], [1, 0]);
    bed.move('ready');
    await settleQuickly();
    assert.deepEqual(counters.retryDelays.figures, { averageMs: 2_000, longestMs: 2_000, lastMs: 2_000 });
    bed.settle(0, answerTo);
    await settleQuickly();
    const { successful, retries, retryDelays } = counters;
    assert.deepEqual([successful, retries, retryDelays.count], [1, 1, 1]);
  });

  it('R11.1 each retry of a call has its own time; what was never handed over is part of it', async () => {
    const bed = given();
    const { counters } = bed.runtime;
    bed.call('resources/read');
    for (const ms of [300, 500]) {
      await settleQuickly();
      bed.move('recovering');
      bed.settle(0, lost);
      await bed.clock.advanceQuickly(ms);
      bed.move('ready');
    }
    await settleQuickly();
    assert.deepEqual(counters.retryDelays.figures, { averageMs: 400, longestMs: 500, lastMs: 500 });
    bed.leave();
  });

  it('R11.1 an attempt that was not handed over is waited for on', async () => {
    const bed = given();
    const { counters } = bed.runtime;
    bed.call('resources/read');
    await settleQuickly();
    bed.move('recovering');
    bed.settle(0, lost);
    await bed.clock.advanceQuickly(100);
    bed.hasEnded = true;
    bed.move('ready');
    await settleQuickly();
    await bed.clock.advanceQuickly(100);
    bed.move('ready');
    await settleQuickly();
    const { retryDelays } = counters;
    assert.deepEqual([retryDelays.count, retryDelays.figures?.lastMs], [1, 200]);
    assert.equal(counters.retries, 2);
    bed.leave();
  });

  it('R11.1 an answer that was given before is a success of its own kind', async () => {
    const bed = given();
    bed.call('resources/read');
    await settleQuickly();
    bed.settle(0, answerTo);
    await settleQuickly();
    bed.move('crashLoop');
    bed.call('resources/read');
    await settleQuickly();
    const { total, successful, stale, failed, open } = bed.runtime.counters;
    assert.deepEqual([total, successful, stale, failed, open], [2, 2, 1, 0, 0]);
    assert.equal(bed.runtime.latency.count, 1);
  });

  it('R11.1 a retry that is cancelled before it comes has no delay', async () => {
    const bed = given();
    bed.call('resources/read');
    await settleQuickly();
    bed.move('recovering');
    bed.settle(0, lost);
    await bed.clock.advanceQuickly(2_000);
    bed.cancel(0);
    await settleQuickly();
    const { cancelled, retries, retryDelays } = bed.runtime.counters;
    assert.deepEqual([cancelled, retries, retryDelays.count], [1, 1, 0]);
  });
});
