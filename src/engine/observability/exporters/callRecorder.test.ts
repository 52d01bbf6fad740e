import assert from 'node:assert/strict';
import { findMembers } from '../../../shared/protocol/frameScanner.ts';
import { Fault } from '../../../shared/model/fault.ts';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import type { Call, Outcome } from '../../pipeline/call.ts';
import type { ClientHeaders } from '../../pipeline/callTrace.ts';
import { CallDurations } from './callDurations.ts';
import { CallRecorder } from './callRecorder.ts';
import { MAX_QUEUED_SPANS, SpanQueue, type SpanRecord } from './spanRecords.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const OTHER = 'b'.repeat(32);
const target = { endpoint: undefined };
const bytes = (text: string): Uint8Array => Buffer.from(text);
const answer = (text = '{"jsonrpc":"2.0","id":1,"result":{}}', isError = false): Outcome => ({
  kind: 'answer',
  line: bytes(text),
  isError,
});

function recorder(
  options: { readonly sampling?: number; readonly withSpans?: boolean; readonly maxTraces?: number } = {},
) {
  const clock = new FakeClock();
  const durations = new CallDurations(false);
  const spans = options.withSpans === false ? undefined : new SpanQueue(() => undefined);
  const { sampling = 1, maxTraces } = options;
  const recorder = new CallRecorder({
    ...{ clock, durations, spans, sampling },
    onError: (error) => assert.ifError(error),
    ...(maxTraces === undefined ? {} : { maxTraces }),
  });
  const begin = (meta: object | undefined, headers?: ClientHeaders) => {
    const line = bytes(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'echo', ...(meta === undefined ? {} : { _meta: meta }) },
      }),
    );
    const [params] = findMembers(line, { start: 0, end: line.length }, ['params']);
    const [name, metaRange] = params === undefined ? [] : findMembers(line, params, ['name', '_meta']);
    const call = {
      ...{ server: 's', session: 'x', method: 'tools/call', tool: 'echo', callId: 'c1', id: '1', line },
      ...{ attempts: 1, waitedMs: 0, startedAt: clock.now(), retryClass: 'safe' },
    } as unknown as Call;
    const trace = recorder.begin({ call, params, meta: metaRange, name, headers });
    return { call: { ...call, trace }, trace, line };
  };
  const seen = (line: Uint8Array): Record<string, string> => {
    const message = JSON.parse(Buffer.from(line).toString()) as {
      params: { _meta?: Record<string, string> };
    };
    return message.params._meta ?? {};
  };
  const all = (): SpanRecord[] => spans?.take(Infinity) ?? [];
  return { clock, durations, recorder, begin, seen, spans, all };
}

