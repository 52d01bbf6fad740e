import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Snapshot } from '../../src/shared/model/snapshot.ts';
import { everythingServer, isRunning, scripted, until } from '../support/testEngine.ts';
import {
  freePort,
  messagesOf,
  open,
  RawSession,
  send,
  StandaloneBed,
  type ReadyLine,
} from '../support/standalone.ts';
import { textOf, type Message } from '../support/lineClient.ts';

const json = (text: string): Message => JSON.parse(text) as Message;

describe('the HTTP endpoint', () => {
  const bed = new StandaloneBed();
  const record = join(bed.home, 'record.txt');
  let remote: { readonly url: string; readonly child: ChildProcess };
  let ready: ReadyLine;
  let mcp: string;
  const recorded = (): string[] => {
    try {
      return readFileSync(record, 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  };
  const bearer = (): { authorization: string } => ({ authorization: `Bearer ${ready.token}` });
  const status = async (): Promise<Snapshot> =>
    JSON.parse((await send(`${ready.url}/status`, { headers: bearer() })).text) as Snapshot;
  const session = async (capabilities?: Record<string, unknown>): Promise<RawSession> => {
    const made = new RawSession(mcp, ready.token);
    await made.initialize(capabilities);
    return made;
  };
  const pidOf = async (made: RawSession): Promise<number> =>
    Number(textOf(json((await made.call(900, 'pid')).text).result));

  before(async () => {
    remote = await startRemote();
    ({ ready } = await bed.serve({
      servers: {
        remote: { type: 'http', url: remote.url },
        everything: { command: process.execPath, args: [everythingServer, 'stdio'] },
        'my server/ä': scripted({ RECORD: record }),
        off: { ...scripted(), lifeline: { enabled: false } },
      },
    }));
    mcp = ready.servers['my server/ä']?.url ?? '';
  });
  after(async () => {
    await bed.dispose();
    remote.child.kill('SIGKILL');
  });

  for (const name of ['everything', 'remote'] as const) {
    it(`R15.1 serves the official SDK’s client with the printed URL and token: ${name}`, async () => {
      const client = new Client({ name: 'sdk', version: '1.0.0' }, { capabilities: {} });
      const url = new URL(ready.servers[name]?.url ?? '');
      const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: bearer() } });
      // The SDK's own declaration does not fit exactOptionalPropertyTypes.
      await client.connect(transport);
      try {
        assert.ok((await client.listTools()).tools.length > 10);
        const answer = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
        assert.equal(textOf(answer), 'Echo: hi');
        let progress = 0;
        const long = { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } };
        await client.callTool(long, undefined, { onprogress: () => (progress += 1) });
        assert.equal(progress, 2);
        await transport.terminateSession();
      } finally {
        await client.close();
      }
    });
  }

  describe('who may call', () => {
    it('R14.2 answers 401 without the token, with another one, and in another scheme', async () => {
      for (const authorization of [
        undefined,
        'Bearer wrong',
        `Basic ${ready.token}`,
        `Bearer ${ready.token}x`,
      ]) {
        for (const path of ['/status', '/mcp/everything', '/metrics', '/nothing']) {
          const answer = await send(ready.url + path, { headers: { authorization } });
          assert.equal(answer.status, 401, `${String(authorization)} ${path}`);
          assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer /);
          assert.match(answer.text, /token/);
        }
      }
      assert.equal((await send(`${ready.url}/recover`, { method: 'POST', body: '{}' })).status, 401);
    });

    it('R14.2 answers 403 to a foreign Host or Origin, before it looks at the token', async () => {
      const { port } = new URL(ready.url);
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '127.0.0.1:1',
        '127.0.0.1',
        `0.0.0.0:${port}`,
      ])
        assert.equal(
          (await send(`${ready.url}/status`, { headers: { host, ...bearer() } })).status,
          403,
          host,
        );
      for (const origin of [
        'https://evil.example',
        'null',
        `http://evil.example:${port}`,
        `https://localhost:${port}`,
      ])
        assert.equal(
          (await send(`${ready.url}/status`, { headers: { origin, ...bearer() } })).status,
          403,
          origin,
        );
      assert.equal((await send(`${ready.url}/healthz`, { headers: { host: 'evil.example' } })).status, 403);
      assert.equal((await send(`${ready.url}/status`, { headers: { host: 'evil.example' } })).status, 403);
    });

    it('lets our own names and origins pass', async () => {
      const { port } = new URL(ready.url);
      for (const name of ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST']) {
        const headers = { host: `${name}:${port}`, origin: `http://${name}:${port}`, ...bearer() };
        assert.equal((await send(`${ready.url}/status`, { headers })).status, 200, name);
      }
    });

    it('answers /healthz without a token, and nothing else about itself', async () => {
      const answer = await send(`${ready.url}/healthz`, {});
      assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, { status: 'ok' }]);
    });
  });

  it('R11.2 gives the snapshot under /status, and says how /metrics is switched on', async () => {
    const names = (await status()).servers.map(({ id }) => id);
    assert.deepEqual(names, ['remote', 'everything', 'my server/ä', 'off']);
    const metrics = await send(`${ready.url}/metrics`, { headers: bearer() });
    assert.equal(metrics.status, 404);
    assert.match(metrics.text, /Metrics are off; .* switches them on/);
  });

  it('recovers over POST /recover, one server or all', async () => {
    const made = await session();
    const before = await pidOf(made);
    const recover = (body: string, type = 'application/json') =>
      send(`${ready.url}/recover`, { method: 'POST', headers: { 'content-type': type, ...bearer() }, body });
    const one = await recover(JSON.stringify({ server: 'my server/ä' }));
    assert.equal(one.status, 200);
    assert.match(one.text, /"outcome":"recovered"/);
    assert.notEqual(await pidOf(made), before);
    assert.match((await recover('{}')).text, /"outcome":"skipped"/);
    assert.equal((await recover('{"server":"none"}')).status, 404);
    assert.equal((await recover('{"server":7}')).status, 400);
    assert.equal((await recover('garbage')).status, 400);
    assert.equal((await recover('{}', 'text/plain')).status, 415);
    assert.equal((await recover(' '.repeat(70_000))).status, 413);
    assert.equal((await send(`${ready.url}/recover`, { headers: bearer() })).status, 405);
    await made.end();
  });

  describe('what it refuses', () => {
    let made: RawSession;
    before(async () => {
      made = await session();
    });
    after(() => made.end());
    const ping = { id: 1, method: 'ping' };
    const refused = async (expected: number, attempt: Promise<{ status: number; text: string }>) => {
      const { status: got, text } = await attempt;
      assert.equal(got, expected, text);
      assert.ok((json(text).error?.message.length ?? 0) > 10, text);
      return json(text);
    };

    it('400 without a session, 404 with an unknown one, or one of another server', async () => {
      await refused(400, made.post(ping, { 'mcp-session-id': undefined }));
      await refused(404, made.post(ping, { 'mcp-session-id': 'unknown' }));
      const other = { ...made.headers(), 'mcp-session-id': made.id };
      const url = ready.servers['everything']?.url ?? '';
      await refused(404, send(url, { method: 'POST', headers: other, body: JSON.stringify(ping) }));
      await refused(404, send(url, { headers: other }));
      await refused(400, send(mcp, { headers: made.headers({ 'mcp-session-id': undefined }) }));
      await refused(
        400,
        send(mcp, { method: 'DELETE', headers: made.headers({ 'mcp-session-id': undefined }) }),
      );
    });

    it('404 for an unknown server, a path that is none, and broken escapes', async () => {
      for (const path of [
        '/mcp/none',
        '/mcp/',
        '/mcp',
        '/mcp/everything/x',
        '/mcp/%zz',
        '/',
        '//mcp/everything',
      ])
        await refused(404, send(ready.url + path, { method: 'POST', headers: made.headers(), body: '{}' }));
    });

    it('405 with the methods that there are', async () => {
      for (const method of ['PUT', 'PATCH', 'OPTIONS']) {
        const answer = await send(mcp, { method, headers: made.headers() });
        assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST, GET, DELETE']);
      }
    });

    it('406 for what it cannot answer with', async () => {
      await refused(406, made.post(ping, { accept: 'text/html' }));
      await refused(406, made.post(ping, { accept: 'application/json;q=0' }));
      await refused(406, send(mcp, { headers: made.headers({ accept: 'application/json' }) }));
    });

    it('413 for a body over the limit, declared or not', async () => {
      const tooLarge = Buffer.alloc(67_108_865, ' ');
      // Several times: without care the refusal is lost now and then, with the connection.
      for (let tries = 0; tries < 10; tries += 1)
        await refused(413, send(mcp, { method: 'POST', headers: made.headers(), body: tooLarge }));
      const chunked = { ...made.headers(), 'transfer-encoding': 'chunked', 'content-length': undefined };
      await refused(413, send(mcp, { method: 'POST', headers: chunked, body: tooLarge }));
      assert.equal((await made.post(ping)).status, 200);
    });

    it('415 for what is not JSON', async () => {
      await refused(415, made.post(ping, { 'content-type': 'text/plain' }));
      await refused(415, made.post(ping, { 'content-type': undefined }));
      await refused(415, made.post(ping, { 'content-type': 'application/json; charset=latin1' }));
      assert.equal(
        (await made.post(ping, { 'content-type': 'Application/JSON; charset=UTF-8' })).status,
        200,
      );
    });

    it('400 with a JSON-RPC error for batches, what is not JSON and what is no message', async () => {
      assert.equal(
        (await refused(400, made.post('[{"jsonrpc":"2.0","id":1,"method":"ping"}]'))).error?.code,
        -32_600,
      );
      assert.equal((await refused(400, made.post('garbage'))).error?.code, -32_700);
      assert.equal((await refused(400, made.post(''))).error?.code, -32_700);
      assert.equal((await refused(400, made.post('{"jsonrpc":"2.0"}'))).error?.code, -32_600);
      assert.equal((await refused(400, made.post('{"id":true,"method":"ping"}'))).error?.code, -32_600);
      await refused(400, made.post('['.repeat(100_000)));
    });

    it('400 for a protocol version that cannot be one, but not for a missing one', async () => {
      for (const version of ['1', 'latest', '2025-13-01', '9999-99-99', ''])
        await refused(400, made.post(ping, { 'mcp-protocol-version': version }));
      assert.equal((await made.post(ping, { 'mcp-protocol-version': '2025-06-18' })).status, 200);
    });

    it('400 for a second initialize in the session', async () => {
      await refused(400, made.post({ id: 2, method: 'initialize', params: {} }));
    });

    it('R3.9 400 for a second request with an open id, and the first is answered', async () => {
      const first = made.openPost({
        id: 5,
        method: 'tools/call',
        params: { name: 'echo', arguments: { key: 'a', ms: 300 } },
      });
      await untilInFlight(1);
      await refused(400, made.call(5, 'echo', { key: 'b' }));
      const opened = await first;
      await opened.until('its answer', ({ ended }) => ended);
      assert.equal(textOf(json(opened.text).result), 'a');
    });
  });

  const untilInFlight = async (count: number): Promise<void> => {
    const end = Date.now() + 10_000;
    for (;;) {
      const server = (await status()).servers.find(({ id }) => id === 'my server/ä');
      if (server !== undefined && server.metrics.inFlight + server.metrics.waiting >= count) return;
      assert.ok(Date.now() < end, `${count} calls were not open in time`);
    }
  };

  describe('sessions', () => {
    it('R3.4 are kept apart: processes, ids and streams of their own', async () => {
      const [one, two] = [await session(), await session()];
      assert.notEqual(one.id, two.id);
      assert.match(one.id ?? '', /^[\w-]{32}$/);
      const [first, second] = await Promise.all([pidOf(one), pidOf(two)]);
      assert.notEqual(first, second);
      const answers = await Promise.all([
        one.call(1, 'echo', { key: '1', ms: 50 }),
        two.call(1, 'echo', { key: '2' }),
      ]);
      assert.deepEqual(
        answers.map(({ text }) => textOf(json(text).result)),
        ['1', '2'],
      );
      await one.end();
      assert.equal(await pidOf(two), second);
      await two.end();
    });

    it('end on DELETE, with their server’s process, and are unknown afterwards', async () => {
      const made = await session();
      const pid = await pidOf(made);
      assert.equal((await made.end()).status, 204);
      assert.equal((await made.post({ id: 1, method: 'ping' })).status, 404);
      assert.equal((await made.end()).status, 404);
      await until('the process to end', () => !isRunning(pid));
    });

    it('answer what is open when they end, and say that the outcome is unknown', async () => {
      const made = await session();
      await pidOf(made);
      const call = made.call(3, 'record', { key: 'open', ms: 20_000 });
      await until('the call to reach the server', () =>
        recorded().some((line) => line.startsWith('record open')),
      );
      await made.end();
      const answer = json((await call).text);
      assert.match(textOf(answer.result), /ended the session.*not known/);
      assert.equal((answer.result as { isError?: boolean }).isError, true);
    });

    it('take a pretty-printed message as one', async () => {
      const made = await session();
      const params = { name: 'echo', arguments: { key: 'x' } };
      const pretty = JSON.stringify({ jsonrpc: '2.0', id: 4, method: 'tools/call', params }, undefined, 2);
      const answer = await made.post(`${pretty.replaceAll('\n', '\r\n')}\n`);
      assert.equal(textOf(json(answer.text).result), 'x');
      await made.end();
    });

    it('take notifications and answers with 202', async () => {
      const made = await session();
      const answer = await made.post({ method: 'notifications/roots/list_changed' });
      assert.deepEqual([answer.status, answer.text], [202, '']);
      assert.equal((await made.post({ id: 77, result: {} })).status, 202);
      await made.end();
    });
  });

  describe('JSON or a stream', () => {
    let made: RawSession;
    before(async () => {
      made = await session({ roots: {} });
    });
    after(() => made.end());

    it('answers with JSON when the answer is one message', async () => {
      const answer = await made.call(1, 'echo', { key: 'plain' });
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(textOf(json(answer.text).result), 'plain');
    });

    it('answers with a stream when progress comes first, and the answer ends it', async () => {
      const answer = await made.call(2, 'record', { key: 'p', ms: 20 }, { progressToken: 'tok' });
      assert.equal(answer.headers['content-type'], 'text/event-stream');
      const [progress, result] = messagesOf(answer.text);
      assert.equal(progress?.params?.['progressToken'], 'tok');
      assert.equal(result?.id, 2);
    });

    it('gives progress to the request it belongs to, not to the newest', async () => {
      const slow = made.openPost({
        id: 10,
        method: 'tools/call',
        params: {
          name: 'record',
          arguments: { key: 'slow', ms: 400, progressEvery: 50 },
          _meta: { progressToken: 1 },
        },
      });
      await until('the slow call to run', () => recorded().some((line) => line.startsWith('record slow')));
      const other = await made.call(11, 'echo', { key: 'other', ms: 200 });
      assert.equal(other.headers['content-type'], 'application/json');
      const opened = await (await slow).until('its end', ({ ended }) => ended);
      assert.ok(opened.messages.length > 3);
    });

    it('gives a client without streams JSON only', async () => {
      const answer = await made.post(
        {
          id: 12,
          method: 'tools/call',
          params: { name: 'record', arguments: { key: 'j' }, _meta: { progressToken: 2 } },
        },
        { accept: 'application/json' },
      );
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(json(answer.text).id, 12);
    });

    it('gives a client without JSON a stream only', async () => {
      const answer = await made.post({ id: 13, method: 'ping' }, { accept: 'text/event-stream' });
      assert.equal(answer.headers['content-type'], 'text/event-stream');
      assert.equal(messagesOf(answer.text)[0]?.id, 13);
    });

    it('asks the client on the stream of the call, and takes its answer', async () => {
      const opened = await made.openPost({ id: 14, method: 'tools/call', params: { name: 'ask' } });
      await opened.until('the question', ({ messages }) => messages.length === 1);
      const [question] = opened.messages;
      assert.equal(question?.method, 'roots/list');
      await made.post({ id: question.id, result: { roots: [] } });
      await opened.until('the answer', ({ ended }) => ended);
      assert.equal(textOf(opened.messages[1]?.result), '{"roots":[]}');
    });

    it('asks on the client’s own stream when the call takes none; a newer stream takes over', async () => {
      const older = await made.openStream();
      const newer = await made.openStream();
      await older.until('the older one to end', ({ ended }) => ended);
      const call = made.openPost(
        { id: 15, method: 'tools/call', params: { name: 'ask' } },
        { accept: 'application/json' },
      );
      await newer.until('the question', ({ messages }) => messages.length === 1);
      await made.post({ id: newer.messages[0]?.id, result: { roots: ['x'] } });
      const opened = await (await call).until('the answer', ({ ended }) => ended);
      assert.equal(textOf(json(opened.text).result), '{"roots":["x"]}');
      newer.close();
    });

    it('keeps what the server says for the stream that comes later', async () => {
      const call = made.openPost(
        { id: 16, method: 'tools/call', params: { name: 'ask' } },
        { accept: 'application/json' },
      );
      await untilInFlight(1);
      const stream = await made.openStream();
      await stream.until('the question', ({ messages }) => messages.length === 1);
      await made.post({ id: stream.messages[0]?.id, result: {} });
      await (await call).until('the answer', ({ ended }) => ended);
      stream.close();
    });
  });

  it('R2.6 cancels the call of a client that disconnects, at the server', async () => {
    const made = await session();
    await pidOf(made);
    const request = open(mcp, {
      method: 'POST',
      headers: made.headers(),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'left',
        method: 'tools/call',
        params: { name: 'record', arguments: { key: 'left', ms: 20_000 }, _meta: { progressToken: 9 } },
      }),
    });
    (await request).close(); // its head is there, because progress came
    await until('the server to hear of it', () =>
      recorded().some((line) => line.startsWith('cancelled "left"')),
    );
    assert.equal(textOf(json((await made.call(2, 'echo', { key: 'still here' })).text).result), 'still here');
    await made.end();
  });

  it('R2.6 ends the response of a request that the client cancels', async () => {
    const made = await session();
    const call = made.call(21, 'record', { key: 'cancel', ms: 20_000 });
    await until('the call to run', () => recorded().some((line) => line.startsWith('record cancel')));
    await made.post({ method: 'notifications/cancelled', params: { requestId: 21 } });
    const answer = await call;
    assert.deepEqual([answer.status, messagesOf(answer.text)], [200, []]);
    await made.end();
  });

  it('ends a session whose client leaves before initialize is answered', async () => {
    const request = fetch(mcp, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}',
      signal: AbortSignal.timeout(20),
    });
    await assert.rejects(request);
    await untilSessions(0);
  });

  const untilSessions = async (count: number): Promise<void> => {
    const end = Date.now() + 10_000;
    for (;;) {
      const server = (await status()).servers.find(({ id }) => id === 'my server/ä');
      if (server?.sessions === count) return;
      assert.ok(Date.now() < end, 'there are other sessions');
    }
  };

  it('says of a server that is switched off what is wrong, and does not list its address', async () => {
    assert.deepEqual(Object.keys(ready.servers), ['remote', 'everything', 'my server/ä']);
    const made = new RawSession(`${ready.url}/mcp/off`, ready.token);
    assert.match((await made.initialize()).text, /disabled/);
    await made.end();
  });
});

/** The official test server as a remote one. */
async function startRemote(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [everythingServer, 'streamableHttp'], { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/mcp`;
  for (let tries = 0; ; tries += 1) {
    assert.ok(tries < 200 && child.exitCode === null, 'the remote server does not come up');
    if ((await send(url, {}).catch(() => undefined)) !== undefined) return { url, child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
