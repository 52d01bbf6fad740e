import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { RedactedStream, Redactor } from '../../shared/redaction/redactor.ts';
import { StderrGate } from './stderrGate.ts';

describe('stderr of a server', () => {
  let clock: FakeClock;
  let gate: StderrGate;
  let told: string[];
  let held: boolean[];
  let redacted: RedactedStream;
  const say = (text: string): void => gate.push(Buffer.from(text));
  const all = (): string => told.join('');

  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    held = [];
    const redactor = new Redactor();
    redactor.learn(['known-secret-value']);
    redacted = new RedactedStream(redactor);
    gate = new StderrGate({
      clock,
      onText: (text) => told.push(text),
      redact: (text, cut) => redacted.next(text, cut),
      holdReading: (hold) => held.push(hold),
    });
  });

  it('is told line by line, also when a line comes in pieces, or a character in two', () => {
    const bytes = Buffer.from('one\ntwö\nthree\n');
    const cut = bytes.indexOf(0xc3) + 1;
    gate.push(bytes.subarray(0, cut));
    assert.equal(all(), 'one\n');
    gate.push(bytes.subarray(cut));
    assert.deepEqual(told, ['one\n', 'twö\nthree\n']);
  });

  it('a line that does not end is told after a second, or with the end', async () => {
    say('Password: ');
    assert.equal(all(), '');
    await clock.advance(1_000);
    assert.equal(all(), 'Password: \n');
    say('Fatal: no');
    gate.end();
    assert.equal(all(), 'Password: \nFatal: no\n');
    say('late');
    assert.equal(all(), 'Password: \nFatal: no\n');
  });

  it('R14.4 a secret is not told, in however many pieces it comes', async () => {
    for (const piece of ['key kno', 'wn-sec', 'ret-value!\n']) say(piece);
    assert.equal(all(), 'key [redacted]!\n');
    say('prompt known-sec');
    await clock.advance(1_000);
    say('ret-value, and more\n');
    assert.equal(all(), 'key [redacted]!\nprompt [redacted]\n[redacted], and more\n');
  });

  it('R14.4 no piece of a secret is left where a flood is cut', async () => {
    for (let shift = 0; shift < 18; shift += 1) {
      told.length = 0;
      say(`${'x'.repeat(65_536 - shift)}known-secret-value${'y'.repeat(10_000)}`);
      say(`${'z'.repeat(4_096 - shift)}known-secret-value`);
      await clock.advance(1_000);
      say('\n');
      await clock.advance(1_000);
      assert.doesNotMatch(all(), /known|secret|value/, `${shift}`);
    }
  });

  it('R14.3 of a flood a second is told its beginning, how much was left out, and its last words', async () => {
    const line = `${'x'.repeat(99)}\n`;
    for (let count = 0; count < 1_000; count += 1) say(line.repeat(100));
    say('the last line\n');
    assert.ok(all().length <= 65_536);
    await clock.advance(1_000);
    const text = all();
    assert.ok(text.length < 75_000);
    const [, hidden] = /\((\d+) bytes of its output were left out here\)/.exec(text) ?? [];
    // What is shown and what is counted is everything, but for the note itself.
    const shown = text.replace(/\(\d+ bytes[^\n]*\n/, '').length;
    assert.ok(Math.abs(Number(hidden) + shown - 10_000_014) <= 1, `${hidden} hidden, ${shown} shown`);
    assert.match(text, /the last line\n$/);
    say('another second\n');
    assert.match(all(), /another second\n$/);
  });

  it('R14.3 the last words before the end are told, however much came before', () => {
    say('x\n'.repeat(500_000));
    say('Error: out of memory\n');
    gate.end();
    assert.match(all(), /left out here\)\n(?:x\n)+Error: out of memory\n$/);
  });

  it('R14.3 a server that says far too much has to wait until the second is over', async () => {
    const chunk = Buffer.alloc(1_048_576, 'x\n');
    for (let count = 0; count < 33; count += 1) gate.push(chunk);
    assert.deepEqual(held, [true]);
    await clock.advance(1_000);
    assert.deepEqual(held, [true, false]);
  });
});
