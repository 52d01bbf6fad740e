import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, type WrittenCall } from './journal.ts';
import { takeOwnership } from './ownership.ts';
import { ensurePrivateFolder, newSocketAddress, writeFileAtomically } from './privateFolder.ts';
import { isStillRunning, ownIdentity } from './processIdentity.ts';

const call = (id: string): WrittenCall => ({
  session: 'session1',
  id,
  method: 'tools/call',
  tool: 't',
  callId: `c${id}`,
  at: 1,
});

describe('saved state', () => {
  let folder: string;
  const troubles: string[] = [];
  const open = (name: string): Journal =>
    new Journal(join(folder, 'journal'), name, (message) => troubles.push(message));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-state-'));
    troubles.length = 0;
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });

  it('R2.4 the journal hands what was written over to the next engine, and forgets what was withdrawn', () => {
    const first = open('1');
    first.written(call('1'));
    first.written(call('"two"'));
    first.written(call('3'));
    first.answered('session1', '1');
    first.withdrawn('session1', '3');
    const second = open('2'); // the first one was killed: never closed
    assert.deepEqual(second.find('session1', '1'), { call: call('1'), answered: true });
    assert.deepEqual(second.find('session1', '"two"'), { call: call('"two"'), answered: false });
    assert.equal(second.find('session1', '3'), undefined);
    assert.equal(second.find('session2', '1'), undefined);
    assert.deepEqual(readdirSync(join(folder, 'journal')), ['2.jsonl']);
    assert.deepEqual(troubles, []);
  });

  it('R2.4 R13.2 what is left for later is on record when it is asked for, or when anything else is written', async () => {
    const first = open('1');
    const file = join(folder, 'journal', '1.jsonl');
    const records = (): number => readFileSync(file, 'utf8').split('\n').length - 1;
    first.written(call('1'), true);
    first.written(call('2'), true);
    assert.equal(records(), 0);
    first.flush();
    assert.equal(records(), 2);
    // Answers of one turn are one write, which comes by itself.
    first.answered('session1', '1');
    first.answered('session1', '2');
    await Promise.resolve();
    assert.equal(records(), 4);
    first.written(call('3'), true);
    first.written(call('4'));
    assert.equal(records(), 6);
    const second = open('2');
    assert.deepEqual(
      ['1', '2', '3', '4'].map((id) => second.find('session1', id)?.answered),
      [true, true, false, false],
    );
  });

  it('R2.4 an answer is on record also when a call before it never left for its server', async () => {
    const first = open('1');
    first.written(call('1'));
    first.written(call('2'), true); // its process ended before the end of the turn, and it was given up
    first.answered('session1', '1');
    await Promise.resolve();
    assert.equal(open('2').find('session1', '1')?.answered, true);
  });

  it('R2.4 a line that was cut by a kill, and garbage, cost only themselves', () => {
    const first = open('1');
    first.written(call('1'));
    const file = join(folder, 'journal', '1.jsonl');
    const text = readFileSync(file, 'utf8');
    appendFileSync(file, `garbage\n{"written":{"session":5}}\n${text}${text.slice(0, 20)}`);
    assert.equal(open('2').find('session1', '1')?.answered, false);
  });

  it('a journal that cannot be written says so once and keeps working in memory', function () {
    writeFileSync(join(folder, 'journal'), 'a file where the folder should be');
    const journal = open('1');
    journal.written(call('1'));
    journal.written(call('2'));
    assert.equal(journal.reliable, false);
    assert.equal(troubles.length, 1);
    assert.equal(journal.find('session1', '2')?.answered, false);
  });

  it('R2.4 a record that a full disk takes in part makes the journal unreliable, and spoils no later one', async () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { statSync } from 'node:fs';
      import { Journal } from ${JSON.stringify(join(import.meta.dirname, 'journal.ts'))};
      const journal = new Journal(${JSON.stringify(join(folder, 'journal'))}, '1', () => {});
      const written = (id) => journal.written({ session: 'session1', id, method: 'tools/call', tool: 't', callId: 'c' + id, at: 1 });
      const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':']);
      written('1');
      limit(statSync(${JSON.stringify(join(folder, 'journal', '1.jsonl'))}).size + 25);
      written('2');
      const { reliable } = journal;
      limit('unlimited');
      written('3');
      process.stdout.write(String(reliable), () => process.kill(process.pid, 'SIGKILL'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'false');
    const next = open('2');
    assert.deepEqual(next.find('session1', '1'), { call: call('1'), answered: false });
    assert.deepEqual(next.find('session1', '3'), { call: call('3'), answered: false });
  });

  it('a journal with nothing open leaves no file', () => {
    const journal = open('1');
    journal.written(call('1'));
    journal.answered('session1', '1');
    journal.close(false);
    assert.deepEqual(readdirSync(join(folder, 'journal')), []);
  });

  it('the journal stays bounded over 100,000 calls', () => {
    const journal = open('1');
    for (let n = 0; n < 100_000; n += 1) {
      journal.written(call(String(n)));
      journal.answered('session1', String(n));
    }
    assert.ok(statSync(join(folder, 'journal', '1.jsonl')).size < 8_000_000);
    assert.equal(journal.find('session1', '99999')?.answered, true);
    assert.equal(journal.reliable, true);
  }).timeout(30_000);

  it('one owner per window, whoever else tries; a dead owner is followed', async () => {
    const locks = join(folder, 'locks');
    const program = `
      import { takeOwnership } from ${JSON.stringify(join(import.meta.dirname, 'ownership.ts'))};
      const verdict = takeOwnership(${JSON.stringify(locks)}, 'w');
      process.stdout.write(verdict.kind + '\\n');
      setInterval(() => {}, 1000);`;
    const contenders = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    try {
      const said = await Promise.all(
        contenders.map(async (child) => String((await once(child.stdout, 'data'))[0]).trim()),
      );
      assert.equal(said.filter((verdict) => verdict === 'owner').length, 1, said.join());
      assert.equal(takeOwnership(locks, 'w').kind, 'taken');
      assert.equal(takeOwnership(locks, 'other').kind, 'owner');
      for (const child of contenders) child.kill('SIGKILL');
      await Promise.all(contenders.map((child) => once(child, 'exit')));
      assert.equal(takeOwnership(locks, 'w').kind, 'owner');
    } finally {
      for (const child of contenders) child.kill('SIGKILL');
    }
  });

  it('a lock whose number was given to another process does not count', () => {
    const locks = join(folder, 'locks');
    mkdirSync(locks);
    writeFileSync(join(locks, 'w.lock.7'), JSON.stringify({ pid: process.pid, startTime: '1' }));
    writeFileSync(join(locks, 'w.lock.garbage'), 'x');
    assert.equal(takeOwnership(locks, 'w').kind, 'owner');
    assert.deepEqual(readdirSync(locks).sort(), ['w.lock.8', 'w.lock.garbage']);
  });

  it('tells this process from one that had its number before', () => {
    assert.equal(isStillRunning(ownIdentity()), true);
    assert.equal(isStillRunning({ pid: process.pid, startTime: '1' }), false);
    assert.equal(isStillRunning({ pid: 4_194_303, startTime: undefined }), false);
  });

  it('R14.2 a folder that others could enter is repaired; a link in its place is refused', () => {
    const open777 = join(folder, 'open');
    mkdirSync(open777);
    chmodSync(open777, 0o777);
    ensurePrivateFolder(open777);
    assert.equal(statSync(open777).mode & 0o777, 0o700);
    symlinkSync(open777, join(folder, 'link'));
    assert.throws(() => ensurePrivateFolder(join(folder, 'link')), /is not a folder/);
  });

  it('R14.2 a socket path is short even when the home folder is not', () => {
    const deep = join(folder, 'x'.repeat(120));
    assert.ok(Buffer.byteLength(newSocketAddress(deep)) <= 100);
  });

  it('a file that cannot be replaced stays as it was', () => {
    const file = join(folder, 'file');
    writeFileAtomically(file, 'one');
    writeFileAtomically(file, 'two');
    assert.equal(readFileSync(file, 'utf8'), 'two');
    assert.throws(() => writeFileAtomically(join(folder, 'missing', 'file'), 'x'));
    assert.deepEqual(readdirSync(folder), ['file']);
  });
});
