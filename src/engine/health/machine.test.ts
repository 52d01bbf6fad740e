import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkDigest } from './networkDigest.ts';
import { PauseGuard } from './pauseGuard.ts';
import { isStopped } from './processState.ts';

describe('what the machine tells', () => {
  it('R5.3 whether somebody stopped a process', async function () {
    if (process.platform === 'win32') return; // nobody can stop one there
    const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
    await once(child.stdout, 'data');
    const { pid = 0 } = child;
    try {
      assert.equal(await isStopped(pid), false);
      child.kill('SIGSTOP');
      while (!(await isStopped(pid))) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGCONT');
      while (await isStopped(pid)) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    assert.equal(await isStopped(pid), false);
  }).timeout(20_000);

  it('R5.9 the same network has the same digest, without what never leaves the machine', () => {
    assert.equal(networkDigest(), networkDigest());
    assert.doesNotMatch(networkDigest(), /127\.0\.0\.1|::1/);
  });

  it('R5.9 R14.3 a machine that does not tell its networks costs nothing else', () => {
    const refuse = (): never => {
      throw new Error('A system error occurred: uv_interface_addresses returned Unknown system error 13');
    };
    assert.equal(networkDigest(refuse), '');
  });

  it('R5.3 R5.9 whether we stood still, or the machine slept', () => {
    const guard = new PauseGuard();
    assert.equal(guard.tick(0, 0, 1_000), 'normal');
    assert.equal(guard.tick(5_000, 5_900, 6_900), 'normal');
    assert.equal(guard.tick(10_000, 13_000, 14_000), 'pause');
    // Linux: the monotonic clock stood still. macOS and Windows: it went on, and the timer is late.
    assert.equal(guard.tick(18_000, 18_000, 3_619_000), 'wake');
    assert.equal(guard.tick(23_000, 3_623_000, 7_224_000), 'wake');
    assert.equal(guard.tick(3_628_000, 3_628_000, 7_229_000), 'normal');
    guard.reset();
    assert.equal(guard.tick(9_000_000, 9_000_000, 99_000_000), 'normal');
  });
});
