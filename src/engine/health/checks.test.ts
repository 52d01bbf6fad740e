import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
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
