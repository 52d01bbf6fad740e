import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { isRunning, until } from '../../../test/support/testEngine.ts';
import type { Fault } from '../../shared/model/fault.ts';
import { ServerProcess } from './serverProcess.ts';

describe('a process that cannot be ended', () => {
  const kill = process.kill.bind(process);
  afterEach(() => {
    process.kill = kill;
  });

  it('R5.3 R5.4 is left behind, and nobody waits for it for ever', async function () {
    if (process.platform === 'win32') return;
    const clock = new FakeClock();
    const guarded = new Set<number>();
    const ends: Fault[] = [];
    const opened = Promise.withResolvers<undefined>();
    const server = new ServerProcess(
      {
        server: 's',
        command: '/bin/sh',
        args: ['-c', 'exec sleep 600'],
        cwd: tmpdir(),
        env: { PATH: process.env['PATH'] ?? '' },
        clock,
        guardian: { add: (pid) => void guarded.add(pid), remove: (pid) => void guarded.delete(pid) },
        beforeWrite: () => undefined,
        maxLineBytes: 1_000,
      },
      {
        onOpened: () => opened.resolve(undefined),
        onLines: () => undefined,
        onTooLongLine: () => undefined,
        onStderr: () => undefined,
        onDoubt: () => undefined,
        afterLines: (action) => action(),
        onEnd: (fault) => void ends.push(fault),
      },
    );
    await opened.promise;
    const pid = server.pid ?? 0;
    // As with `sudo`: its process is another user's.
    process.kill = () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    };
    try {
      let isStopped = false;
      void server.stop({ politeMs: 0, firmMs: 500 }).then(() => (isStopped = true));
      await clock.advance(5_400);
      assert.deepEqual([isStopped, ends.length], [false, 0]);
      await clock.advance(200);
      assert.equal(isStopped, true);
      assert.match(ends[0]?.message ?? '', new RegExp(`could not be ended, and its process \\(${pid}\\)`));
      assert.equal(server.hasEnded, true);
      assert.equal(guarded.size, 0);
      assert.equal(isRunning(pid), true);
    } finally {
      process.kill = kill;
      process.kill(pid, 'SIGKILL');
    }
    // Its real end is no second one.
    await until('its end', () => !isRunning(pid));
    await clock.advance(1_000);
    assert.equal(ends.length, 1);
  });
});
