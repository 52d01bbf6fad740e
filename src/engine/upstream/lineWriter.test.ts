import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { LineWriter } from './lineWriter.ts';
import type { Verdict } from './transport.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const open = { isOver: () => false, beforeWrite: () => undefined };

describe('line writer', () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill('SIGKILL');
    child = undefined;
  });

  /** A process that has said so when it does what it is to do. */
  async function shell(script: string): Promise<{ readonly stdin: Writable }> {
    child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    stdin.on('error', () => undefined);
    await once(stdout, 'data');
    return { stdin };
  }

  /** Writes lines in one turn; what is said of each. */
  function verdicts(writer: LineWriter, lines: readonly (Uint8Array | string)[]): Promise<string[]> {
    const said = lines.map((line) => {
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      writer.write(line, resolve);
      return promise;
    });
    return Promise.all(said).then((all) =>
      all.map((verdict) => (verdict.kind === 'written' ? 'written' : `${verdict.kind} ${verdict.delivered}`)),
    );
  }

  it('R13.2 writes the lines of one turn at once, in their order, and waits for no other turn', async () => {
    const writes: string[] = [];
    const pipe = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        writes.push(chunk.toString());
        done();
      },
    });
    const writer = new LineWriter(pipe, open);
    const first = verdicts(writer, [bytes('{"a":1}'), '{"b":2}', bytes('{"c":3}')]);
    assert.deepEqual(writes, []);
    assert.deepEqual(await first, ['written', 'written', 'written']);
    assert.deepEqual(await verdicts(writer, [bytes('{"d":4}')]), ['written']);
    assert.deepEqual(writes, ['{"a":1}\n{"b":2}\n{"c":3}\n', '{"d":4}\n']);
  });

  it('R13.2 does not wait for the end of the turn when it is told so', () => {
    const writes: string[] = [];
    const pipe = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        writes.push(chunk.toString());
        done();
      },
    });
    const writer = new LineWriter(pipe, open);
    writer.write('last words');
    writer.flush();
    assert.deepEqual(writes, ['last words\n']);
  });

  it('R2.4 has the records completed before each write', async () => {
    const order: string[] = [];
    const pipe = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        order.push(chunk.toString());
        done();
      },
    });
    const writer = new LineWriter(pipe, { ...open, beforeWrite: () => order.push('records') });
    await verdicts(writer, ['1', '2']);
    await verdicts(writer, ['3']);
    assert.deepEqual(order, ['records', '1\n2\n', 'records', '3\n']);
  });

  it('R2.4 a pipe that refuses a batch at once has taken none of it', async function () {
    if (process.platform === 'win32') return;
    const { stdin } = await shell('exec 0<&-; echo closed; exec sleep 60');
    const writer = new LineWriter(stdin, open);
    assert.deepEqual(await verdicts(writer, ['1', '2', '3']), ['broken no', 'broken no', 'broken no']);
    assert.deepEqual(await verdicts(writer, ['4']), ['broken no']);
  });

  it('R2.4 of a batch that was taken in part, only the last line is known not to have arrived; behind another, none', async function () {
    if (process.platform === 'win32') return;
    const { stdin } = await shell('echo here; exec sleep 60');
    const writer = new LineWriter(stdin, open);
    const first = verdicts(writer, ['small', new Uint8Array(8_000_000).fill(0x78), 'last']);
    await new Promise((resolve) => setImmediate(resolve));
    const second = verdicts(writer, ['behind']);
    await new Promise((resolve) => setImmediate(resolve));
    child?.kill('SIGKILL');
    assert.deepEqual(await first, ['broken unknown', 'broken unknown', 'broken no']);
    assert.deepEqual(await second, ['broken unknown']);
  });

  it('R2.4 what is still to be written when nobody reads any more was not delivered', async () => {
    let isOver = false;
    const pipe = new Writable({ write: () => assert.fail('written after the end') });
    const writer = new LineWriter(pipe, { ...open, isOver: () => isOver });
    const said = verdicts(writer, ['1', '2']);
    isOver = true;
    assert.deepEqual(await said, ['broken no', 'broken no']);
    assert.deepEqual(await verdicts(writer, ['3']), ['broken no']);
  });
});