describe('the recorder of calls', () => {
  it('R11.8 joins the span of the client, of the call, of each attempt, and what the server sees', async () => {
    const { clock, recorder: own, begin, seen, all } = recorder();
    const { call, trace, line } = begin({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=b' });
    const first = trace.attempt(line, target);
    await clock.advance(10);
    first.ended({ kind: 'fault', fault: new Fault('exited', 'gone', { server: 's' }) });
    const second = trace.attempt(line, { endpoint: 'http://127.0.0.1:1/mcp' });
    await clock.advance(5);
    second.ended(answer());
    own.onCall(call, 'ok');
    const [one, two, server] = all();
    assert.deepEqual(
      [one, two, server].map((span) => span?.traceId),
      [TRACE, TRACE, TRACE],
    );
    assert.equal(server?.parentSpanId, SPAN);
    assert.deepEqual([one?.parentSpanId, two?.parentSpanId], [server.spanId, server.spanId]);
    assert.equal(new Set([SPAN, one?.spanId, two?.spanId, server.spanId]).size, 4);
    assert.equal(seen(first.line)['traceparent'], `00-${TRACE}-${one?.spanId}-01`);
    assert.equal(seen(second.line)['traceparent'], `00-${TRACE}-${two?.spanId}-01`);
    assert.equal(seen(second.line)['tracestate'], 'a=b');
    assert.equal(first.headers, undefined);
    assert.deepEqual(second.headers, { traceparent: `00-${TRACE}-${two?.spanId}-01`, tracestate: 'a=b' });
    assert.deepEqual([one?.errorType, two?.errorType, server.errorType], ['exited', undefined, undefined]);
    assert.deepEqual([one?.attempt, two?.attempt, server.attempt], [1, 2, 2]);
    assert.ok(Math.abs((one?.endMs ?? 0) - (one?.startMs ?? 0) - 10) < 1e-6);
  });

  it('R11.8 a call that the client has not sampled goes out byte for byte, and is only measured', () => {
    const { recorder: own, begin, durations, all } = recorder();
    const { call, trace, line } = begin({ traceparent: `00-${TRACE}-${SPAN}-00` });
    const attempt = trace.attempt(line, { endpoint: 'http://h/' });
    assert.equal(attempt.line, line);
    assert.equal(attempt.headers, undefined);
    attempt.ended(answer());
    own.onCall(call, 'ok');
    assert.deepEqual(all(), []);
    assert.deepEqual(durations.all.map(({ side, count }) => [side, count]).sort(), [
      ['client', 1],
      ['server', 1],
    ]);
  });

  it('R11.8 without OTLP nothing is put into a message', () => {
    const { begin } = recorder({ withSpans: false });
    const { trace, line } = begin({ traceparent: `00-${TRACE}-${SPAN}-01` });
    assert.equal(trace.attempt(line, target).line, line);
  });

  it('R11.8 takes the context of the HTTP request where the message has none, with what goes along', () => {
    const { recorder: own, begin, seen, all } = recorder();
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'v=1', baggage: 'user=a' };
    const { call, trace, line } = begin(undefined, headers);
    const meta = seen(trace.attempt(line, target).line);
    assert.deepEqual([meta['tracestate'], meta['baggage']], ['v=1', 'user=a']);
    assert.equal(meta['traceparent']?.split('-')[1], TRACE);
    own.onCall(call, 'ok');
    assert.equal(all()[0]?.parentSpanId, SPAN);
  });

  it('R11.8 the context of the message is the parent; another one of the request is linked', () => {
    const { recorder: own, begin, seen, all } = recorder();
    const { call, trace, line } = begin(
      { traceparent: `00-${TRACE}-${SPAN}-01`, baggage: 'mine' },
      { traceparent: `00-${OTHER}-${SPAN}-01`, baggage: 'other' },
    );
    assert.equal(seen(trace.attempt(line, target).line)['baggage'], 'mine');
    own.onCall(call, 'ok');
    const [span] = all();
    assert.equal(span?.traceId, TRACE);
    assert.equal(span.link?.traceId, OTHER);
  });

  it('R11.8 begins a trace of its own where there is none, or none that is valid; in the share that the settings say', () => {
    for (const meta of [undefined, {}, { traceparent: 'garbage' }, { traceparent: 7 }]) {
      const { recorder: own, begin, seen, all } = recorder();
      const { call, trace, line } = begin(meta);
      const told = seen(trace.attempt(line, target).line)['traceparent'] ?? '';
      assert.match(told, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      own.onCall(call, 'ok');
      const [span] = all();
      assert.equal(span?.parentSpanId, undefined);
      assert.equal(span?.traceId, told.split('-')[1]);
    }
    const { begin, recorder: own, all } = recorder({ sampling: 0.25, maxTraces: Infinity });
    for (let n = 0; n < 1_000; n += 1) own.onCall(begin(undefined).call, 'ok');
    const share = all().length / 1_000;
    assert.ok(share > 0.15 && share < 0.35, String(share));
    const none = recorder({ sampling: 0 });
    none.recorder.onCall(none.begin(undefined).call, 'ok');
    // Who sends a context decides for itself.
    none.recorder.onCall(none.begin({ traceparent: `00-${TRACE}-${SPAN}-01` }).call, 'ok');
    assert.equal(none.all().length, 1);
  });

  it('R11.8 names what went wrong in few words: codes of the protocol, tool errors, faults', () => {
    const table: [Outcome, string | undefined][] = [
      [answer(), undefined],
      [answer('{"id":1,"result":{"isError":true}}'), 'tool_error'],
      [answer('{"id":1,"result":{"isError":false}}'), undefined],
      [answer('{"id":1,"result":{"a":"ERRORS: EE","isError":true}}'), 'tool_error'],
      [answer('{"id":1,"result":{"a":"Es","isEnough":true,"isError":true}}'), 'tool_error'],
      [answer('{"id":1,"result":{"a":"EVERYTHING ELSE FAILED","b":"E"}}'), undefined],
      [answer('{"id":1,"result":{"content":[{"text":"\\"isError\\":true"}]}}'), undefined],
      [answer('{"id":1,"error":{"code":-32602,"message":"secret"}}', true), '-32602'],
      [answer('{"id":1,"error":{"code":123456,"message":"secret"}}', true), '_OTHER'],
      [answer('{"id":1,"error":"x"}', true), '_OTHER'],
    ];
    for (const [outcome, expected] of table) {
      const { recorder: own, begin, all } = recorder();
      const { call, trace, line } = begin(undefined);
      trace.attempt(line, target).ended(outcome);
      own.onCall(call, outcome.kind === 'answer' && outcome.isError ? 'error' : 'ok');
      const spans = all();
      assert.deepEqual(
        spans.map(({ errorType }) => errorType),
        [expected, expected],
      );
      assert.ok(!JSON.stringify(spans).includes('secret'));
    }
    const { recorder: own, begin, all } = recorder();
    own.onCall(begin(undefined).call, 'circuitOpen');
    own.onCall(begin(undefined).call, 'stale');
    assert.deepEqual(
      all().map(({ errorType }) => errorType),
      ['circuitOpen', undefined],
    );
  });

  it('R11.8 begins no more than 100 traces a second, and leaves it to clients how many they want', async () => {
    const { clock, recorder: own, begin, durations, all } = recorder();
    for (let n = 0; n < 500; n += 1) own.onCall(begin(undefined).call, 'ok');
    assert.equal(all().length, 100);
    for (let n = 0; n < 200; n += 1) own.onCall(begin({ traceparent: `00-${TRACE}-${SPAN}-01` }).call, 'ok');
    assert.equal(all().length, 200);
    await clock.advance(1_000);
    for (let n = 0; n < 500; n += 1) own.onCall(begin(undefined).call, 'ok');
    assert.equal(all().length, 100);
    // What is left out is measured all the same.
    assert.equal(durations.all[0]?.count, 1_200);
  });

  it('R14.3 keeps no more spans than the queue holds, and counts the others', () => {
    const { recorder: own, begin, spans } = recorder({ maxTraces: Infinity });
    for (let n = 0; n < MAX_QUEUED_SPANS + 10; n += 1) own.onCall(begin(undefined).call, 'ok');
    assert.deepEqual([spans?.size, spans?.dropped], [MAX_QUEUED_SPANS, 10]);
  });
});
