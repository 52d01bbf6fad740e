import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../../test/support/testEngine.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { bootId, processStartTime } from '../state/processIdentity.ts';
import { earlierLists, ProcessList } from '../state/processList.ts';
import { MARK_VARIABLE, markOf, parsePs, parseStat, runningProcesses } from '../state/processTable.ts';
import { endOrphans, isOrphan } from './orphans.ts';

describe('what a dead engine has left', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  const said: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-orphans-'));
    said.length = 0;
  });
  afterEach(() => {
    for (const child of children.splice(0)) {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // gone
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** A process in a group of its own, which is running its script when this resolves. */
  async function given(script: string, server = 's'): Promise<ChildProcess & { readonly pid: number }> {
    const env = { ...process.env, [MARK_VARIABLE]: markOf('w', server) };
    const child = spawn('/bin/sh', ['-c', script.replace('READY', 'echo ready')], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env,
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child as ChildProcess & { readonly pid: number };
  }

  function listed(
    processes: readonly { pid: number; startTime?: string | undefined }[],
    boot = bootId(),
  ): void {
    // A pid that nobody can have: the engine is dead.
    const engine = { pid: 4_194_303, startTime: '1' };
    const all = processes.map((one) => ({ server: 's', ...one }));
    writeFileSync(join(folder, 'a.json'), JSON.stringify({ version: 1, boot, engine, processes: all }));
  }

  const end = (): Promise<number> =>
    endOrphans({ clock: systemClock, folder, window: 'w', log: (text) => said.push(text) });

  it('R5.4 is ended with its whole group, though it ignores polite and firm', async () => {
    const child = await given("trap '' TERM; sleep 600 & READY; wait; sleep 600");
    listed([{ pid: child.pid, startTime: processStartTime(child.pid) }]);
    assert.equal(await end(), 1);
    assert.equal(isRunning(child.pid), false);
    assert.equal(
      (await runningProcesses()).some(({ group }) => group === child.pid),
      false,
    );
    assert.match(said.join(), new RegExp(`killed are ended: s \\(${child.pid}\\)`));
    assert.deepEqual(readdirSync(folder), []);
  });

  it('R5.4 is ended when only members of the group are left, and they carry the mark', async () => {
    const child = await given('sleep 600 >/dev/null & READY');
    await once(child, 'exit');
    listed([{ pid: child.pid, startTime: '1' }]);
    assert.equal(await end(), 1);
    assert.equal(
      (await runningProcesses()).some(({ group }) => group === child.pid),
      false,
    );
  });

  it('R5.4 is left alone when its number belongs to somebody else now', async () => {
    const stranger = await given('READY; sleep 600');
    listed([{ pid: stranger.pid, startTime: '1' }]);
    assert.equal(await end(), 0);
    const other = await given('sleep 600 >/dev/null & READY', 'another server');
    await once(other, 'exit');
    listed([{ pid: other.pid, startTime: '1' }]);
    assert.equal(await end(), 0);
    listed([{ pid: stranger.pid, startTime: processStartTime(stranger.pid) }], 'another boot');
    assert.equal(await end(), 0);
    assert.equal(isRunning(stranger.pid), true);
    assert.equal(
      (await runningProcesses()).some(({ group }) => group === other.pid),
      true,
    );
    assert.deepEqual(said, []);
  });

  it('R5.4 is no business of ours while that engine runs', async () => {
    const child = await given('READY; sleep 600');
    const list = new ProcessList(folder, 'mine', (text) => assert.fail(text));
    list.add(child.pid, 's');
    assert.deepEqual(earlierLists(folder), []);
    assert.equal(await end(), 0);
    assert.equal(isRunning(child.pid), true);
    const file = join(folder, 'mine.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(
      readFileSync(file, 'utf8'),
      new RegExp(`"pid":${child.pid},.*"server":"s"|"server":"s".*"pid":${child.pid}`),
    );
    list.remove(child.pid);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('R14.3 a list that is none of ours harms nobody and is removed', async () => {
    const process0 = { pid: 0, server: 's' };
    for (const content of [
      '',
      'null',
      '{"version":1',
      JSON.stringify({ version: 1, boot: bootId(), engine: { pid: 4_194_303 }, processes: [process0] }),
      JSON.stringify({
        version: 1,
        boot: bootId(),
        engine: { pid: 4_194_303 },
        processes: [{ ...process0, pid: -1 }],
      }),
      JSON.stringify({
        version: 1,
        boot: bootId(),
        engine: { pid: 4_194_303 },
        processes: [{ ...process0, pid: 1 }],
      }),
    ]) {
      writeFileSync(join(folder, 'a.json'), content);
      assert.equal(await end(), 0);
      assert.deepEqual(readdirSync(folder), [], content);
    }
    rmSync(folder, { recursive: true });
    assert.equal(await end(), 0);
  });

  it('is never this process', async () => {
    const running = await runningProcesses();
    const own = { pid: process.pid, startTime: processStartTime(process.pid), server: 's' };
    const asLeader = running.map((one) => (one.pid === process.pid ? { ...one, group: one.pid } : one));
    assert.equal(isOrphan({ ...own, startTime: own.startTime ?? '' }, asLeader, 'w'), false);
  });
});

describe('the table of processes', () => {
  it('reads what Linux and ps tell, and compares marks exactly', async () => {
    assert.equal(parseStat(7, '7 (a ) Z 1) Z 1 5 5'), undefined);
    const fields = Array.from({ length: 30 }, (_, index) => index).join(' ');
    assert.deepEqual(
      [parseStat(7, `7 (a) b) S 1 5 ${fields}`)].map((one) => [one?.pid, one?.group, one?.startTime]),
      [[7, 5, '16']],
    );
    const mark = markOf('w', 's');
    const [first, second, ...rest] = parsePs(
      `  10  10 S   node server.js A=1 ${MARK_VARIABLE}=${mark} B=2\n  11  10 S+  sleep 1 ${MARK_VARIABLE}=${mark}0\n  12  10 Z   (sleep)\nnonsense\n`,
    );
    assert.deepEqual([first?.pid, first?.group, first?.carries(mark)], [10, 10, true]);
    assert.deepEqual([second?.pid, second?.carries(mark)], [11, false]);
    assert.deepEqual(rest, []);
    assert.ok((await runningProcesses()).some(({ pid }) => pid === process.pid));
  });
});
