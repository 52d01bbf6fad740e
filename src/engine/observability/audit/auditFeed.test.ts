import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { systemClock } from '../../../shared/base/clock.ts';
import type { ObservedCall } from '../observations.ts';
import { AuditFeed, type AuditSink, type SinkListener, type SinkStart } from './auditFeed.ts';
import { auditFiles } from './auditFolder.ts';
import { openAuditThread } from './auditThread.ts';
import { AuditTrail } from './auditTrail.ts';
import { verifyFolder } from './verifyAudit.ts';

interface Recorded {
  readonly type: string;
  readonly calls?: readonly Record<string, unknown>[];
  readonly [member: string]: unknown;
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const call = (number: number, more: Partial<ObservedCall> = {}): ObservedCall => ({
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
  ...more,
});

describe('what feeds the audit trail', () => {
  let root: string;
  let folder: string;
  let clock: FakeClock;
  const logged: string[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'audit-'));
    folder = join(root, 'trail');
    clock = new FakeClock();
    logged.length = 0;
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const engine = { pid: 1, version: '1.2.3' };
  const log = (text: string): unknown => logged.push(text);
  const redact = (text: string): string => text;
  const lines = (): Recorded[] =>
    auditFiles(folder).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as Recorded),
    );
  const calls = (): Record<string, unknown>[] => lines().flatMap((line) => line.calls ?? []);
  const gaps = (): unknown[] =>
    lines().flatMap(({ type, lost, why }) => (type === 'gap' ? [{ lost, why }] : []));
  /** A writing side in this thread, which reads when it is told to. */
  class Sink implements AuditSink {
    readonly trail: AuditTrail;
    readonly listener: SinkListener;
    isReading = true;
    readonly #unread: (readonly [Buffer, number])[] = [];

    constructor({ hasStarted }: SinkStart, listener: SinkListener) {
      this.listener = listener;
      const { onStatus, onLog } = listener;
      this.trail = new AuditTrail({ folder, clock, engine, hasStarted, log: onLog, onStatus });
      this.trail.start();
    }

    take({ buffer, length }: { buffer: SharedArrayBuffer; length: number }): void {
      this.#unread.push([Buffer.from(buffer), length]);
      if (this.isReading) this.read();
    }

    read(): void {
      for (const [bytes, length] of this.#unread.splice(0)) {
        this.trail.take(bytes, length);
        this.listener.onRead(this.trail.report());
      }
    }

    flush(): Promise<void> {
      this.read();
      return this.trail.flush();
    }

    stop(): Promise<void> {
      this.read();
      return this.trail.stop();
    }
  }
  const opened: Sink[] = [];
  /** Whether it is degraded, each time that it is said to be otherwise. */
  const troubles: boolean[] = [];
  const given = (): AuditFeed => {
    opened.length = 0;
    troubles.length = 0;
    const feed: AuditFeed = new AuditFeed({
      clock,
      log,
      redact,
      onTrouble: () => troubles.push(feed.status.degraded !== undefined),
      open: (start, listener) => {
        const sink = new Sink(start, listener);
        opened.push(sink);
        return sink;
      },
    });
    feed.configure(true);
    return feed;
  };

  it('R11.5 hashes messages of every size, as bytes and as text', async () => {
    const feed = given();
    const sizes = [0, 1, 100, 10_922, 10_923, 32_768, 32_769, 1_000_000];
    for (const size of sizes) {
      feed.onCall(call(size, { line: Buffer.alloc(size, 'é') }), 'ok', 'é'.repeat(size));
      feed.onCall(call(size), 'ok', undefined);
    }
    await feed.stop();
    const recorded = calls();
    assert.equal(recorded.length, 2 * sizes.length);
    sizes.forEach((size, index) => {
      const { request, answer } = recorded[2 * index] ?? {};
      assert.deepEqual(request, { bytes: size, sha256: sha256(Buffer.alloc(size, 'é')) });
      assert.deepEqual(answer, { bytes: 2 * size, sha256: sha256('é'.repeat(size)) });
      assert.equal(recorded[2 * index + 1]?.['answer'], undefined);
    });
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 records whose call it is, with any number of sessions and names of any length', async () => {
    const feed = given();
    const who = (number: number): Partial<ObservedCall> => ({
      session: `s${number % 3_000}`,
      tool: number % 5 === 0 ? `${'工'.repeat(10_000)}${number}` : `tool ${number % 7} "\u0000é"`,
      server: number % 11 === 0 ? `server\n${number}` : 'git',
    });
    for (let number = 0; number < 9_000; number += 1)
      feed.onCall(call(number, who(number)), number % 2 === 0 ? 'ok' : 'error', 'x');
    await feed.stop();
    const recorded = calls();
    assert.equal(recorded.length + feed.status.lost, 9_000);
    assert.equal(feed.status.lost, 0);
    recorded.forEach((one, number) => {
      const { session, tool, server } = who(number);
      assert.equal(one['session'], sha256(session ?? '').slice(0, 32));
      assert.equal(one['tool'], tool?.slice(0, 256));
      assert.equal(one['server'], server);
      assert.equal(one['outcome'], number % 2 === 0 ? 'ok' : 'error');
      assert.equal(one['call'], `c${number}`);
    });
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 R14.3 a writing side that does not keep up costs records, within bounds, and they are named', async () => {
    const feed = given();
    await feed.flush();
    const [sink] = opened;
    assert.ok(sink !== undefined);
    sink.isReading = false;
    const line = Buffer.alloc(10_000, 'x');
    for (let number = 0; number < 1_000; number += 1) feed.onCall(call(number, { line }), 'ok', line);
    const { lost } = feed.status;
    // 16 packets of 256 KB.
    assert.ok(lost > 700 && lost < 850, String(lost));
    sink.isReading = true;
    sink.read();
    feed.onCall(call(1_000), 'ok', 'x');
    await feed.stop();
    assert.deepEqual(gaps(), [{ lost, why: 'backlog' }]);
    assert.equal(calls().length + lost, 1_001);
    assert.equal(calls().at(-1)?.['call'], `c${(1_000).toString()}`);
    const { broken, notes } = await verifyFolder(folder);
    assert.equal(broken, undefined);
    assert.match(notes.join('\n'), new RegExp(`${lost} records were lost`));
  });

  it('R11.5 a writing side that ends is followed by another, and what was lost is named', async () => {
    const feed = given();
    feed.onCall(call(1), 'ok', 'x');
    await feed.flush();
    for (let number = 2; number < 12; number += 1) feed.onCall(call(number), 'ok', 'x');
    const [first] = opened;
    await first?.trail.stop();
    first?.listener.onEnd('out of memory');
    assert.equal(feed.status.lost, 10);
    assert.match(feed.status.degraded ?? '', /out of memory/);
    assert.deepEqual(troubles, [true]);
    feed.onCall(call(12), 'ok', 'x');
    await clock.advance(5_000);
    await feed.flush();
    assert.equal(opened.length, 2);
    assert.equal(feed.status.degraded, undefined);
    assert.deepEqual(troubles, [true, false]);
    // What comes from the one that ended counts for nothing.
    first?.listener.onStatus({ waiting: 0, lost: 99 });
    assert.equal(feed.status.lost, 10);
    await feed.stop();
    assert.deepEqual(
      calls().map((one) => one['call']),
      ['c1', 'c12'],
    );
    assert.equal(gaps().length, 1);
    assert.equal(lines().filter(({ type }) => type === 'start').length, 1);
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.3 says that a disk takes nothing, or something again, when its status says so too', async () => {
    writeFileSync(folder, 'a file where the folder should be');
    const feed = given();
    feed.onCall(call(1), 'ok', 'x');
    await feed.flush();
    assert.deepEqual(troubles, [true]);
    rmSync(folder);
    await clock.advance(5_000);
    await feed.flush();
    assert.deepEqual(troubles, [true, false]);
    await feed.stop();
  });

  it('R11.5 what waits for a writing side to come back is named when the settings do away with the wait', async () => {
    const feed = given();
    feed.onCall(call(1), 'ok', 'x');
    await feed.flush();
    const [first] = opened;
    await first?.trail.stop();
    first?.listener.onEnd('out of memory');
    feed.onCall(call(2), 'ok', 'x');
    feed.configure(true, 7);
    await feed.flush();
    feed.onCall(call(3), 'ok', 'x');
    await feed.stop();
    const told = calls().map((one) => one['call']);
    const lost = gaps().reduce<number>((sum, gap) => sum + (gap as { lost: number }).lost, 0);
    assert.equal(told.length + lost, 3, `${told.join()} are told, and ${lost} lost`);
  });

  it('R11.5 switched off and on again at once, one writes after the other', async () => {
    const feed = given();
    for (let number = 1; number <= 4; number += 1) {
      feed.onCall(call(number), 'ok', 'x');
      feed.configure(false);
      feed.configure(true);
    }
    await feed.stop();
    const told = lines().flatMap(({ type, calls: those }) => those?.map((one) => one['call']) ?? [type]);
    const turns = [1, 2, 3, 4].flatMap((number) => [`c${number}`, 'off', 'on']);
    assert.deepEqual(told, ['file', 'start', ...turns, 'stop']);
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });

  it('R11.5 is written by a thread, which ends with it', async () => {
    const feed = new AuditFeed({
      clock: systemClock,
      log,
      redact,
      open: (start, listener) => openAuditThread({ folder, engine, ...start }, listener),
    });
    feed.configure(true);
    for (let number = 0; number < 5_000; number += 1) {
      feed.onCall(call(number), 'ok', Buffer.from(`answer ${number}`));
      if (number % 1_000 === 0) await feed.flush();
    }
    await feed.stop();
    assert.deepEqual(logged, []);
    assert.equal(feed.status.lost, 0);
    const recorded = calls();
    assert.equal(recorded.length, 5_000);
    recorded.forEach((one, number) => {
      assert.equal(one['call'], `c${number}`);
      assert.deepEqual((one['answer'] as { sha256: string }).sha256, sha256(`answer ${number}`));
    });
    assert.equal(lines().at(-1)?.type, 'stop');
    assert.equal((await verifyFolder(folder)).broken, undefined);
  });
});
