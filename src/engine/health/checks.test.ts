import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../shared/base/clock.ts';
import { checkByUrl } from './checks.ts';

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
    assert.doesNotMatch(gone.why, /s3cret/);
  });
});
