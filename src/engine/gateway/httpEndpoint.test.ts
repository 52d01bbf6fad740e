import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { open, RawSession, send, type OpenResponse } from '../../../test/support/standalone.ts';
import { until } from '../../../test/support/testEngine.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import {
  isJson,
  isOwnHost,
  isOwnOrigin,
  isPlausibleVersion,
  pathOf,
  readAccept,
  readRoute,
} from './httpChecks.ts';
import { HttpEndpoint } from './httpEndpoint.ts';
import type { HttpPort } from './httpPort.ts';

const TOKEN = 'a-token-for-tests';
const HALF_HOUR_MS = 1_800_000;

/** Stands for the session of a server: keeps what came, and answers only `initialize`. */
class FakeSession {
  readonly port: HttpPort;
  readonly lines: string[] = [];
  ended = 0;

  constructor(port: HttpPort) {
    this.port = port;
  }

  onLine(line: Uint8Array): void {
    const text = Buffer.from(line).toString('utf8');
    this.lines.push(text);
    if (text.includes('"initialize"'))
      this.port.answer('"init"', '{"jsonrpc":"2.0","id":"init","result":{}}');
  }

  end(): Promise<void> {
    this.ended += 1;
    return Promise.resolve();
  }
}

describe('the HTTP endpoint’s time and order', () => {
  let clock: FakeClock;
  let endpoint: HttpEndpoint;
  let sessions: FakeSession[];
  let client: RawSession;
  let opened: OpenResponse[];

  beforeEach(async () => {
    clock = new FakeClock();
    sessions = [];
    opened = [];
    endpoint = new HttpEndpoint({
      address: { port: 0 },
      token: TOKEN,
      clock,
      snapshot: () => ({}) as Snapshot,
      recover: () => Promise.resolve({ results: [] }),
      knows: (server) => server === 's',
      openSession: (_server, _id, port) => {
        const session = new FakeSession(port);
        sessions.push(session);
        return session;
      },
      log: () => undefined,
    });
    await endpoint.listen();
    client = new RawSession(endpoint.url('s'), TOKEN);
    await client.initialize();
  });

  afterEach(async () => {
    for (const response of opened) response.close();
    const closed = endpoint.close();
    await clock.advance(1_000);
    await closed;
  });

  const session = (): FakeSession => {
    const [first] = sessions;
    assert.ok(first);
    return first;
  };
  const stream = async (): Promise<OpenResponse> => {
    const response = await client.openStream();
    opened.push(response);
    return response;
  };
  const answer = (id: number, result = '{}'): string => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  const notice = (method: string, params = '{}'): string =>
    `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;
  const comments = (text: string): number => text.split(': keep-alive\n\n').length - 1;

  /** A request whose response is still open; its head has not come yet. */
  const pending = (
    id: number,
    params?: unknown,
    accept?: string,
  ): { response: Promise<OpenResponse>; sent: Promise<void> } => {
    const sent = Promise.withResolvers<undefined>();
    const before = session().lines.length;
    const response = client
      .openPost({ id, method: 'tools/call', params: params ?? {} }, accept === undefined ? {} : { accept })
      .then((value) => {
        opened.push(value);
        return value;
      });
    response.catch(() => undefined);
    void until('the request to arrive', () => session().lines.length > before).then(() =>
      sent.resolve(undefined),
    );
    return { response, sent: sent.promise };
  };

  it('a call without an answer becomes a stream after 15 s, with a comment every 15 s', async () => {
    const { response, sent } = pending(1);
    await sent;
    await clock.advance(14_999);
    await clock.advance(1);
    const call = await response;
    assert.equal(call.response.headers['content-type'], 'text/event-stream');
    await call.until('the first comment', ({ text }) => comments(text) === 1);
    await clock.advance(15_000);
    await call.until('the second comment', ({ text }) => comments(text) === 2);
    await clock.advance(15_000);
    await call.until('the third comment', ({ text }) => comments(text) === 3);
    session().port.answer('1', answer(1));
    await call.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      call.messages.map(({ id }) => id),
      [1],
    );
  });

  it('a call that is answered just before is JSON', async () => {
    const { response, sent } = pending(1);
    await sent;
    await clock.advance(14_999);
    session().port.answer('1', answer(1));
    const call = await response;
    await call.until('the end', ({ ended }) => ended);
    assert.deepEqual([call.response.headers['content-type'], call.text], ['application/json', answer(1)]);
  });

  it('a client that takes no stream waits for its JSON', async () => {
    const { response, sent } = pending(1, {}, 'application/json');
    await sent;
    await clock.advance(100_000);
    session().port.answer('1', answer(1));
    const call = await (await response).until('the end', ({ ended }) => ended);
    assert.equal(call.text, answer(1));
  });

  it('the client’s own stream has comments too, and none after it was used', async () => {
    const own = await stream();
    await clock.advance(10_000);
    session().port.send(notice('notifications/message'));
    await clock.advance(10_000);
    await own.until('the message', ({ messages }) => messages.length === 1);
    assert.equal(comments(own.text), 0);
    await clock.advance(5_000);
    await own.until('the comment', ({ text }) => comments(text) === 1);
  });

  it('R3.9 nobody is answered twice', async () => {
    const { response, sent } = pending(1);
    await sent;
    session().port.answer('1', answer(1, '{"a":1}'));
    session().port.answer('1', answer(1, '{"a":2}'));
    const call = await (await response).until('the end', ({ ended }) => ended);
    assert.equal(call.text, answer(1, '{"a":1}'));
  });

  it('an id in another spelling is the same id', async () => {
    const { response, sent } = pending(1);
    await sent;
    const twin = await client.post('{"jsonrpc":"2.0","id":1.0,"method":"ping"}');
    assert.equal(twin.status, 400);
    session().port.answer('1', answer(1));
    await response;
  });

  it('what belongs to a request goes there; changes of lists go to the client’s own stream', async () => {
    const own = await stream();
    const [older, newer] = [pending(1), pending(2)];
    await Promise.all([older.sent, newer.sent]);
    session().port.send(notice('notifications/message', '{"n":1}'), '1');
    session().port.send(notice('notifications/tools/list_changed'));
    session().port.send(notice('notifications/message', '{"n":2}'));
    const [first, second] = [await older.response, await newer.response];
    await first.until('the message', ({ messages }) => messages.length === 1);
    await second.until('the message', ({ messages }) => messages.length === 1);
    await own.until('the change', ({ messages }) => messages.length === 1);
    assert.deepEqual(first.messages[0]?.params, { n: 1 });
    assert.equal(own.messages[0]?.method, 'notifications/tools/list_changed');
  });

  it('a message with line ends in it is one event', async () => {
    const own = await stream();
    session().port.send('{"jsonrpc":"2.0",\r\n"method":"notifications/message"\n}');
    await own.until('the message', ({ messages }) => messages.length === 1);
  });

  it('a request of the server that no stream takes is answered for the client after 30 s', async () => {
    session().port.send('{"jsonrpc":"2.0","id":"q","method":"roots/list"}');
    await clock.advance(29_999);
    assert.ok(!session().lines.some((line) => line.includes('"q"')));
    await clock.advance(1);
    assert.match(session().lines.at(-1) ?? '', /"id":"q","error".*no stream open/);
    const own = await stream();
    session().port.send(notice('notifications/message'));
    await own.until('the message', ({ messages }) => messages.length > 0);
    assert.deepEqual(
      own.messages.map(({ method }) => method),
      ['notifications/message'],
    );
  });

  it('R14.3 what waits for a stream is bounded, and the newest is kept', async () => {
    for (let n = 0; n < 1_500; n += 1) session().port.send(notice('notifications/message', `{"n":${n}}`));
    const own = await stream();
    await own.until('the last', ({ messages }) => messages.at(-1)?.params?.['n'] === 1_499);
    assert.equal(own.messages.length, 1_000);
  });

  it('a session that nobody uses is ended after 30 minutes, and is unknown then', async () => {
    await clock.advance(HALF_HOUR_MS - 1);
    assert.equal((await client.post({ method: 'notifications/x' })).status, 202);
    await clock.advance(HALF_HOUR_MS - 1);
    assert.equal(session().ended, 0);
    await clock.advance(1);
    assert.equal(session().ended, 1);
    assert.equal((await client.post({ method: 'notifications/x' })).status, 404);
  });

  it('a session with something open is not idle', async () => {
    const own = await stream();
    await clock.advance(3 * HALF_HOUR_MS);
    assert.equal(session().ended, 0);
    own.close();
    await until('the stream to be closed', () => session().port.openResponses === 0);
    await clock.advance(HALF_HOUR_MS);
    assert.equal(session().ended, 1);
  });

  it('R3.3 a client whose own stream has gone, and that sends nothing more, has left after five minutes', async () => {
    const own = await stream();
    own.close();
    await until('the stream to be closed', () => session().port.openResponses === 0);
    await clock.advance(299_000);
    assert.equal(session().ended, 0);
    await client.post({ method: 'notifications/x' });
    await settle();
    await clock.advance(299_000);
    assert.equal(session().ended, 0);
    await clock.advance(2_000);
    assert.equal(session().ended, 1);
  });

  it('a client that reads too slowly is told of, until it reads or leaves', async () => {
    const { port } = session();
    for (const end of ['reads', 'leaves'] as const) {
      const own = await stream();
      own.response.pause();
      let drained = 0;
      const text = `{"text":"${'x'.repeat(100_000)}"}`;
      for (let n = 0; port.waitingBytes < 8_388_608; n += 1) {
        assert.ok(n < 1_000, 'nothing ever waits');
        port.send(notice('notifications/message', text));
      }
      port.onceDrained(() => (drained += 1));
      await settle();
      assert.equal(drained, 0);
      if (end === 'reads') own.response.resume();
      else own.close();
      await until('it to be drained', () => drained === 1);
      assert.equal(port.waitingBytes, 0);
      if (end === 'reads') own.close();
      await until('the stream to be closed', () => port.openResponses === 0);
    }
  });

  it('R14.3 a stream that was replaced, and is not read, holds the server up for ten seconds', async () => {
    const { port } = session();
    const older = await stream();
    older.response.pause();
    const text = `{"text":"${'x'.repeat(100_000)}"}`;
    for (let n = 0; port.waitingBytes < 8_388_608; n += 1) {
      assert.ok(n < 1_000, 'nothing ever waits');
      port.send(notice('notifications/message', text));
    }
    let drained = 0;
    port.onceDrained(() => (drained += 1));
    await stream();
    await clock.advance(9_999);
    assert.equal(drained, 0);
    await clock.advance(1);
    await until('it to be drained', () => drained === 1);
    assert.equal(port.openResponses, 1);
  });

  it('R2.6 a client that closes a request before its answer cancels it', async () => {
    const request = open(endpoint.url('s'), {
      method: 'POST',
      headers: client.headers(),
      body: '{"jsonrpc":"2.0","id":"x","method":"tools/call"}',
    });
    await until('the request', () => session().lines.some((line) => line.includes('"x"')));
    session().port.send(notice('notifications/message')); // the head goes out, so that there is something to close
    (await request).close();
    await until('the cancellation', () =>
      session().lines.some((line) => line.includes('notifications/cancelled')),
    );
    assert.match(session().lines.at(-1) ?? '', /"requestId":"x"/);
  });

  it('R14.3 a body that no server can read is refused, and does not reach one', async () => {
    const call = (key: string): string =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"key":${key}}}}`;
    const before = session().lines.length;
    const broken = ['tru', '"a\nb"', '"\u0001"', '"\\x"', '01', '"a" "b"', '{,}'].map((key) =>
      Buffer.from(call(key)),
    );
    for (const body of [
      ...broken,
      Buffer.from(call('"\u00ff"'), 'latin1'),
      Buffer.from(`\ufeff${call('1')}`),
    ]) {
      const answer = await send(endpoint.url('s'), { method: 'POST', headers: client.headers(), body });
      assert.equal(answer.status, 400, body.toString());
      assert.match(answer.text, /-32700.*nothing was carried out/);
    }
    assert.equal(session().lines.length, before);
  });

  it('R14.3 a connection that failed is not kept by a client that does not close it', async () => {
    const { port, hostname: host } = new URL(endpoint.url());
    const socket = connect({ port: Number(port), host, allowHalfOpen: true });
    let told = '';
    socket.on('data', (chunk: Buffer) => (told += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write('no HTTP\r\n\r\n');
    try {
      await until('the answer', () => told.startsWith('HTTP/1.1 400 '));
      let isClosed = false;
      // Connections that are left would be waited for, and the clock stands still.
      void endpoint.close().then(() => (isClosed = true));
      await until('the endpoint to close', () => isClosed, 5_000);
    } finally {
      socket.destroy();
    }
  });

  it('answers what is open when it closes, and takes nothing more', async () => {
    const { response, sent } = pending(1);
    await sent;
    const closed = endpoint.close();
    const call = await (await response).until('the end', ({ ended }) => ended);
    assert.match(call.text, /is stopping.*not known/);
    await clock.advance(1_000);
    await closed;
    assert.equal(session().ended, 1);
    await assert.rejects(send(endpoint.url('s'), {}));
  });
});

