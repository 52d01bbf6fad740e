import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { isRunning, until } from '../../../test/support/testEngine.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { Guardian } from './guardian.ts';

describe('guardian', () => {
  const children: ChildProcess[] = [];
  const sleeper = (script = 'sleep 600'): ChildProcess => {
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
    children.push(child);
    return child;
  };
  afterEach(() => {
    for (const { pid } of children.splice(0)) {
      try {
        process.kill(-pid!, 'SIGKILL'); // the shell may have started what it was to run
      } catch {
        // gone, as it should be
      }
    }
  });

  it('R5.4 ends the whole group of what is registered, stubborn or not, and nothing else', async () => {
    const guardian = new Guardian(systemClock, (text) => assert.fail(text));
    const registered = sleeper('sleep 600 & wait');
    const stubborn = sleeper("trap '' TERM; sleep 600 & wait; sleep 600");
    const removed = sleeper();
    const stranger = sleeper();
    for (const child of [registered, stubborn, removed]) guardian.add(child.pid!);
    guardian.remove(removed.pid!);
    guardian.dispose();
    for (const child of [registered, stubborn]) await until('its end', () => !isRunning(child.pid!));
    await until('the group to be gone', () => {
      try {
        process.kill(-registered.pid!, 0);
        return false;
      } catch {
        return true;
      }
    });
    assert.equal(isRunning(removed.pid!), true);
    assert.equal(isRunning(stranger.pid!), true);
  });

  it('R5.4 is started again when it is killed, and still knows what to guard', async () => {
    const said: string[] = [];
    const guardian = new Guardian(systemClock, (text) => said.push(text));
    const child = sleeper();
    guardian.add(child.pid!);
    const first = guardian.pid!;
    process.kill(first, 'SIGKILL');
    await until('another guardian', () => guardian.pid !== first && guardian.pid);
    guardian.dispose();
    await once(child, 'exit');
    assert.deepEqual(said, ['the guardian ended and is started again']);
  });

  for (const [how, refuse] of [
    [
      'throws',
      () => {
        throw new Error('spawn ENOMEM');
      },
    ],
    [
      'tells later',
      () => {
        // As Node does where the limit of processes is reached: an event, and no process; without handles no pipe either.
        const child = Object.assign(new EventEmitter(), { unref: () => undefined });
        process.nextTick(() => child.emit('error', new Error('spawn EAGAIN')));
        return child;
      },
    ],
  ] as const)
    it(`R5.4 R14.3 is started again when the system has room for it, if that ${how}`, async () => {
      const clock = new FakeClock();
      const said: string[] = [];
      const modules = createRequire(import.meta.url)('node:child_process') as { spawn: unknown };
      const { spawn: real } = modules;
      modules.spawn = refuse;
      syncBuiltinESMExports();
      let guardian: Guardian;
      try {
        guardian = new Guardian(clock, (text) => said.push(text));
        await clock.advance(10_000);
      } finally {
        modules.spawn = real;
        syncBuiltinESMExports();
      }
      const child = sleeper();
      guardian.add(child.pid!);
      await clock.advance(10_000);
      await until('a guardian', () => guardian.pid);
      guardian.dispose();
      await once(child, 'exit');
      assert.ok(
        said.length >= 1 && said.every((text) => text.startsWith('the guardian could not be started')),
      );
    });
});
