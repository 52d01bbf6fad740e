import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { isRunning, until } from '../../../test/support/testEngine.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { checkByCommand, checkByUrl } from './checks.ts';

describe('the check by URL', () => {
  it('R5.7 R11.4 tells what it was answered, and no key that stands in the query', async () => {
    let status = 500;
    const server = createServer((_request, response) => {
      response.writeHead(status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
    const check = () => checkByUrl(systemClock, `${base}?token=s3cret#s3cret`);
    try {
      assert.deepEqual(await check(), { isWell: false, why: `${base} answered 500.` });
      status = 204;
      assert.deepEqual(await check(), { isWell: true });
    } finally {
      server.close();
      await once(server, 'close');
    }
    const gone = await check();
    assert.ok(gone?.isWell === false);
    assert.match(gone.why, /could not be asked/);
    assert.equal(gone.isUnmade, undefined, 'nobody listens there, which may be the server itself');
    assert.doesNotMatch(gone.why, /s3cret/);
  });
});

describe('a check that cannot be made', () => {
  const place = {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '' },
    guardian: { add: () => undefined, remove: () => undefined },
  };
  const run = (command: string, args: readonly string[] = []) =>
    checkByCommand(systemClock, { kind: 'command', command, args }, place);

  it('R5.7 is told from one that fails', async () => {
    const missing = await run('no-such-check-of-lifeline');
    assert.ok(missing?.isWell === false);
    assert.deepEqual([missing.isUnmade, missing.why.includes('could not be started')], [true, true]);
    assert.deepEqual(await run(process.execPath, ['-e', 'process.exit(3)']), {
      isWell: false,
      why: `"${process.execPath}" ended with exit code 3.`,
    });
    const { fetch } = globalThis;
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND h'), { code: 'ENOTFOUND' });
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    try {
      assert.deepEqual(await checkByUrl(systemClock, 'http://h/health'), {
        isWell: false,
        why: 'http://h/health could not be asked: getaddrinfo ENOTFOUND h',
        isUnmade: true,
      });
    } finally {
      globalThis.fetch = fetch;
    }
  });
});

describe('the end of a check by command', () => {
  it('R5.4 R5.7 ends its own tree, and on Windows nothing once the number may be a stranger’s', async function () {
    if (process.platform === 'win32') return; // the system's own program cannot be replaced there
    const folder = mkdtempSync(join(tmpdir(), 'lifeline-check-'));
    const calls = join(folder, 'calls');
    const { PATH = '' } = process.env;
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    const started: number[] = [];
    const clock = new FakeClock();
    const run = (script: string) =>
      checkByCommand(
        clock,
        { kind: 'command', command: process.execPath, args: ['-e', script] },
        {
          cwd: folder,
          env: { PATH },
          guardian: { add: (pid) => void started.push(pid), remove: () => undefined },
        },
      );
    writeFileSync(join(folder, 'taskkill'), `#!/bin/sh\necho "$@" >> '${calls}'\nkill -9 "$4"\n`, {
      mode: 0o755,
    });
    process.env['PATH'] = `${folder}:${PATH}`;
    Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
    try {
      // First, so that a wrong call for it comes before the right one for the other.
      assert.equal((await run(''))?.isWell, true);
      const hung = run('setInterval(() => {}, 1_000)');
      await clock.advance(5_000);
      assert.equal((await hung)?.isWell, false);
      const said = await until(
        'the end of the hung one',
        () => !isRunning(started[1] ?? 0) && existsSync(calls) && readFileSync(calls, 'utf8'),
      );
      assert.equal(said, `/T /F /PID ${started[1]}\n`);
    } finally {
      Object.defineProperty(process, 'platform', platform);
      process.env['PATH'] = PATH;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
