import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { auditFiles } from './auditFolder.ts';
import { verifyFolder } from './verifyAudit.ts';

const from = (name: string): string => JSON.stringify(join(import.meta.dirname, name));
const clock = JSON.stringify(join(import.meta.dirname, '..', '..', '..', 'shared', 'base', 'clock.ts'));

/** An engine's part of it, as fast as it goes; ends by itself after `calls`. */
const busy = (folder: string, calls: number): string => `
  import { AuditFeed } from ${from('auditFeed.ts')};
  import { openAuditThread } from ${from('auditThread.ts')};
  import { systemClock } from ${clock};
  const engine = { pid: process.pid, version: '1' };
  const folder = ${JSON.stringify(folder)};
  const feed = new AuditFeed({
    clock: systemClock,
    log: console.error,
    redact: (text) => text,
    open: (start, listener) => openAuditThread({ folder, engine, ...start }, listener),
  });
  feed.configure(true);
  await feed.flush();
  console.log('ready');
  const line = Buffer.from('{"id":1}');
  for (let number = 0; number < ${calls}; number += 1) {
    const call = { session: 's', server: 'git', method: 'tools/call', tool: 't', callId: 'c' + number, retryClass: 'safe', attempts: 1, startedAt: 0, waitedMs: 0, line };
    feed.onCall(call, 'ok', line);
    if (number % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
  await feed.stop();
`;

/** Writes half of what it should, and is killed by itself at exactly that moment. */
const killedInAWrite = (folder: string): string => `
  import { AuditTrail } from ${from('auditTrail.ts')};
  import { PacketWriter } from ${from('auditPacket.ts')};
  import { systemClock } from ${clock};
  let writes = 0;
  const trail = new AuditTrail({
    folder: ${JSON.stringify(folder)}, clock: systemClock, engine: { pid: 1, version: '1' }, hasStarted: false, log: console.error, onStatus: () => {},
    write: async (file, bytes) => {
      writes += 1;
      await file.write(bytes, 0, writes < 3 ? bytes.length : bytes.length >> 1);
      if (writes === 3) process.kill(process.pid, 'SIGKILL');
    },
  });
  trail.start();
  await trail.flush();
  console.log('ready');
  const packet = new PacketWriter();
  packet.text(0, '"server":"git","session":"s","method":"m","class":"safe"');
  packet.text(1, 'ok');
  for (let number = 0; number < 300; number += 1)
    packet.call({ at: 1, who: 0, outcome: 1, ms: 1, attempts: 1, callId: 'c' + number }, Buffer.from('x'), 'y');
  trail.take(Buffer.from(packet.buffer), packet.length);
  await trail.flush();
  trail.take(Buffer.from(packet.buffer), packet.length);
  await trail.flush();
`;

describe('an audit trail whose engine is killed', () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'audit-'));
    folder = join(root, 'trail');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Resolves when it has begun to write. */
  const run = async (source: string): Promise<{ ended: Promise<unknown>; kill: () => void }> => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended]);
    return { ended, kill: () => child.kill('SIGKILL') };
  };
  const assertWholeButTheEnd = async (): Promise<boolean> => {
    const { broken } = await verifyFolder(folder);
    if (broken === undefined) return false;
    assert.equal(broken.kind, 'truncated', broken.message);
    assert.equal(broken.file, auditFiles(folder).at(-1));
    assert.match(broken.message, /it is cut, and has no line end/);
    return true;
  };

  it('R11.5 in the middle of a write says so, and goes on', async () => {
    const { ended } = await run(killedInAWrite(folder));
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.ok(await assertWholeButTheEnd());
    await (
      await run(busy(folder, 1_000))
    ).ended;
    const { broken, notes } = await verifyFolder(folder);
    assert.equal(broken, undefined, broken?.message);
    assert.match(notes.join('\n'), /cut when the engine was killed[^]*did not stop by itself/);
  }).timeout(60_000);

  it('R11.5 at any moment is whole but for its end, and goes on, again and again', async () => {
    const lives = 10;
    for (let life = 0; life < lives; life += 1) {
      const { ended, kill } = await run(busy(folder, 1e9));
      await pause((life * 37) % 150);
      kill();
      await ended;
      await assertWholeButTheEnd();
    }
    await (
      await run(busy(folder, 1_000))
    ).ended;
    const { broken, notes } = await verifyFolder(folder);
    assert.equal(broken, undefined, broken?.message);
    const kills = notes.filter((note) => note.includes('did not stop by itself'));
    // Files of the first lives may have been removed to make room.
    assert.ok(kills.length > 0 && kills.length <= lives, notes.join('\n'));
  }).timeout(120_000);
});
