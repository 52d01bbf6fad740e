import assert from 'node:assert/strict';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { HttpPeer, sendJson, sse } from '../support/httpPeer.ts';
import { textOf, type LineClient, type Message, type ToolResult } from '../support/lineClient.ts';
import { TestBed, until, type ControlClient } from '../support/testEngine.ts';

const done = (text: string) => ({ content: [{ type: 'text', text }] });

describe('a server reached by Streamable HTTP', () => {
  let bed: TestBed;
  let peer: HttpPeer;
  let control: ControlClient;
  beforeEach(async () => {
    bed = new TestBed();
    peer = await new HttpPeer().start();
  });
  afterEach(async () => {
    await bed.dispose();
    await peer.stop();
  });

  const start = async (
    entry: Record<string, unknown> = {},
    connection: Record<string, unknown> = {},
  ): Promise<void> => {
    bed.configure({ s: { type: 'http', url: peer.url, ...entry } }, connection);
    ({ control } = await bed.startEngine());
  };
  const codeOf = (result: ToolResult): unknown => result._meta?.[OUTCOME_META]?.['code'];
  const heard = (client: LineClient, method: string): Message[] =>
    client.received.filter((message) => message.method === method);

  it('R3.1 R3.6 hears initialize, initialized and one ping, each after the one before was taken, with its headers', async () => {
    const order: string[] = [];
    peer.hook = (request, response) => {
      order.push(request.method ?? request.httpMethod);
      if (request.method !== 'notifications/initialized') return undefined;
      setTimeout(() => {
        order.push('initialized taken');
        response.writeHead(202).end();
      }, 100);
      return true;
    };
    await start({ headers: { 'X-Key': 'secret' } });
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'echo done');
    const before = order.filter((what) => what !== 'GET' && what !== 'tools/list');
    assert.deepEqual(before.slice(0, 5), [
      'initialize',
      'notifications/initialized',
      'initialized taken',
      'ping',
      'tools/call',
    ]);
    const { headers } = peer.requests.find((request) => request.tool === 'echo') ?? assert.fail();
    assert.equal(headers['x-key'], 'secret');
    assert.equal(headers['mcp-session-id'], [...peer.sessions][0]);
    assert.equal(headers['mcp-protocol-version'], '2025-06-18');
    assert.match(String(headers.accept), /application\/json, text\/event-stream/);
    assert.equal((await control.snapshot()).servers[0]?.state, 'ready');
  });

  it('R3.3 is told when its client leaves', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    assert.equal(peer.sessions.size, 1);
    await client.close();
    await until('the session is deleted', () => peer.sessions.size === 0);
  });

  it('R3.5 progress and requests on the stream of a call reach the client before the answer', async () => {
    peer.hook = (request, response) => {
      const { message } = request;
      if (request.tool !== 'echo') return undefined;
      const meta = (message['params'] as Record<string, Record<string, unknown>>)['_meta'];
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      const progress = { progressToken: meta?.['progressToken'], progress: 1 };
      response.write(sse({ jsonrpc: '2.0', method: 'notifications/progress', params: progress }));
      response.write(sse({ jsonrpc: '2.0', id: 7, method: 'roots/list' }));
      const wait = setInterval(() => {
        const reply = peer.requests.find((one) => one.message['id'] === 7 && one.method === undefined);
        if (reply === undefined) return;
        clearInterval(wait);
        response.end(sse({ jsonrpc: '2.0', id: message['id'], result: done(reply.raw) }));
      }, 5);
      return true;
    };
    await start();
    const client = await bed.session('s', { roots: {} });
    client.onServerRequest = ({ id }) => client.write({ id, result: { roots: [{ uri: 'file:///r' }] } });
    const result = await client.request('tools/call', {
      name: 'echo',
      arguments: {},
      _meta: { progressToken: 'p' },
    });
    assert.match(JSON.stringify(result.result), /file:\/\/\/r/);
    assert.equal(heard(client, 'notifications/progress').length, 1);
  });

  it('R3.2 a session that the server has lost is opened anew, and the call it lost runs there, once', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    peer.sessions.clear();
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal(peer.count('initialize'), 2);
    // One was answered 404 before anything was done.
    assert.equal(peer.executions('echo'), 3);
  });

  it('R3.2 a server that answers 400 to a session it does not know is asked by a ping, then for a new session', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    peer.sessions.clear();
    peer.hook = (request, response) => {
      if (request.method === 'initialize' || peer.sessions.has(String(request.headers['mcp-session-id'])))
        return undefined;
      response.writeHead(400, { 'content-type': 'text/plain' }).end('Bad Request: no valid session');
      return true;
    };
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal(peer.count('initialize'), 2);
  });

  it('R2.3 a 400 to one request alone is told, and neither repeated nor held against the session', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('read');
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      response.writeHead(400, { 'content-type': 'text/plain' }).end('no such field');
      return true;
    };
    const result = await client.call('echo');
    assert.match(textOf(result), /"s" answered 400 Bad Request \(no such field\)/);
    assert.equal(codeOf(result), 'httpError');
    assert.equal(peer.executions('echo'), 1);
    assert.equal((await control.snapshot()).servers[0]?.lastCallFailed, true);
    assert.equal(peer.count('initialize'), 1);
  });

  it('R2.4 429 lets any call go again after the time it names; 503 only one that may be repeated', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('read');
    let refusals = 0;
    const refuse = (status: number, headers: Record<string, string>) => {
      refusals = 0;
      peer.hook = (request, response) => {
        if (request.tool === undefined || refusals > 0) return undefined;
        refusals += 1;
        response.writeHead(status, headers).end();
        return true;
      };
    };
    refuse(429, { 'retry-after': '1' });
    const began = performance.now();
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.ok(performance.now() - began >= 1_000);
    refuse(503, {});
    assert.equal(textOf(await client.call('read')), 'read done');
    refuse(503, {});
    const before = peer.executions('echo');
    const unknown = await client.call('echo');
    assert.equal(codeOf(unknown), 'outcomeUnknown');
    assert.match(textOf(unknown), /503 Service Unavailable.*unknown.*Verify/);
    assert.equal(peer.executions('echo'), before + 1);
  });

  it('R3.8 401 is a state of its own that says what to do; no breaker opens, and calls fail at once', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('read');
    peer.hook = (request, response) => {
      if (request.headers['x-key'] !== undefined) return undefined;
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      return true;
    };
    const first = await client.call('echo');
    assert.equal(codeOf(first), 'authRequired');
    const shown = await control.server('s', (server) => server.state === 'needsSignIn');
    assert.match(shown.sentence, /401 Unauthorized.*"headers"/);
    assert.equal(shown.breaker.state, 'closed');
    assert.equal(codeOf(await client.call('read')), 'authRequired');
    bed.configure({ s: { type: 'http', url: peer.url, headers: { 'X-Key': 'k' } } });
    await control.configure(bed.configuration);
    await control.server('s', (server) => server.state === 'ready');
    assert.equal(textOf(await client.call('read')), 'read done');
  });

  it('R3.8 403 to one call is about that call; to the handshake it is a sign-in that is missing', async () => {
    await start();
    const client = await bed.session('s');
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      response.writeHead(403).end();
      return true;
    };
    const refused = await client.call('echo');
    assert.equal(codeOf(refused), 'forbidden');
    assert.match(textOf(refused), /403 Forbidden: it does not allow this/);
    assert.equal(textOf(await client.call('read')), 'read done');
    peer.hook = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    const again = bed.bridge('s');
    void again.initialize().catch(() => undefined);
    await control.server('s', (server) => server.state === 'needsSignIn');
  });

  it('R2.4 a stream that is cut is resumed after its last event; the tool runs once', async () => {
    peer.hook = (request, response) => {
      if (request.tool === 'echo') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('id: e1\nretry: 10\ndata: \n\n', () => response.destroy());
        return true;
      }
      if (request.httpMethod !== 'GET' || request.headers['last-event-id'] !== 'e1') return undefined;
      const call = peer.requests.find((one) => one.tool === 'echo');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(sse({ jsonrpc: '2.0', id: call?.message['id'], result: done('resumed') }, 'e2'));
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'resumed');
    assert.equal(peer.executions('echo'), 1);
  });

  it('R2.4 a connection that is cut in the middle of an answer leaves the outcome unknown; what may be repeated is', async () => {
    let cuts = 0;
    peer.hook = (request, response) => {
      if (request.tool === undefined || cuts > 0) return undefined;
      cuts += 1;
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"jsonrpc":', () => response.destroy());
      return true;
    };
    await start();
    const client = await bed.session('s');
    await client.request('tools/list');
    await control.server('s', (server) => server.catalogue?.tools === 2);
    assert.equal(textOf(await client.call('read')), 'read done');
    assert.equal(peer.executions('read'), 2);
    cuts = 0;
    assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown');
    assert.equal(peer.executions('echo'), 1);
  });

  it('R2.5 R3.2 a server that is away for a moment costs no call', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    await peer.stop();
    const waiting = Promise.all([client.call('echo'), client.call('read')]);
    await control.server('s', (server) => server.metrics.retries > 0 || server.state !== 'ready');
    await peer.start();
    assert.deepEqual((await waiting).map(textOf), ['echo done', 'read done']);
    assert.equal(peer.executions('echo'), 2);
  });

  it('R5.2 a server that stays away is shown, and found again by itself', async () => {
    await start({}, { retryBackoffBase: 0.1, retryBackoffMax: 1 });
    const client = await bed.session('s');
    await client.call('echo');
    await peer.stop();
    void client.call('echo').catch(() => undefined);
    const shown = await control.server('s', (server) => server.state === 'recovering', 20_000);
    assert.match(shown.sentence, /cannot be reached: nothing listens there \(ECONNREFUSED\)/);
    await peer.start();
    await control.server('s', (server) => server.state === 'ready', 20_000);
    assert.equal(textOf(await client.call('read')), 'read done');
  });

  it('R5.3 a server that answers nothing any more is given up, and found again when it answers', async () => {
    await start({}, { requestTimeout: 1, retryBackoffBase: 0.1 });
    const client = await bed.session('s');
    await client.call('read');
    let isHung = true;
    const held: (() => void)[] = [];
    peer.hook = (_request, response) => {
      if (!isHung) return undefined;
      held.push(() => response.destroy());
      return true;
    };
    assert.match(textOf(await client.call('read')), /did not answer the tool "read" within 1 s/);
    const shown = await control.server('s', ({ lastError }) => lastError?.code === 'connectionReset', 20_000);
    assert.match(
      shown.lastError?.message ?? '',
      /neither a call in its time nor a ping after it, and was given up/,
    );
    isHung = false;
    for (const drop of held) drop();
    await control.server('s', ({ state }) => state === 'ready', 20_000);
    assert.equal(textOf(await client.call('read')), 'read done');
  });

  it('R2.4 a call that never got through is told as not carried out, however often it was tried', async () => {
    await start({}, { retryBackoffBase: 0.1, failureThreshold: 2 });
    const client = await bed.session('s');
    await client.call('read');
    await peer.stop();
    const result = await client.call('read');
    assert.match(textOf(result), /nothing listens there.*The tool "read" was not carried out/);
    assert.doesNotMatch(textOf(result), /may have been/);
  });

  it('R2.4 R14.2 is not followed to another origin, and its credentials stay; within its own it is', async () => {
    const other = await new HttpPeer().start();
    try {
      peer.hook = (request, response) => {
        if (request.url !== '/mcp') return undefined;
        response.writeHead(307, { location: '/mcp/' }).end();
        return true;
      };
      await start({ headers: { Authorization: 'Bearer secret' } });
      const client = await bed.session('s');
      assert.equal(textOf(await client.call('echo')), 'echo done');
      peer.hook = (_request, response) => {
        response.writeHead(307, { location: other.url }).end();
        return true;
      };
      const result = await client.call('read');
      assert.match(textOf(result), new RegExp(`answered 307.*it refers to "${other.url}"`));
      assert.equal(other.requests.length, 0);
    } finally {
      await other.stop();
    }
  });

  it('R2.3 HTML instead of JSON is told for what it is', async () => {
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.match(
      textOf(await client.call('echo')),
      /answered with "text\/html" instead of JSON: check "url"/,
    );
  });

  it('R2 an answer that stops in its middle is given up after the read timeout; one that has not begun is waited for', async () => {
    peer.hook = (request, response) => {
      if (request.tool === 'echo') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"jsonrpc":');
        return true;
      }
      if (request.tool !== 'read') return undefined;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      setTimeout(
        () => response.end(sse({ jsonrpc: '2.0', id: request.message['id'], result: done('late') })),
        2_500,
      );
      return true;
    };
    await start({}, { readTimeout: 1 });
    const client = await bed.session('s');
    const [stuck, late] = await Promise.all([client.call('echo'), client.call('read')]);
    assert.match(textOf(stuck), /stopped in the middle of an answer: nothing came for 1 s/);
    assert.equal(textOf(late), 'late');
  });

  it('R2.6 a cancelled call is cancelled at the server, and its connection freed', async () => {
    let closed = false;
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      response.on('close', () => (closed = true));
      return true;
    };
    await start();
    const client = await bed.session('s');
    const id = client.send('tools/call', { name: 'echo', arguments: {} });
    await until('the call is there', () => peer.executions('echo') === 1);
    client.write({ method: 'notifications/cancelled', params: { requestId: id, reason: 'enough' } });
    const cancelled = await until('the server hears it', () =>
      peer.requests.find((request) => request.method === 'notifications/cancelled'),
    );
    assert.deepEqual(cancelled.message['params'], { requestId: id, reason: 'enough' });
    await until('the connection is closed', () => closed);
  });

  it('R3.5 messages on the server’s own stream reach the client, also after it was cut', async () => {
    let streams = 0;
    peer.hook = (request, response) => {
      if (request.httpMethod !== 'GET') return undefined;
      streams += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const params = {
        level: 'info',
        data: `stream ${streams} after ${String(request.headers['last-event-id'])}`,
      };
      const event = sse({ jsonrpc: '2.0', method: 'notifications/message', params }, `g${streams}`);
      if (streams === 1) response.end(`retry: 10\n${event}`);
      else response.write(event);
      return true;
    };
    await start();
    const client = await bed.session('s');
    await until('both messages', () => heard(client, 'notifications/message').length === 2);
    assert.deepEqual(
      heard(client, 'notifications/message').map((message) => message.params?.['data']),
      ['stream 1 after undefined', 'stream 2 after g1'],
    );
  });

  it('R4.3 sockets are kept alive, and a call that may not be repeated takes none that was idle for long', async () => {
    await start();
    const client = await bed.session('s');
    await client.request('tools/list');
    await control.server('s', (server) => server.catalogue?.tools === 2);
    for (let round = 0; round < 5; round += 1) await client.call('read');
    const ports = new Set(peer.requests.filter((one) => one.tool === 'read').map((one) => one.port));
    assert.equal(ports.size, 1);
    await new Promise((resolve) => setTimeout(resolve, 1_200)); // the pool's clock is the engine's own
    await client.call('echo');
    const port = peer.requests.find((one) => one.tool === 'echo')?.port ?? 0;
    assert.ok(!ports.has(port));
  });

  it('R2.4 R3.4 an engine that is killed leaves a written call unknown to the next one', async () => {
    peer.hook = (request) => request.tool === 'echo' || undefined;
    await start();
    const { pid } = bed.endpoint ?? { pid: 0 };
    const client = await bed.session('s');
    const waiting = client.call('echo');
    await until('the call is there', () => peer.executions('echo') === 1);
    process.kill(pid, 'SIGKILL');
    ({ control } = await bed.startEngine());
    assert.equal(codeOf(await waiting), 'outcomeUnknown');
    assert.equal(peer.executions('echo'), 1);
    peer.hook = () => undefined;
    assert.equal(textOf(await client.call('read')), 'read done');
  });

  it('a list on several lines reaches the client as one message', async () => {
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      sendJson(response, request.message['id'], done('a\nb'));
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'a\nb');
  });
});
