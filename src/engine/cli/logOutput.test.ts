import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { LogOutput } from './logOutput.ts';

/** A reader that takes a line only when it is told to. */
class SlowReader extends Writable {
  readonly lines: string[] = [];
  #taken: (() => void) | undefined;
  #reads = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.lines.push(chunk.toString('utf8'));
    if (this.#reads) done();
    else this.#taken = done;
  }

  readOn(): void {
    this.#reads = true;
    this.#taken?.();
  }
}

describe('the log on stderr', () => {
  const entry = { level: 'info' as const, message: 'x'.repeat(4_000), at: 0 };

  it('R14.3 keeps a bounded part of what is not read, and counts the rest', async () => {
    const reader = new SlowReader();
    const output = new LogOutput(false, 'info', reader);
    for (let n = 0; n < 1_000; n += 1) output.write(entry);
    assert.ok(reader.writableLength < 1_100_000, String(reader.writableLength));
    const drained = new Promise((resolve) => reader.once('drain', resolve));
    reader.readOn();
    await drained;
    const before = reader.lines.length;
    output.write({ ...entry, message: 'again' });
    assert.match(reader.lines.at(-2) ?? '', new RegExp(`\\(${1_000 - before} lines were left out`));
    assert.equal(reader.lines.at(-1), '1970-01-01T00:00:00.000Z info again\n');
  });

  it('is one line for each entry, whatever is in it, and tells no details for debugging', () => {
    const text = new SlowReader();
    text.readOn();
    const output = new LogOutput(false, 'info', text);
    output.write({ level: 'warn', server: 's\u001b', message: 'a\nb', at: 0 });
    output.write({ level: 'debug', message: 'x', at: 0 });
    assert.deepEqual(text.lines, ['1970-01-01T00:00:00.000Z warn [s ] a b\n']);
    const json = new SlowReader();
    json.readOn();
    new LogOutput(true, 'info', json).write({ level: 'warn', server: 's', message: 'a\nb', at: 0 });
    assert.deepEqual(JSON.parse(json.lines[0] ?? ''), {
      at: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      server: 's',
      message: 'a\nb',
    });
  });
});
