import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { frameRecord, readRecords } from './frames.ts';
import { Segments, type SegmentsOptions } from './segments.ts';

describe('segments of records', () => {
  let home: string;
  let folder: string;
  let clock: FakeClock;
  let notes: string[];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-segments-'));
    folder = join(home, 'series');
    clock = new FakeClock();
    notes = [];
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  async function opened(changes: Partial<SegmentsOptions> = {}): Promise<Segments> {
    const segments = new Segments({
      folder,
      kind: '5s',
      clock,
      periodMs: 60_000,
      keepMs: 600_000,
      maxBytes: 100_000,
      note: (message) => notes.push(message),
      ...changes,
    });
    await segments.open();
    return segments;
  }
  const append = (segments: Segments, ...texts: string[]): void =>
    segments.append(texts.map((text) => frameRecord(Buffer.from(text))));
  async function told(segments: Segments, since?: number): Promise<string[]> {
    const found: string[] = [];
    for (const bytes of await segments.read(since)) readRecords(bytes, (body) => found.push(body.toString()));
    return found;
  }

  it('R11.1 the next engine reads what was handed to the disk, and goes on in the same file', async () => {
    const first = await opened();
    append(first, 'a');
    append(first, 'b', 'c');
    await first.flush(); // killed: never closed
    const [name = ''] = readdirSync(folder);
    // Its clock, not the system's, says how old it is.
    utimesSync(join(folder, name), clock.wallNow() / 1_000, clock.wallNow() / 1_000);
    const second = await opened();
    append(second, 'd');
    assert.deepEqual(await told(second), ['a', 'b', 'c', 'd']);
    await Promise.all([first.close(), second.close()]);
    assert.deepEqual(readdirSync(folder), [name]);
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(notes, []);
  });

  it('begins another file after its time, says so, and keeps only the one in use in memory', async () => {
    const segments = await opened();
    append(segments, 'a');
    const { generation } = segments;
    await clock.advance(60_000);
    assert.notEqual(segments.generation, generation);
    append(segments, 'b');
    await segments.flush();
    assert.equal(readdirSync(folder).length, 2);
    assert.equal(segments.heldBytes, frameRecord(Buffer.from('b')).length);
    assert.deepEqual(await told(segments), ['a', 'b']);
    assert.deepEqual(await told(segments, clock.wallNow()), ['b']);
    await segments.close();
  });

  it('R14.3 is bounded by time and by size, whatever is added', async () => {
    const segments = await opened({ maxBytes: 8_000 });
    const long = 'x'.repeat(500);
    for (let round = 0; round < 100; round += 1) {
      append(segments, long);
      await clock.advance(1_000);
      assert.ok(segments.sizeBytes <= 8_000, String(segments.sizeBytes));
    }
    await segments.flush();
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 8_000);
    await clock.advance(700_000);
    append(segments, 'new');
    await segments.flush();
    assert.deepEqual(await told(segments), ['new']);
    assert.equal(readdirSync(folder).length, 1);
    await segments.close();
  });

  it('leaves files of others alone', async () => {
    const first = await opened();
    append(first, 'a');
    await first.close();
    for (const name of ['1m-1.v1', '5s-2.v2', '5s-x.v1', 'notes.txt']) writeFileSync(join(folder, name), 'x');
    assert.deepEqual((await told(await opened())).length, 1);
    assert.equal(readdirSync(folder).length, 5);
  });

  it('R14.3 a full disk costs nothing but the survival: all is told, once it is said, and later all of it is written', async () => {
    let room = 20;
    const segments = await opened({
      write: async (file, bytes) => {
        if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        const { bytesWritten } = await file.write(bytes.subarray(0, room));
        room -= bytesWritten;
        return bytesWritten;
      },
    });
    append(segments, 'first', 'second');
    await segments.flush();
    append(segments, 'third');
    await segments.flush();
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /ENOSPC.*kept in memory/);
    await clock.advance(60_000); // into another file
    append(segments, 'fourth');
    await segments.flush();
    assert.deepEqual(await told(segments), ['first', 'second', 'third', 'fourth']);
    room = 1_000_000;
    await clock.advance(60_000);
    append(segments, 'fifth');
    await segments.close();
    assert.deepEqual(await told(await opened()), ['first', 'second', 'third', 'fourth', 'fifth']);
    assert.equal(notes.length, 1);
  });

  it('R14.3 a folder that nobody may write to breaks nothing', async function () {
    if (process.getuid?.() === 0 || process.platform === 'win32') {
      // For root everything is writable: a file in the folder's place refuses root too.
      writeFileSync(folder, '');
    } else chmodSync(home, 0o500);
    const segments = await opened();
    append(segments, 'a');
    await segments.flush();
    assert.deepEqual(await told(segments), ['a']);
    assert.equal(notes.length, 1);
    await segments.close();
    chmodSync(home, 0o700);
    assert.ok(!existsSync(join(folder, 'x')));
  });
});
