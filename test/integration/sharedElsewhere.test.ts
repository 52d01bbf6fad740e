import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { parseSnapshot } from '../../src/shared/model/snapshot.ts';
import { HttpPeer, sse } from '../support/httpPeer.ts';
import { textOf, type Message } from '../support/lineClient.ts';
import { messagesOf, RawSession, send, StandaloneBed } from '../support/standalone.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

const single = { instances: 'single' };

describe('one session with a remote server for all clients', () => {
  let bed: TestBed;
  let peer: HttpPeer;
  beforeEach(async () => {
    bed = new TestBed();
    peer = await new HttpPeer().start();
  });
  afterEach(async () => {
    await bed.dispose();
    await peer.stop();
  });

  it('R3.5 what comes on the stream of a call is for the client of that call, whoever called last', async () => {
    const streams: { readonly id: unknown; readonly response: ServerResponse }[] = [];
    const answered: unknown[] = [];
    peer.hook = ({ message, tool }, response) => {
      if (message['result'] !== undefined) answered.push([message['id'], message['result']]);
      if (tool !== 'echo') return undefined;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.push({ id: message['id'], response });
      return true;
    };
    bed.configure({ s: { type: 'http', url: peer.url, lifeline: single } });
    await bed.startEngine();
    const clients = [await bed.session('s', { roots: {} }), await bed.session('s', { roots: {} })];
    const ids: number[] = [];
    for (const [n, client] of clients.entries()) {
      ids.push(client.send('tools/call', { name: 'echo', arguments: {}, _meta: { progressToken: 't' } }));
      await until('the call to arrive', () => streams.length === n + 1);
    }
    assert.equal(ids[0], ids[1]);
    assert.equal(peer.sessions.size, 1);
    // The first one asks, though the other one's call was written last.
    for (const { id, response } of streams) {
      response.write(sse({ jsonrpc: '2.0', id: `q${String(id)}`, method: 'roots/list' }));
      const params = { progressToken: id, progress: 1 };
      response.write(sse({ jsonrpc: '2.0', method: 'notifications/progress', params }));
      response.write(
        sse({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: id } }),
      );
    }
    const isQuestion = ({ method }: Message): boolean => method === 'roots/list';
    for (const [n, client] of clients.entries()) {
      const question = await client.next('roots/list', isQuestion);
      client.write({ id: question.id, result: { roots: [{ uri: `file:///${n}` }] } });
      await client.next(
        'its log',
        ({ method, params }) => method === 'notifications/message' && params?.['data'] === streams[n]?.id,
      );
      const progress = client.received.find(({ method }) => method === 'notifications/progress');
      assert.equal(progress?.params?.['progressToken'], 't');
      assert.equal(client.received.filter(isQuestion).length, 1);
      assert.equal(client.received.filter(({ method }) => method === 'notifications/message').length, 1);
    }
    await until('both answers to arrive', () => answered.length === 2);
    // Each in a request of its own, of which either may be read first.
    assert.deepEqual(
      answered.toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other))),
      streams.map(({ id }, n) => [`q${String(id)}`, { roots: [{ uri: `file:///${n}` }] }]),
    );
    for (const { id, response } of streams)
      response.end(
        sse({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: `for ${String(id)}` }] } }),
      );
    for (const [n, client] of clients.entries())
      assert.equal(textOf((await client.answerTo(ids[n] ?? 0)).result), `for ${String(streams[n]?.id)}`);
  });
});

describe('one server for all clients of a stand-alone engine', () => {
  let bed: StandaloneBed;
  let starts: string;
  beforeEach(() => {
    bed = new StandaloneBed();
    starts = join(bed.home, 'starts');
  });
  afterEach(() => bed.dispose());

  const started = (): number[] =>
    existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  const pid = async (client: RawSession): Promise<string> => {
    const { text } = await client.call(1, 'pid', {});
    const messages = text.startsWith('{') ? [JSON.parse(text) as Message] : messagesOf(text);
    return textOf(messages.find(({ id, result }) => id === 1 && result !== undefined)?.result);
  };

  it('R5.0 the server that is kept warm is handed to all of them', async () => {
    const servers = { s: scripted({ STARTS: starts }, { ...single, keepWarm: true }) };
    const { ready, running } = await bed.serve({ servers });
    const session = async (): Promise<RawSession> => {
      const client = new RawSession(ready.servers['s']?.url ?? '', ready.token);
      await client.initialize();
      return client;
    };
    const isWarm = async (): Promise<boolean> => {
      const { text } = await send(`${ready.url}/status`, {
        headers: { authorization: `Bearer ${ready.token}` },
      });
      const [server] = parseSnapshot(JSON.parse(text)).servers;
      return server?.state === 'ready' && server.sessions === 0;
    };
    // What is kept warm for the next client is what the last one wanted.
    const first = await session();
    await pid(first);
    await first.end();
    const former = started().length;
    await until('it is kept warm again', () => started().length > former);
    while (!(await isWarm())) assert.equal(started().length, former + 1);
    const pids = await Promise.all((await Promise.all([session(), session()])).map(pid));
    assert.deepEqual(pids, [started().at(-1), started().at(-1)].map(String));
    assert.equal(started().length, former + 1);
    running.child.kill('SIGTERM');
    assert.equal(await running.end(), 0);
    assert.deepEqual(started().filter(isRunning), []);
  });

  it('R3.3 an engine that stops ends a server that its last client has just left', async () => {
    const { ready, running } = await bed.serve({ servers: { s: scripted({ STARTS: starts }, single) } });
    const client = new RawSession(ready.servers['s']?.url ?? '', ready.token);
    await client.initialize();
    const process = Number(await pid(client));
    await client.end();
    assert.equal(isRunning(process), true);
    running.child.kill('SIGTERM');
    assert.equal(await running.end(), 0);
    assert.equal(isRunning(process), false);
  });
});
