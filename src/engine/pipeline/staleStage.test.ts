import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { Fault, faultCodes, type FaultCode } from '../../shared/model/fault.ts';
import type { Call, Outcome, RetryClass } from './call.ts';
import type { Next } from './pipeline.ts';
import { ageInWords, questionOf, STALE_META, StaleAnswers } from './staleAnswers.ts';
import { staleStage } from './staleStage.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parsed = (line: Uint8Array) =>
  JSON.parse(new TextDecoder().decode(line)) as {
    id: unknown;
    result: Record<string, { text: string }[]> & { _meta?: Record<string, Record<string, unknown>> };
  };

let lastId = 0;
function callOf(method: string, params: unknown, retryClass: RetryClass = 'safe'): Call {
  lastId += 1;
  const line = bytes(JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params }));
  const call = {
    id: String(lastId),
    method,
    line,
    retryClass,
    server: 's',
    attempts: 0,
    delivery: 'queued',
    isTask: false,
  };
  return call as unknown as Call;
}
const read = (args: unknown = { a: 1 }): Call => callOf('tools/call', { name: 'read', arguments: args });
const write = (): Call => callOf('tools/call', { name: 'write' }, 'atMostOnce');

const answerWith =
  (result: unknown): Next =>
  (call) => {
    call.attempts += 1;
    call.delivery = 'done';
    const line = bytes(JSON.stringify({ jsonrpc: '2.0', id: Number(call.id), result }));
    return Promise.resolve({ kind: 'answer', line, isError: false });
  };
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const down =
  (code: FaultCode = 'circuitOpen'): Next =>
  () =>
    Promise.resolve({ kind: 'fault', fault: new Fault(code, `Because ${code}.`, { server: 's' }) });

function given() {
  const answers = new StaleAnswers();
  const clock = new FakeClock();
  const served: FaultCode[] = [];
  const stage = staleStage({ answers, clock, onServed: (_call, fault) => served.push(fault.code) });
  const good = (outcome: Outcome) => {
    assert.equal(outcome.kind, 'answer');
    return parsed(outcome.line);
  };
  return { answers, clock, stage, served, good };
}

