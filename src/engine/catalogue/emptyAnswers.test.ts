import assert from 'node:assert/strict';
import { retainedMb } from '../../../test/support/retained.ts';
import type { Call, Outcome } from '../pipeline/call.ts';
import { describeEmpty, EmptyAnswers } from './emptyAnswers.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
interface FakeLaunch {
  hasEnded: boolean;
}

function given() {
  const memory = new EmptyAnswers();
  let launch: FakeLaunch = { hasEnded: false };
  let id = 0;
  const note = (params: Record<string, unknown>, result: unknown, isRead = true, method = 'tools/call') => {
    id += 1;
    const call = {
      method,
      launch,
      attempts: 1,
      line: bytes({ id, method, params: { ...params, _meta: { id } } }),
    };
    const outcome: Outcome = { kind: 'answer', line: bytes({ id, result }), isError: false };
    return memory.note(call as unknown as Call, outcome, isRead);
  };
  const restart = (): void => {
    launch.hasEnded = true;
    launch = { hasEnded: false };
  };
  return { memory, note, restart, another: () => (launch = { hasEnded: false }) };
}
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const read = { name: 'read', arguments: { path: 'a' } };

describe('empty answers', () => {
  it('R5.10 (peers’ mistake 10) what was answered with something, and after a restart with nothing, is told once', () => {
    const { memory, note, restart } = given();
    note(read, text('found'));
    restart();
    assert.equal(note(read, { content: [] }), 'read');
    assert.equal(note(read, { content: [] }), undefined);
    assert.deepEqual(memory.names, ['read']);
    assert.equal(describeEmpty(memory.names)?.reason, 'emptyAnswers');
    note(read, text('found again'));
    assert.deepEqual(memory.names, []);
    assert.equal(describeEmpty(memory.names), undefined);
  });

  it('R5.10 knows what is nothing', () => {
    const nothing = [
      text(''),
      text(' [] '),
      text('{}'),
      text('null'),
      { content: [], structuredContent: { items: [], more: {} } },
    ];
    const something = [
      text('0'),
      text('[0]'),
      text('none found'),
      { content: [{ type: 'image', data: '', mimeType: 'image/png' }] },
      { content: [], structuredContent: { count: 0 } },
      { ...text(''), isError: true },
      { task: {} },
    ];
    for (const result of [...nothing, ...something]) {
      const { note, restart } = given();
      note(read, text('found'));
      restart();
      assert.equal(
        note(read, result),
        nothing.includes(result as never) ? 'read' : undefined,
        JSON.stringify(result),
      );
    }
  });

  it('R5.10 tells nothing of another question, of the same process, or of what was empty before', () => {
    const { memory, note, restart } = given();
    note(read, text('found'));
    note({ name: 'list' }, { content: [] });
    assert.equal(note(read, { content: [] }), undefined);
    restart();
    assert.equal(note({ ...read, arguments: { path: 'b' } }, { content: [] }), undefined);
    assert.equal(note({ name: 'list' }, { content: [] }), undefined);
    assert.deepEqual(memory.names, []);
  });

  it('R5.10 tells nothing where a write came between, which may have emptied it', () => {
    const { note, restart } = given();
    note(read, text('found'));
    note({ name: 'deleteAll' }, text('done'), false);
    restart();
    assert.equal(note(read, { content: [] }), undefined);
  });

  it('tells nothing of several processes side by side', () => {
    const { note, another } = given();
    note(read, text('found'));
    another();
    assert.equal(note(read, { content: [] }), undefined);
  });

  it('R5.10 knows resources too', () => {
    const { note, restart } = given();
    const resource = { uri: 'file:///a' };
    note(resource, { contents: [{ uri: 'file:///a', text: 'x' }] }, true, 'resources/read');
    restart();
    assert.equal(
      note(resource, { contents: [{ uri: 'file:///a', text: '' }] }, true, 'resources/read'),
      'file:///a',
    );
  });

  it('R14.3 remembers 64 questions, and none that are long', () => {
    const { note, restart, memory } = given();
    for (let n = 0; n < 200; n += 1) note({ name: `t${n}` }, text('x'));
    note({ name: 'long', arguments: { a: 'x'.repeat(3_000) } }, text('x'));
    restart();
    for (let n = 0; n < 200; n += 1) note({ name: `t${n}` }, { content: [] });
    assert.equal(note({ name: 'long', arguments: { a: 'x'.repeat(3_000) } }, { content: [] }), undefined);
    assert.equal(memory.names.length, 64);
  });

  it('R14.3 does not keep the chunks alive in which the reads came', () => {
    const memory = new EmptyAnswers();
    const inChunk = (): Uint8Array => Buffer.alloc(262_144, bytes({ id: 1 })).subarray(0, 100);
    const mb = retainedMb(() => {
      for (let n = 0; n < 64; n += 1) {
        const call = { method: 'tools/call', launch: undefined, attempts: 1, line: inChunk() };
        memory.note(call as unknown as Call, { kind: 'answer', line: inChunk(), isError: false }, true);
      }
    });
    assert.ok(mb < 4, `${mb.toFixed(1)} MB are kept`);
    memory.forget();
  });
});
