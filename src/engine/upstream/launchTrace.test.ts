import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { Deadline, type Call, type Outcome } from '../pipeline/call.ts';
import { beginTrace, type AttemptTrace, type CallTrace, type Tracing } from '../pipeline/callTrace.ts';
import { Launch, type LaunchListener } from './launch.ts';
import type { OutgoingRequest, Transport } from './transport.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const thrown = new Error('the exporter is broken');
const fail = (): never => {
  throw thrown;
};

describe('telemetry that throws', () => {
  /** One call through a launch whose server answers it. */
  async function send(trace: (errors: unknown[]) => CallTrace | undefined) {
    const clock = new FakeClock();
    const written: OutgoingRequest[] = [];
    const errors: unknown[] = [];
    const nothing = (): undefined => undefined;
    const transport = {
      pid: 1,
      requestsAreIndependent: false,
      request: (request: OutgoingRequest) => written.push(request),
      ...{ pauseReading: nothing, resumeReading: nothing, notify: nothing, release: nothing },
      stop: () => Promise.resolve(),
    } as unknown as Transport;
    const launch = new Launch(
      {
        server: 's',
        name: 'l',
        clock,
        hello: { initialize: '{}', logLevel: undefined, subscriptions: [] },
        startTimeoutMs: 60_000,
        open: () => transport,
        journal: { written: nothing, withdrawn: nothing },
      },
      new Proxy({}, { get: () => nothing }) as LaunchListener,
    );
    const line = bytes('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}');
    const call = {
      ...{ seq: 1, callId: 'c', session: 'x', server: 's', method: 'tools/call', tool: 't', id: '7', line },
      ...{ wire: undefined, progressToken: undefined, isTask: false, retryClass: 'atMostOnce' },
      deadline: new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, nothing),
      controller: { signal: new AbortController().signal, abort: nothing },
      ...{ startedAt: 0, delivery: 'queued', attempts: 0, trace: trace(errors) },
    } as unknown as Call;
    let outcome: Outcome | undefined;
    void launch.send(call).then(
      (given) => (outcome = given),
      (error: unknown) => errors.push(`rejected: ${String(error)}`),
    );
    launch.onLines([bytes('{"jsonrpc":"2.0","id":7,"result":{"content":[]}}')]);
    await settle();
    call.deadline.dispose();
    return { outcome, errors, written, line };
  }
  const traceOf = (errors: unknown[], attempt: CallTrace['attempt']): CallTrace => ({
    attempt,
    onError: (error) => errors.push(error),
  });
  const attemptThat = (line: Uint8Array, ended: () => void): AttemptTrace => ({
    line,
    headers: undefined,
    ended,
  });

  it('R2.4 R11.8 before a call is written: it is written as it came, once, and answered', async () => {
    const { outcome, errors, written, line } = await send((told) => traceOf(told, fail));
    assert.equal(outcome?.kind, 'answer');
    assert.deepEqual(
      written.map((request) => request.line),
      [line],
    );
    assert.deepEqual(errors, [thrown]);
  });

  it('R2.4 R11.8 when an attempt has ended: the call has its answer', async () => {
    const other = bytes('{"traced":true}');
    const { outcome, errors, written } = await send((told) => traceOf(told, () => attemptThat(other, fail)));
    assert.equal(outcome?.kind, 'answer');
    assert.deepEqual(
      written.map((request) => request.line),
      [other],
    );
    assert.deepEqual(errors, [thrown]);
  });

  it('R11.8 when a call begins: it has no trace, and where there is none nothing is done', async () => {
    const errors: unknown[] = [];
    const begun = {} as Parameters<typeof beginTrace>[1];
    const tracings: Tracing[] = [
      { tracer: { begin: fail }, onError: (error) => errors.push(error) },
      {
        get tracer() {
          return fail();
        },
        onError: (error) => errors.push(error),
      },
    ];
    for (const tracing of tracings) assert.equal(beginTrace(tracing, begun), undefined);
    assert.deepEqual(errors, [thrown, thrown]);
    assert.equal(beginTrace(undefined, begun), undefined);
    assert.equal(beginTrace({ tracer: undefined, onError: fail }, begun), undefined);
    const { outcome } = await send(() => undefined);
    assert.equal(outcome?.kind, 'answer');
  });
});
