import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { isRunning, until } from '../../../test/support/testEngine.ts';
import { systemClock, type Clock } from '../../shared/base/clock.ts';
import { LoginShell, parseMarked, withLoginShell } from './loginShell.ts';

describe('the login shell', () => {
  let folder: string;
  const said: string[] = [];
  const guarded = new Set<number>();
  const guardian = {
    add: (pid: number) => void guarded.add(pid),
    remove: (pid: number) => void guarded.delete(pid),
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-shell-'));
    said.length = 0;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    assert.equal(guarded.size, 0);
  });

  /** A shell that has run a profile. */
  function given(profile: string, clock: Clock = systemClock): LoginShell {
    const shell = join(folder, 'bash');
    const script = `#!/bin/sh\necho run >> '${folder}/runs'\n${profile}\n[ "$1 $2 $3" = "-i -l -c" ] || exit 9\nexec /bin/sh -c "$4"\n`;
    writeFileSync(shell, script, { mode: 0o755 });
    const environment = { ...process.env, SHELL: shell };
    return new LoginShell({ clock, environment, guardian, log: (text) => said.push(text) });
  }
  const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length;

  it('R1.8 is asked once, and tells what its profiles set, whatever they print', async () => {
    const shell = given(`echo "Welcome {" ; export PATH="/from/profile:$PATH"; export TWO_LINES="a\nb"`);
    const [first, second] = await Promise.all([shell.environment(), shell.environment()]);
    assert.ok(first !== undefined);
    assert.ok(first['PATH']?.startsWith('/from/profile:'));
    assert.equal(first['TWO_LINES'], 'a\nb');
    assert.equal(first, second);
    assert.equal(runs(), 1);
    assert.match(said.join(), /was read/);
  });

  it('R1.8 that fails, is missing or prints no end is none', async () => {
    assert.equal(await given('exit 1').environment(), undefined);
    assert.match(said.join(), /could not be read/);
    const missing = { ...process.env, SHELL: join(folder, 'gone') };
    const options = { clock: systemClock, guardian, log: () => undefined };
    assert.equal(await new LoginShell({ ...options, environment: missing }).environment(), undefined);
    assert.equal(await given('yes x').environment(), undefined);
  });

  it('R1.8 R14.3 that the system refuses to start is none', async () => {
    // `spawn` throws for such a path instead of emitting.
    writeFileSync(join(folder, 'file'), '');
    const environment = { ...process.env, SHELL: join(folder, 'file', 'bash') };
    const options = { clock: systemClock, guardian, log: (text: string) => said.push(text) };
    assert.equal(await new LoginShell({ ...options, environment }).environment(), undefined);
    assert.match(said.join(), /could not be read/);
  });

  it('R1.8 R14.5 that hangs is ended with its whole group after 10 s', async () => {
    const clock = new FakeClock();
    const shell = given(`sleep 600 & echo $! > '${folder}/sleeper'; cat; sleep 600`, clock);
    const environment = shell.environment();
    const sleeper = Number(
      await until('the profile to run', () => {
        try {
          return readFileSync(join(folder, 'sleeper'), 'utf8').trim();
        } catch {
          return false;
        }
      }),
    );
    await clock.advance(10_000);
    assert.equal(await environment, undefined);
    await until('the end of what the profile started', () => !isRunning(sleeper));
  });

  it('R1.8 that leaves something running which holds its output is not waited for', async () => {
    const shell = given('sleep 5 & export FOUND=yes');
    const startedAt = performance.now();
    assert.equal((await shell.environment())?.['FOUND'], 'yes');
    assert.ok(performance.now() - startedAt < 4_500);
  });

  it('R1.8 adds to the own environment, and its PATH comes first', () => {
    assert.deepEqual(
      withLoginShell({ PATH: '/usr/bin:/own', LANG: 'C' }, { PATH: '/brew:/usr/bin', LANG: 'de', NVM: '1' }),
      { PATH: '/brew:/usr/bin:/own', LANG: 'C', NVM: '1' },
    );
    assert.equal(withLoginShell({}, { PATH: '/brew' })['PATH'], '/brew');
  });

  it('R14.3 reads only what stands between the marks', () => {
    assert.deepEqual(parseMarked('motd MARK{"A":"1","B":2}MARK bye', 'MARK'), { A: '1' });
    for (const text of ['', 'MARK', 'MARK{"A":"1"}', 'MARKnoneMARK', 'MARKnullMARK'])
      assert.equal(parseMarked(text, 'MARK'), undefined, text);
  });
});