describe('the head of a request', () => {
  it('is accepted for what it takes', () => {
    const both = { json: true, eventStream: true };
    const table: [string | undefined, { json: boolean; eventStream: boolean }][] = [
      [undefined, { json: true, eventStream: false }],
      ['*/*', both],
      ['application/json, text/event-stream', both],
      ['Application/JSON;q=0.9,TEXT/event-stream', both],
      ['application/*', { json: true, eventStream: false }],
      ['text/event-stream;q=0, application/json', { json: true, eventStream: false }],
      ['application/jsonp', { json: false, eventStream: false }],
      ['', { json: false, eventStream: false }],
    ];
    for (const [accept, expected] of table) assert.deepEqual(readAccept(accept), expected, accept);
  });

  it('names a server by its escaped name, whatever that is', () => {
    for (const name of ['a', 'my server', 'a/b', 'ä', '%2F', '?x', '#x', 'status'])
      assert.deepEqual(readRoute(pathOf(name)), { kind: 'mcp', server: name }, name);
  });

  it('is ours only by our own names and port', () => {
    assert.ok(isOwnHost('localhost', 80) && isOwnHost('127.0.0.1:80', 80) && isOwnHost('[::1]:7', 7));
    for (const host of [
      undefined,
      '',
      'localhost',
      'localhost:70',
      'localhost:7.',
      'a@localhost:7',
      'localhost.:7',
    ])
      assert.ok(!isOwnHost(host, 7), host);
    assert.ok(isOwnHost('anything', undefined), 'a socket that only its owner can reach');
    assert.ok(isOwnOrigin(undefined, 7) && isOwnOrigin('http://localhost:7', 7));
    for (const origin of [
      'null',
      '',
      'https://localhost:7',
      'http://localhost',
      'http://localhost:7/',
      'vscode-webview://x',
    ])
      assert.ok(!isOwnOrigin(origin, 7), origin);
    assert.ok(!isOwnOrigin('http://localhost:7', undefined));
  });

  it('declares JSON and a version that can be one', () => {
    assert.ok(isJson('application/json') && isJson('application/json;charset="UTF-8"'));
    for (const type of [
      undefined,
      '',
      'text/json',
      'application/json-rpc',
      'application/json;charset=utf-16',
    ])
      assert.ok(!isJson(type), type);
    assert.ok(isPlausibleVersion(undefined) && isPlausibleVersion('2026-07-28'));
    for (const version of ['', '2025-6-18', '2025-06-18x', '1999-01-01'])
      assert.ok(!isPlausibleVersion(version));
  });
});