describe('stale answers', () => {
  it('R6.2 a read is answered with its last good answer while the server is down, marked with age and reason', async () => {
    const { clock, stage, served, good } = given();
    await stage(read(), answerWith(text('old')));
    await stage(read(), answerWith(text('new')));
    await clock.advance(185_000);
    const again = read();
    const outcome = await stage(again, down());
    assert.equal(outcome.kind === 'answer' && outcome.isStale, true);
    const { id, result } = good(outcome);
    assert.equal(id, Number(again.id));
    assert.equal(result['content']?.[0]?.text, 'new');
    assert.match(
      result['content'][1]?.text ?? '',
      /^Stale, from 3 minutes ago, because .* Because circuitOpen\.$/,
    );
    assert.deepEqual(result._meta?.[STALE_META], { ageMs: 185_000, because: 'circuitOpen' });
    assert.deepEqual(served, ['circuitOpen']);
  });

  it('R6.2 resources and prompts too, each with the note where its texts are, and what was in _meta', async () => {
    const { stage, good } = given();
    const resource = (): Call => callOf('resources/read', { uri: 'file:///a' });
    await stage(
      resource(),
      answerWith({ contents: [{ uri: 'file:///a', text: 'x' }], _meta: { mine: { n: 1 } } }),
    );
    const { result } = good(await stage(resource(), down()));
    assert.match(result['contents']?.[1]?.text ?? '', /^Stale/);
    assert.deepEqual(Object.keys(result._meta ?? {}), ['mine', STALE_META]);
    const prompt = (): Call => callOf('prompts/get', { name: 'p' });
    await stage(prompt(), answerWith({ messages: [] }));
    assert.equal(good(await stage(prompt(), down())).result['messages']?.length, 1);
  });

  it('R6.2 the same question is the same, however it is written, and no other one is', () => {
    const question = questionOf(read({ a: 1, b: { c: 2, d: [1, 2] } }));
    assert.equal(questionOf(read({ b: { d: [1, 2], c: 2 }, a: 1 })), question);
    assert.notEqual(questionOf(read({ a: 1, b: { c: 2, d: [2, 1] } })), question);
    const meta = { name: 'read', arguments: { a: 1 }, _meta: { progressToken: 5 } };
    assert.equal(questionOf(callOf('tools/call', meta)), questionOf(read({ a: 1 })));
    assert.notEqual(
      questionOf(callOf('prompts/get', { name: 'read', arguments: { a: 1 } })),
      questionOf(read()),
    );
    for (const method of ['tools/list', 'completion/complete', 'ping'])
      assert.equal(questionOf(callOf(method, {})), undefined);
    assert.equal(questionOf(read({ a: 'x'.repeat(70_000) })), undefined);
  });

  it('R6.2 only when the server is down: a busy one, a missing sign-in or an isolated one is no reason', async () => {
    const { stage } = given();
    await stage(read(), answerWith(text('x')));
    const reasons: FaultCode[] = [];
    for (const code of faultCodes)
      if ((await stage(read(), down(code))).kind === 'answer') reasons.push(code);
    for (const code of [
      'circuitOpen',
      'crashLoop',
      'exited',
      'brokenPipe',
      'connectionRefused',
      'unavailable',
      'requestTimeout',
    ] as const)
      assert.ok(reasons.includes(code), code);
    for (const code of [
      'authRequired',
      'forbidden',
      'isolated',
      'cancelled',
      'rateLimited',
      'overloaded',
      'outcomeUnknown',
      'serverError',
      'protocolGarbage',
      'stopped',
    ] as const)
      assert.ok(!reasons.includes(code), code);
    // Handed to the server, which took too long.
    const slow = read();
    const late: Next = (call) => {
      call.attempts = 1;
      return down('requestTimeout')(call);
    };
    assert.equal((await stage(slow, late)).kind, 'fault');
  });

  it('R6.2 a write that was handed to the server drops all of it; one that was not drops nothing', async () => {
    const { stage, answers } = given();
    await stage(read(), answerWith(text('x')));
    await stage(write(), down());
    assert.equal(answers.size, 1);
    const lost: Next = (call) => {
      call.attempts = 1;
      return down('exited')(call);
    };
    await stage(write(), lost);
    assert.equal(answers.size, 0);
    assert.equal((await stage(read(), down())).kind, 'fault');
  });

  it('R6.2 what is read while a write is under way is not kept, and nothing is served meanwhile', async () => {
    const { stage, answers } = given();
    await stage(read({ a: 2 }), answerWith(text('before')));
    const writing = Promise.withResolvers<Outcome>();
    const written = write();
    const busy = stage(written, (call) => {
      call.attempts = 1;
      return writing.promise;
    });
    await stage(read(), answerWith(text('half')));
    assert.equal((await stage(read({ a: 2 }), down())).kind, 'fault');
    assert.equal(answers.size, 0);
    const reading = Promise.withResolvers<undefined>();
    const slow = stage(read(), async (call) => {
      await reading.promise;
      return answerWith(text('older than the write'))(call);
    });
    writing.resolve(await answerWith(text('done'))(written));
    await busy;
    reading.resolve(undefined);
    await slow;
    assert.equal(answers.size, 0);
  });

  it('R6.2 never an error, nor what a tool that may change something said', async () => {
    const { stage, answers } = given();
    await stage(read(), answerWith({ ...text('no such file'), isError: true }));
    await stage(read(), () =>
      Promise.resolve({ kind: 'answer', line: bytes('{"id":1,"error":{}}'), isError: true }),
    );
    await stage(write(), answerWith(text('x')));
    await stage(callOf('tools/call', { name: 'i' }, 'idempotent'), answerWith(text('x')));
    assert.equal(answers.size, 0);
    assert.equal((await stage(write(), down())).kind, 'fault');
  });

  it('R6.2 a setting of the session is no write', async () => {
    const { stage, answers } = given();
    await stage(read(), answerWith(text('x')));
    await stage(callOf('logging/setLevel', { level: 'debug' }, 'idempotent'), answerWith({}));
    assert.equal(answers.size, 1);
  });

  it('R6.2 R14.3 it is bounded: 64 answers, 8 MB, 1 MB each', async () => {
    const { stage, answers } = given();
    for (let n = 0; n < 100; n += 1) await stage(read({ n }), answerWith(text('x')));
    assert.equal(answers.size, 64);
    answers.clear();
    for (let n = 0; n < 20; n += 1) await stage(read({ n }), answerWith(text('x'.repeat(900_000))));
    assert.equal(answers.size, 9);
    answers.clear();
    await stage(read(), answerWith(text('x'.repeat(1_048_576))));
    assert.equal(answers.size, 0);
  });

  it('tells an age in the greatest unit that fits', () => {
    const ages = [0, 1_000, 59_999, 60_000, 3_599_999, 7_200_000, 172_800_000];
    assert.deepEqual(ages.map(ageInWords), [
      '0 seconds',
      '1 second',
      '59 seconds',
      '1 minute',
      '59 minutes',
      '2 hours',
      '2 days',
    ]);
  });
});
