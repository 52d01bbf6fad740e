import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { auditFiles, HEAD_FILE } from './auditFolder.ts';
import { NO_HASH, sealLine } from './auditLine.ts';
import type { ObservedCall } from '../observations.ts';
import { AuditFeed, type AuditSink, type SinkListener, type SinkStart } from './auditFeed.ts';
import { AuditTrail, type AuditOptions } from './auditTrail.ts';
import { verifyFiles, verifyFolder } from './verifyAudit.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const call = (number: number): ObservedCall => ({
  session: 's1',
  server: 'git',
  method: 'tools/call',
  tool: 'status',
  callId: `c${number}`,
  retryClass: 'safe',
  attempts: 1,
  startedAt: 0,
  waitedMs: 0,
  line: Buffer.from(`{"id":${number}}`),
});

describe('audit trail', () => {
  let root: string;
  let folder: string;
  let clock: FakeClock;
  let logged: string[];
  /** A killed engine's file is closed by the system; here nobody would. */
  const left: AuditFeed[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'audit-'));
    folder = join(root, 'trail');
    clock = new FakeClock();
    logged = [];
  });
  afterEach(async () => {
    await Promise.all(left.splice(0).map((one) => one.stop()));
    rmSync(root, { recursive: true, force: true });
  });

  /** What the writing thread does, without the thread. */
  const sink = (
    { hasStarted }: SinkStart,
    { onRead, onLog, onStatus }: SinkListener,
    more: Partial<AuditOptions> = {},
  ): AuditSink => {
    const one = new AuditTrail({
      folder,
      clock,
      engine: { pid: 1, version: '1.2.3' },
      hasStarted,
      log: onLog,
      onStatus,
      ...more,
    });
    one.start();
    return {
      take({ buffer, length }) {
        one.take(Buffer.from(buffer), length);
        onRead(one.report());
      },
      flush: () => one.flush(),
      stop: () => one.stop(),
    };
  };
  const trail = (more: Partial<AuditOptions> = {}): AuditFeed => {
    const made = new AuditFeed({
      clock,
      log: (text) => logged.push(text),
      redact: (text) => text.replaceAll('s3cret', '[redacted]'),
      open: (start, listener) => sink(start, listener, more),
    });
    made.configure(true);
    return made;
  };
  /** One engine's life with so many calls; `isKilled`: it does not stop by itself. */
  const live = async (calls: number, more: Partial<AuditOptions> = {}, isKilled = false): Promise<void> => {
    const one = trail(more);
    for (let number = 0; number < calls; number += 1) {
      one.onCall(call(number), 'ok', '{"result":1}');
      if (number % 2 === 1) await one.flush(); // two in a line
    }
    await (isKilled ? one.flush() : one.stop());
    left.push(one);
  };
  const lines = (): Record<string, unknown>[] =>
    auditFiles(folder).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  /** Each call that was recorded. */
  const calls = (): Record<string, unknown>[] =>
    lines().flatMap((line) => (line['calls'] ?? []) as Record<string, unknown>[]);
  const only = (): string => auditFiles(folder)[0] ?? '';

  it('R11.5 records a call with its outcome, and hashes in place of contents', async () => {
    const one = trail();
    one.onCall({ ...call(7), attempts: 2, tool: 'a"b s3cret' }, 'requestTimeout', Buffer.from('answer'));
    await one.stop();
    const recorded = lines().find(({ type }) => type === 'calls') ?? {};
    assert.deepEqual(Object.keys(recorded), ['seq', 'prev', 'at', 'type', 'calls', 'hash']);
    assert.equal(calls().length, 1);
    const { at, ...told } = calls()[0] ?? {};
    assert.equal(at, clock.wallNow());
    assert.deepEqual(told, {
      server: 'git',
      session: sha256('s1').slice(0, 32),
      call: 'c7',
      method: 'tools/call',
      tool: 'a"b [redacted]',
      class: 'safe',
      outcome: 'requestTimeout',
      ms: 1_000,
      attempts: 2,
      request: { bytes: 8, sha256: sha256('{"id":7}') },
      answer: { bytes: 6, sha256: sha256('answer') },
    });
    assert.deepEqual(
      lines().map(({ type }) => type),
      ['file', 'start', 'calls', 'stop'],
    );
  });

  it('R11.5 a whole trail is verified, over engines and files', async () => {
    for (let engine = 0; engine < 4; engine += 1) await live(30, { maxFileBytes: 8_000, maxFiles: 100 });
    const verdict = await verifyFolder(folder);
    assert.equal(verdict.broken, undefined);
    assert.ok(auditFiles(folder).length > 3);
    assert.equal(verdict.lines, lines().length);
    assert.deepEqual(
      lines().map(({ seq }) => seq),
      lines().map((_, index) => index + 1),
    );
    // The next file's first line carries the last hash.
    const first = JSON.parse(readFileSync(auditFiles(folder)[1] ?? '', 'utf8').split('\n')[0] ?? '') as {
      prev: string;
    };
    const last = readFileSync(only(), 'utf8').trimEnd().split('\n').at(-1) ?? '';
    assert.equal(first.prev, (JSON.parse(last) as { hash: string }).hash);
    assert.equal((await verifyFiles(auditFiles(folder).slice(1, 3))).broken, undefined);
  });

  it('R11.5 R14.3 keeps so many files, and says where the chain begins now', async () => {
    await live(400, { maxFileBytes: 8_000, maxFiles: 3 });
    for (let engine = 0; engine < 20; engine += 1) await live(30, { maxFileBytes: 8_000, maxFiles: 3 });
    assert.equal(auditFiles(folder).length, 3);
    const verdict = await verifyFolder(folder);
    assert.equal(verdict.broken, undefined);
    assert.match(verdict.notes.join('\n'), /were removed to make room/);
    rmSync(only());
    const after = await verifyFolder(folder);
    assert.equal(after.broken?.kind, 'missing');
    assert.deepEqual([after.broken.file, after.broken.line], [only(), 1]);
  });

  it('R11.5 whatever is changed, dropped, swapped or cut is found, and named', async () => {
    for (let engine = 0; engine < 3; engine += 1)
      await live(12, { maxFileBytes: 4_000, maxFiles: 100 }, engine === 1);
    const originals = auditFiles(folder).map((file) => ({ file, bytes: readFileSync(file) }));
    const restore = (): void => {
      for (const { file, bytes } of originals) writeFileSync(file, bytes);
    };
    assert.equal((await verifyFolder(folder)).broken, undefined);
    const which = fc.nat(originals.length - 1);
    const mutation = fc.oneof(
      fc.record({
        how: fc.constant('flip' as const),
        which,
        at: fc.nat(),
        with: fc.integer({ min: 1, max: 255 }),
      }),
      fc.record({ how: fc.constant('drop' as const), which, at: fc.nat(), with: fc.constant(0) }),
      fc.record({ how: fc.constant('swap' as const), which, at: fc.nat(), with: fc.nat() }),
      fc.record({ how: fc.constant('cut' as const), which, at: fc.nat(), with: fc.constant(0) }),
      fc.record({ how: fc.constant('double' as const), which, at: fc.nat(), with: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async ({ how, which: index, at, with: other }) => {
        restore();
        const { file, bytes } = originals[index] ?? originals[0] ?? assert.fail();
        const text = bytes.toString('latin1').trimEnd().split('\n');
        let line = 0;
        const put = (all: readonly string[]): void => writeFileSync(file, `${all.join('\n')}\n`, 'latin1');
        if (how === 'flip') {
          const changed = Buffer.from(bytes);
          const place = at % bytes.length;
          changed[place] = (bytes[place] ?? 0) ^ other;
          line = bytes.subarray(0, place).toString('latin1').split('\n').length;
          writeFileSync(file, changed);
        } else if (how === 'drop') {
          line = (at % text.length) + 1;
          put(text.filter((_, number) => number !== line - 1));
        } else if (how === 'double') {
          line = (at % text.length) + 2;
          put(text.toSpliced(line - 1, 0, text[line - 2] ?? ''));
        } else if (how === 'swap') {
          const [one, two] = [at % text.length, other % text.length].sort((a, b) => a - b);
          fc.pre(one !== undefined && two !== undefined && one !== two);
          const swappedLines = [...text];
          [swappedLines[one], swappedLines[two]] = [text[two] ?? '', text[one] ?? ''];
          line = one + 1;
          put(swappedLines);
        } else {
          const length = at % bytes.length;
          truncateSync(file, length);
          line = bytes.subarray(0, length).toString('latin1').split('\n').length;
        }
        const { broken } = await verifyFolder(folder);
        assert.ok(broken !== undefined, `${how} of ${file}:${line} was not found`);
        const named = originals.findIndex((original) => original.file === broken.file);
        // Where a whole line is gone the next one, perhaps of the next file, is the first that is wrong; a changed first line moves where the chain seems to begin.
        const isNext = named === index + 1 && broken.line === 1;
        assert.ok(
          (named === index && Math.abs(broken.line - line) <= 1) || isNext,
          `${how} at ${index}:${line}, named ${named}:${broken.line} ${broken.message}`,
        );
        if (how === 'swap') assert.equal(broken.kind, 'swapped', broken.message);
      }),
      { numRuns: 120 },
    );
    restore();
  }).timeout(60_000);

  it('R11.5 what is missing is told apart', async () => {
    await live(20);
    const text = readFileSync(only(), 'utf8').trimEnd().split('\n');
    const kindOf = async (all: readonly string[], end = '\n'): Promise<string> => {
      writeFileSync(only(), `${all.join('\n')}${end}`);
      const { broken } = await verifyFolder(folder);
      return `${broken?.kind ?? 'whole'} ${broken?.line ?? 0}`;
    };
    assert.equal(await kindOf(text), 'whole 0');
    assert.equal(await kindOf(text.toSpliced(5, 2)), 'missing 6');
    assert.equal(
      await kindOf(text.toSpliced(5, 1, text[6] ?? '').toSpliced(6, 1, text[5] ?? '')),
      'swapped 6',
    );
    assert.equal(await kindOf(text.toSpliced(5, 1, (text[5] ?? '').replace('"ok"', '"no"'))), 'changed 6');
    assert.equal(await kindOf(text.slice(0, -3)), `truncated ${text.length - 2}`);
    assert.equal(await kindOf(text, ''), `truncated ${text.length}`);
    // A line of the same number that was made anew, with a hash that is right.
    const { prev } = JSON.parse(text[5] ?? '') as { prev: string };
    const forged = sealLine(6, prev, '"at":1,"type":"call","server":"other"').text.trimEnd();
    assert.equal(await kindOf(text.toSpliced(5, 1, forged)), 'changed 7');
    rmSync(join(folder, HEAD_FILE));
    writeFileSync(only(), `${text.slice(0, -3).join('\n')}\n`);
    assert.match((await verifyFolder(folder)).notes.join(), /no head\.json/);
  });

  it('R11.5 a tail that was cut by a kill is recognised, and the chain goes on behind it', async () => {
    await live(10, {}, true);
    appendFileSync(only(), '{"seq":13,"prev":"00');
    const before = await verifyFolder(folder);
    assert.equal(before.broken?.kind, 'truncated');
    await live(5);
    const verdict = await verifyFolder(folder);
    assert.equal(verdict.broken, undefined);
    assert.match(verdict.notes.join('\n'), /cut when the engine was killed \(20 bytes\)/);
    assert.match(verdict.notes.join('\n'), /did not stop by itself/);
    // Cut again while it was going on: two pieces in a row.
    const whole = readFileSync(only(), 'utf8');
    appendFileSync(only(), '{"se\n{"seq":2');
    await live(1);
    assert.equal((await verifyFolder(folder)).broken, undefined);
    writeFileSync(only(), whole);
    // What was cut may not be changed either.
    const text = readFileSync(only(), 'utf8');
    writeFileSync(only(), text.replace('{"seq":13,"prev":"00\n', '{"seq":13,"prev":"01\n'));
    assert.equal((await verifyFolder(folder)).broken?.kind, 'changed');
  });

  it('R11.5 an engine that finds lines gone says so in the chain', async () => {
    await live(10);
    const text = readFileSync(only(), 'utf8').trimEnd().split('\n');
    writeFileSync(only(), `${text.slice(0, 5).join('\n')}\n`);
    await live(5);
    const { broken } = await verifyFolder(folder);
    assert.equal(broken?.kind, 'truncated');
    assert.equal(broken.line, 6);
  });

  it('R11.5 a file that was just begun when the engine was killed is gone on with', async () => {
    await live(60, { maxFileBytes: 4_000 });
    const last = lines().length;
    writeFileSync(join(folder, `audit-${String(last + 1).padStart(12, '0')}.jsonl`), '');
    await live(3, { maxFileBytes: 40_000 });
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 a disk that takes nothing costs records, which are counted and named when it takes some again', async () => {
    let isFull = false;
    const one = trail({
      write: async (file, bytes) => {
        if (isFull) {
          await file.write(bytes.subarray(0, 30));
          throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        }
        await file.write(bytes);
      },
    });
    one.onCall(call(1), 'ok', undefined);
    await one.flush();
    isFull = true;
    for (let number = 0; number < 40; number += 1) one.onCall(call(number), 'ok', undefined);
    await one.flush();
    assert.equal(one.status.lost, 40);
    assert.match(one.status.degraded ?? '', /ENOSPC/);
    isFull = false;
    one.onCall(call(41), 'ok', undefined);
    await clock.advance(5_000);
    await one.flush();
    assert.equal(one.status.degraded, undefined);
    await one.stop();
    const gap = lines().find(({ type }) => type === 'gap');
    assert.deepEqual([gap?.['lost'], gap?.['why']], [40, 'ENOSPC']);
    const verdict = await verifyFolder(folder);
    assert.equal(verdict.broken, undefined, verdict.broken?.message);
    assert.match(verdict.notes.join('\n'), /40 records were lost/);
    assert.equal(logged.length, 2);
  }).timeout(20_000);

  it('R11.5 an engine that goes on with a trail on a disk that is full loses nothing that can wait', async () => {
    await live(50);
    let isFull = true;
    const one = trail({
      write: async (file, bytes) => {
        if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        await file.write(bytes);
      },
    });
    for (let number = 0; number < 10; number += 1) one.onCall(call(number), 'ok', undefined);
    await one.flush();
    assert.match(one.status.degraded ?? '', /ENOSPC/);
    isFull = false;
    await clock.advance(5_000);
    await one.stop();
    // They waited for the disk.
    assert.equal(one.status.lost, 0);
    assert.equal(calls().length, 60);
    assert.ok(!lines().some(({ type }) => type === 'gap'));
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 a folder that cannot be made loses records within bounds, and is tried again', async () => {
    writeFileSync(folder, 'a file in its place');
    const one = trail();
    await one.flush();
    for (let number = 0; number < 40_000; number += 1) one.onCall(call(number), 'ok', undefined);
    assert.ok(one.status.lost >= 10_000);
    assert.match(one.status.degraded ?? '', /cannot be written/);
    rmSync(folder);
    mkdirSync(folder);
    await clock.advance(5_000);
    await one.flush();
    await one.stop();
    const verdict = await verifyFolder(folder);
    assert.equal(verdict.broken, undefined, verdict.broken?.message);
    assert.equal(calls().length + one.status.lost, 40_000);
  });

  it('R11.5 turned off it records nothing, and says so', async () => {
    const one = trail();
    one.onCall(call(1), 'ok', undefined);
    one.configure(false);
    one.onCall(call(2), 'ok', undefined);
    await one.flush();
    one.configure(true);
    one.onCall(call(3), 'ok', undefined);
    await one.stop();
    const told = lines().flatMap(({ type, calls }) =>
      calls === undefined ? [type] : (calls as { call: string }[]).map((one) => one.call),
    );
    assert.deepEqual(told, ['file', 'start', 'c1', 'off', 'on', 'c3', 'stop']);
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 a trail that was never turned on leaves nothing', async () => {
    const one = new AuditFeed({
      clock,
      log: () => undefined,
      redact: (text) => text,
      open: sink,
    });
    one.onCall(call(1), 'ok', undefined);
    one.configure(false);
    await one.stop();
    assert.throws(() => auditFiles(folder), { code: 'ENOENT' });
  });

  it('R14.3 verifies whatever it is given, and never takes it for a trail', async () => {
    mkdirSync(folder);
    const file = join(folder, 'audit-000000000001.jsonl');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), async (bytes) => {
        writeFileSync(file, bytes);
        assert.ok((await verifyFolder(folder)).broken !== undefined);
      }),
    );
    writeFileSync(file, Buffer.alloc(4_000_000, 'x'));
    assert.ok((await verifyFolder(folder)).broken !== undefined);
    writeFileSync(file, sealLine(1, NO_HASH, '"at":1,"type":"file","oldest":1').text);
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });
});
