import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { HttpPeer, sse } from '../support/httpPeer.ts';
import { textOf, type ToolResult } from '../support/lineClient.ts';
import { TestBed, until, type ControlClient } from '../support/testEngine.ts';

/** What servers and what stands before them do that the specification did not foresee, each seen somewhere. */
describe('a Streamable HTTP server with its own ideas', () => {
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

  const start = async (connection: Record<string, unknown> = {}): Promise<void> => {
    bed.configure({ s: { type: 'http', url: peer.url } }, connection);
    ({ control } = await bed.startEngine());
  };
  const codeOf = (result: ToolResult): unknown => result._meta?.[OUTCOME_META]?.['code'];
  const refuse = (response: ServerResponse, status: number, id: unknown, code: number): true => {
    const body = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'no' } });
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    return true;
  };

  for (const [status, id, code] of [
    [404, 'server-error', -32_600],
    [404, undefined, -32_001],
    [400, undefined, -32_000],
  ] as const) {
    it(`R3.2 ${status} with the error ${code} of JSON-RPC (id: ${id ?? 'the request’s'}) is a lost session`, async () => {
      await start();
      const client = await bed.session('s');
      await client.call('echo');
      peer.sessions.clear();
      peer.hook = ({ method, headers, message }, response) =>
        method !== 'initialize' &&
        !peer.sessions.has(String(headers['mcp-session-id'])) &&
        refuse(response, status, id ?? message['id'] ?? null, code);
      assert.equal(textOf(await client.call('echo')), 'echo done');
      assert.equal(peer.count('initialize'), 2);
    });
  }

  it('R3.1 400 for a while after `initialized`: it is asked by pings alone, in the same session, until it is ready', async () => {
    let refused = 0;
    peer.hook = ({ method, httpMethod }, response) => {
      if (method === 'initialize' || method === 'notifications/initialized' || httpMethod === 'DELETE')
        return false;
      if (refused === 5) return false;
      refused += 1;
      response.writeHead(400).end();
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal(peer.count('initialize'), 1);
    const after = peer.requests.findIndex(({ method }) => method === 'notifications/initialized') + 1;
    const asked = peer.requests.slice(after, after + 6).map(({ method }) => method);
    assert.deepEqual(asked, Array<string>(6).fill('ping'));
    assert.equal(peer.requests.filter(({ httpMethod }) => httpMethod === 'GET').length, 1);
  });

  it('R3.5 an answer of MCP is passed on with 404, 400 and 500 too', async () => {
    await start();
    const client = await bed.session('s');
    for (const [status, code] of [
      [404, -32_601],
      [400, -32_602],
      [500, -32_603],
    ] as const) {
      peer.hook = ({ tool, message }, response) =>
        tool !== undefined && refuse(response, status, message['id'], code);
      assert.equal((await client.request('tools/call', { name: 'echo' })).error?.code, code);
    }
    assert.equal(peer.count('initialize'), 1);
  });

  it('R3.8 401 needs a sign-in also when it comes with an error of JSON-RPC', async () => {
    peer.hook = ({ message }, response) => refuse(response, 401, message['id'] ?? null, -32_001);
    await start();
    const client = bed.bridge('s');
    void client.initialize().catch(() => undefined);
    await control.server('s', (server) => server.state === 'needsSignIn');
  });

  it('R2.4 a refusal whose body is cut or never ends is a refusal all the same', async () => {
    await start({ readTimeout: 5 });
    const client = await bed.session('s');
    for (const cuts of [true, false]) {
      let refusals = 0;
      peer.hook = ({ tool }, response) => {
        if (tool === undefined || refusals > 0) return undefined;
        refusals += 1;
        response.writeHead(429, { 'content-type': 'text/plain', 'content-length': '100' });
        response.write('too many', () => cuts && response.destroy());
        return true;
      };
      assert.equal(textOf(await client.call('echo')), 'echo done');
      assert.equal(refusals, 1);
    }
  });

  it('R3.3 R14.3 an acceptance whose body never ends holds no connection', async () => {
    const open = new Set<ServerResponse>();
    peer.hook = ({ method }, response) => {
      if (method !== 'notifications/oddity') return undefined;
      open.add(response);
      response.once('close', () => open.delete(response));
      response.writeHead(202).write('…');
      return true;
    };
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    for (let count = 0; count < 20; count += 1) client.write({ method: 'notifications/oddity' });
    await until('all are there', () => peer.count('notifications/oddity') === 20);
    await until('all are closed', () => open.size === 0, 5_000);
    assert.equal(textOf(await client.call('echo')), 'echo done');
  });

  it('R14.3 a call that is accepted without an answer is not waited for', async () => {
    peer.hook = ({ tool }, response) => {
      if (tool === undefined) return undefined;
      response.writeHead(202).write('…');
      return true;
    };
    await start();
    const client = await bed.session('s');
    const result = await client.call('echo', {}, 5_000);
    assert.equal(codeOf(result), 'outcomeUnknown');
    assert.match(textOf(result), /ended its answer without a result/);
  });

  const stream = (response: ServerResponse, text: string, ends = true): true => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (ends) response.end(text);
    else response.write(text);
    return true;
  };
  /** Its only event has an id and nothing else, and then it is cut. */
  const cut = (response: ServerResponse, id = '1'): true =>
    stream(response, `id: ${id}\nretry: 0\ndata:\n\n`);

  it('R14.3 a server that asks for no delay (retry: 0) is not asked without end', async () => {
    const gets: number[] = [];
    peer.hook = ({ httpMethod, tool }, response) => {
      if (httpMethod === 'GET') {
        gets.push(performance.now());
        return stream(response, 'retry: 0\n\n');
      }
      return tool !== undefined && cut(response);
    };
    await start();
    const client = await bed.session('s');
    await until('its own stream was opened anew', () => gets.length > 5);
    assert.ok(gets[5]! - gets[1]! >= 300);
    const before = gets.length;
    client.send('tools/call', { name: 'echo' });
    await until('the stream of the call too', () => gets.length > before + 20);
    assert.ok(gets[before + 20]! - gets[before]! >= 800);
  });

  it('R2.4 a resumption that is sent elsewhere leaves the outcome unknown', async () => {
    peer.hook = ({ headers, tool }, response) => {
      if (tool !== undefined) return cut(response);
      if (headers['last-event-id'] === undefined) return undefined;
      response.writeHead(307, { location: '/elsewhere' }).end();
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown');
  });

  it('R2.4 resumes after an event whose id is no ASCII', async () => {
    let asked = '';
    peer.hook = ({ headers, tool, message }, response) => {
      if (tool !== undefined) return cut(response, 'é€1');
      if (headers['last-event-id'] === undefined) return undefined;
      asked = Buffer.from(String(headers['last-event-id']), 'latin1').toString();
      const id = message['id'] ?? 2;
      return stream(
        response,
        sse({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'resumed' }] } }),
      );
    };
    await start();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'resumed');
    assert.equal(asked, 'é€1');
  });

  it('R3.5 a server that takes its cut stream for open (409) is asked for it again', async () => {
    const streams: ServerResponse[] = [];
    let refused = 0;
    peer.hook = ({ httpMethod }, response) => {
      if (httpMethod !== 'GET') return undefined;
      if (streams.length === 1 && refused === 0) {
        refused += 1;
        response.writeHead(409).end();
        return true;
      }
      streams.push(response);
      return stream(response, 'retry: 100\n\n', false);
    };
    await start();
    await bed.session('s');
    await until('its stream is there', () => streams.length === 1);
    streams[0]?.destroy();
    await until('it is there again', () => streams.length === 2);
    assert.equal(refused, 1);
  });

  it('R3.5 R3.9 a call that outlives its session can still ask the client', async () => {
    let slow: { readonly id: unknown; readonly response: ServerResponse } | undefined;
    peer.hook = ({ tool, method, message, raw }, response) => {
      if (tool === 'slow') {
        slow = { id: message['id'], response };
        return stream(response, ': begun\n\n', false);
      }
      if (message['id'] !== 77 || method !== undefined) return undefined;
      response.writeHead(202).end();
      const result = { content: [{ type: 'text', text: raw }] };
      slow?.response.end(sse({ jsonrpc: '2.0', id: slow.id, result }));
      return true;
    };
    await start();
    const client = await bed.session('s', { roots: {} });
    client.onServerRequest = ({ id }) => client.write({ id, result: { roots: [{ uri: 'file:///r' }] } });
    const answer = client.call('slow');
    await until('the call is there', () => slow);
    peer.sessions.clear();
    assert.equal(textOf(await client.call('echo')), 'echo done');
    slow?.response.write(sse({ jsonrpc: '2.0', id: 77, method: 'roots/list' }));
    assert.match(textOf(await answer), /file:\/\/\/r/);
  });

  it('R2.6 R4.3 a notification takes no connection that was idle for long: nobody would repeat it', async () => {
    await start();
    const client = await bed.session('s');
    await client.call('read');
    const known = new Set(peer.requests.map(({ port }) => port));
    const idleSince = performance.now();
    await until('connections are idle for long', () => performance.now() - idleSince > 1_100);
    client.write({ method: 'notifications/oddity' });
    const sent = await until('it is there', () =>
      peer.requests.find(({ method }) => method === 'notifications/oddity'),
    );
    assert.ok(!known.has(sent.port));
  });

  it('R2.5 a restart of the server under many calls is one failure, and they go on', async () => {
    let isHolding = true;
    await start({ maxConnections: 40 }); // all of them at the server at once
    const client = await bed.session('s');
    await until('its tools are known', () => peer.count('tools/list') > 0);
    await client.call('read');
    peer.hook = ({ tool }) => isHolding && tool !== undefined;
    const calls = Array.from({ length: 30 }, () => client.call('read'));
    await until('all are there', () => peer.executions('read') === 31);
    isHolding = false;
    await peer.stop();
    const later = Array.from({ length: 30 }, () => client.call('echo'));
    await peer.start();
    for (const result of await Promise.all(calls)) assert.equal(textOf(result), 'read done');
    for (const result of await Promise.all(later)) assert.equal(textOf(result), 'echo done');
    assert.equal((await control.snapshot()).servers[0]?.metrics.breakerOpens, 0);
  });

  it('R2.4 a server that cuts one call after the other opens the breaker', async () => {
    peer.hook = ({ tool }, response) => {
      if (tool !== undefined) response.destroy();
      return tool !== undefined;
    };
    await start();
    const client = await bed.session('s');
    for (let count = 0; count < 3; count += 1)
      assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown');
    assert.equal(codeOf(await client.call('echo')), 'circuitOpen');
  });

  it('R2.5 a call that comes while the server is changed runs at the new one, once', async () => {
    let isToldToEnd = false;
    peer.hook = ({ httpMethod }) => {
      isToldToEnd ||= httpMethod === 'DELETE';
      return httpMethod === 'DELETE';
    };
    await start();
    const client = await bed.session('s');
    await client.call('echo');
    const other = await new HttpPeer().start();
    bed.configure({ s: { type: 'http', url: other.url } });
    await control.configure(bed.configuration);
    await until('the old one is told', () => isToldToEnd);
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal(peer.executions('echo'), 1);
    assert.equal(other.executions('echo'), 1);
    await other.stop();
  });

  it('R14.3 an answer over the limit that tells its id at its end is not asked for again', async () => {
    let resumptions = 0;
    const [head, filling] = ['id: 1\ndata: {"jsonrpc":"2.0","result":{"x":"', Buffer.alloc(68_000_000, 'x')];
    peer.hook = ({ headers, tool }, response) => {
      if (headers['last-event-id'] !== undefined) resumptions += 1;
      else if (tool === undefined) return undefined;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: 0\nretry: 100\ndata:\n\n${head}`);
      response.write(filling);
      response.end('"},"id":2}\n\n');
      return true;
    };
    await start();
    const client = await bed.session('s');
    const result = await client.call('echo', {}, 10_000);
    assert.equal(codeOf(result), 'outcomeUnknown');
    assert.match(textOf(result), /over the limit/);
    assert.equal(resumptions, 0);
  });

  it('R2.3 one call that is sent elsewhere for once takes no other with it', async () => {
    await start();
    const client = await bed.session('s');
    for (const status of [307, 308]) {
      peer.requests.length = 0;
      peer.hook = ({ url, tool }, response) => {
        if (tool !== 'echo' || url !== '/mcp') return undefined;
        response.writeHead(status, { location: '/mcp?ticket=1' }).end();
        return true;
      };
      for (const tool of ['echo', 'read']) assert.equal(textOf(await client.call(tool)), `${tool} done`);
      const urls = peer.requests.filter(({ tool }) => tool !== undefined).map(({ url }) => url);
      assert.deepEqual(urls, ['/mcp', '/mcp?ticket=1', status === 307 ? '/mcp' : '/mcp?ticket=1']);
    }
  });

  it('R3.5 an answer that begins with a byte order mark is read', async () => {
    peer.hook = ({ tool, message }, response) => {
      if (tool === undefined) return undefined;
      const answer = {
        jsonrpc: '2.0',
        id: message['id'],
        result: { content: [{ type: 'text', text: 'ok' }] },
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(`\ufeff${JSON.stringify(answer)}`);
      return true;
    };
    await start();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo')), 'ok');
  });

  it('R2.3 headers that come twice count once', async () => {
    let refusals = 0;
    peer.hook = ({ tool, message }, response) => {
      if (tool === undefined) return undefined;
      const { socket } = response;
      const answer = JSON.stringify({
        jsonrpc: '2.0',
        id: message['id'],
        result: { content: [{ type: 'text', text: 'ok' }] },
      });
      const type = 'content-type: application/json\r\n';
      refusals += 1;
      if (refusals === 1) socket?.end('HTTP/1.1 429 Later\r\nretry-after: 2\r\nretry-after: 2\r\n\r\n');
      else socket?.end(`HTTP/1.1 200 OK\r\n${type}${type}\r\n${answer}`);
      return true;
    };
    await start();
    const client = await bed.session('s');
    const began = performance.now();
    assert.equal(textOf(await client.call('echo')), 'ok');
    assert.ok(performance.now() - began >= 2_000);
  });
});
