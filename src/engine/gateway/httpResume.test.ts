import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { RawSession, type OpenResponse } from '../../../test/support/standalone.ts';
import { until } from '../../../test/support/testEngine.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import { HttpEndpoint } from './httpEndpoint.ts';
import type { HttpPort } from './httpPort.ts';

const TOKEN = 'a-token-for-tests';
const NEW = { 'mcp-protocol-version': '2025-11-25' };
const OLD = { 'mcp-protocol-version': '2025-06-18' };

describe('a client that lost a stream and comes back', () => {
  let clock: FakeClock;
  let endpoint: HttpEndpoint;
  let port: HttpPort;
  let lines: string[];
  let client: RawSession;
  let opened: OpenResponse[];

  beforeEach(async () => {
    clock = new FakeClock();
    lines = [];
    opened = [];
    endpoint = new HttpEndpoint({
      address: { port: 0 },
      token: TOKEN,
      clock,
      snapshot: () => ({}) as Snapshot,
      recover: () => Promise.resolve({ results: [] }),
      knows: (server) => server === 's',
      openSession: (_server, _id, made) => {
        port = made;
        return {
          onLine: (line) => {
            const text = Buffer.from(line).toString('utf8');
            lines.push(text);
            if (text.includes('"initialize"'))
              port.answer('"init"', '{"jsonrpc":"2.0","id":"init","result":{}}');
          },
          end: () => Promise.resolve(),
        };
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
    assert.equal(clock.pending, 0);
  });

  const answer = (id: number, text = ''): string =>
    `{"jsonrpc":"2.0","id":${id},"result":{"text":"${text}"}}`;
  const progress = (id: number, n: number): string =>
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${id},"progress":${n}}}`;
  const keep = (response: OpenResponse): OpenResponse => {
    opened.push(response);
    return response;
  };
  const ids = (response: OpenResponse): string[] =>
    [...response.text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
  const isCancelled = (): boolean => lines.some((line) => line.includes('notifications/cancelled'));

  /** A call that has told some progress, with the response on which it did. */
  const running = async (id: number, headers: Record<string, string> = OLD): Promise<OpenResponse> => {
    const params = { _meta: { progressToken: id } };
    const response = client.openPost({ id, method: 'tools/call', params }, headers);
    await until('the request', () => lines.some((line) => line.includes(`"id":${id},`)));
    port.send(progress(id, 1));
    const open = keep(await response);
    return open.until('the progress', ({ messages }) => messages.length === 1);
  };
  /** Cuts it, and waits until the endpoint has noticed. */
  const cut = async (response: OpenResponse): Promise<void> => {
    const before = port.openResponses;
    response.close();
    await until('the cut to be noticed', () => port.openResponses === before - 1);
  };
  const back = async (lastEventId: string, headers: Record<string, string> = OLD): Promise<OpenResponse> =>
    keep(await client.openStream({ ...headers, 'last-event-id': lastEventId }));

  it('R9.2 gets the rest of its call on a new one, and the call was never cancelled', async () => {
    const first = await running(1);
    await cut(first);
    port.send(progress(1, 2));
    const second = await back(ids(first).at(-1) ?? '');
    port.send(progress(1, 3));
    port.answer('1', answer(1, 'done'));
    await second.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      second.messages.map(({ params, result }) => params ?? result),
      [{ progressToken: 1, progress: 2 }, { progressToken: 1, progress: 3 }, { text: 'done' }],
    );
    assert.equal(isCancelled(), false);
    await clock.advance(60_000);
    assert.equal(isCancelled(), false);
  });

  it('gets an answer that was given while it was away, once for each time that it asks', async () => {
    const first = await running(1);
    await cut(first);
    let flushed = 0;
    port.answer('1', answer(1, 'done'), () => (flushed += 1));
    assert.equal(flushed, 1);
    assert.equal(port.has('1'), false);
    for (let turn = 0; turn < 2; turn += 1) {
      const again = await back(ids(first).at(-1) ?? '');
      await again.until('the end', ({ ended }) => ended);
      assert.deepEqual(
        again.messages.map(({ id }) => id),
        [1],
      );
    }
  });

  it('gets an answer again that was lost on its way, and 204 when it has had everything', async () => {
    const first = await running(1);
    port.answer('1', answer(1, 'done'));
    await first.until('the end', ({ ended }) => ended);
    const [before = '', last = ''] = ids(first);
    const again = await back(before);
    await again.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      again.messages.map(({ id }) => id),
      [1],
    );
    assert.equal((await back(last)).response.statusCode, 204);
  });

  it('R3.4 is given nothing of another stream', async () => {
    const first = await running(1);
    const other = await running(2);
    await cut(first);
    port.send(progress(2, 7));
    port.answer('2', answer(2, 'other'));
    port.answer('1', answer(1, 'own'));
    const again = await back(ids(first).at(-1) ?? '');
    await again.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      again.messages.map(({ id }) => id),
      [1],
    );
    await other.until('its own end', ({ ended }) => ended);
    assert.equal(new Set([...ids(first), ...ids(other)]).size, 4, 'no id twice in a session');
  });

  it('R2.6 has left when it does not come back for 30 s: the call is cancelled, and 400 tells that it is gone', async () => {
    const first = await running(1);
    await cut(first);
    await clock.advance(29_999);
    assert.equal(isCancelled(), false);
    await clock.advance(1);
    assert.equal(isCancelled(), true);
    assert.equal((await back(ids(first).at(-1) ?? '')).response.statusCode, 400);
  });

  it('R2.6 that names no version, and so takes no notice of ids, has left at once', async () => {
    const first = await running(1, {});
    await cut(first);
    assert.equal(isCancelled(), true);
  });

  it('is there before its old connection is known to be dead', async () => {
    const first = await running(1);
    const second = await back(ids(first).at(-1) ?? '');
    port.answer('1', answer(1, 'done'));
    await second.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      second.messages.map(({ id }) => id),
      [1],
    );
    assert.equal(isCancelled(), false);
  });

  it('can still cancel the call, and is told that nothing more comes', async () => {
    const first = await running(1);
    await cut(first);
    await client.post({ method: 'notifications/cancelled', params: { requestId: 1 } }, OLD);
    assert.equal(port.has('1'), false);
    assert.equal((await back(ids(first).at(-1) ?? '')).response.statusCode, 204);
  });

  it('gets what its own stream lost, then what waited, and goes on with it', async () => {
    const note = (n: number): string =>
      `{"jsonrpc":"2.0","method":"notifications/message","params":{"n":${n}}}`;
    const first = keep(await client.openStream(OLD));
    port.send(note(1));
    port.send(note(2));
    await first.until('both', ({ messages }) => messages.length === 2);
    await cut(first);
    port.send(note(3));
    const second = await back(ids(first)[0] ?? '');
    port.send(note(4));
    await second.until('the rest', ({ messages }) => messages.length === 3);
    assert.deepEqual(
      second.messages.map(({ params }) => params),
      [{ n: 2 }, { n: 3 }, { n: 4 }],
    );
    assert.equal(new Set([...ids(first), ...ids(second)]).size, 4, 'no id stands for two events');
  });

  it('R14.3 with an id that is none of ours gets its own stream; with one that is unknown 400', async () => {
    const stream = await back('what another server said');
    assert.equal(stream.response.statusCode, 200);
    assert.equal((await back('99-1')).response.statusCode, 400);
  });

  it('has an id from the beginning when its version knows that: an event without data', async () => {
    const post = client.openPost({ id: 1, method: 'tools/call', params: {} }, NEW);
    await until('the request', () => lines.some((line) => line.includes('"id":1,')));
    await clock.advance(15_000);
    const first = keep(await post);
    await first.until('the first event', ({ text }) => text.includes('data: '));
    assert.match(first.text, /^id: \S+\ndata: \n\n/);
    await cut(first);
    const second = await back(ids(first)[0] ?? '', NEW);
    port.answer('1', answer(1, 'done'));
    await second.until('the end', ({ ended }) => ended);
    assert.deepEqual(
      second.messages.map(({ id }) => id),
      [1],
    );
  });

  it('R2.4 hears that an answer was too large to be kept, not that there was none', async () => {
    const first = await running(1);
    await cut(first);
    port.answer('1', answer(1, 'x'.repeat(9_000_000)));
    const second = await back(ids(first).at(-1) ?? '');
    await second.until('the end', ({ ended }) => ended);
    assert.equal(second.response.statusCode, 200);
    assert.deepEqual(
      second.messages.map(({ id }) => id),
      [1],
    );
    assert.match(second.text, /carried out.*too large/);
  });

  it('R14.5 leaves nothing behind when its session ends meanwhile', async () => {
    await cut(await running(1));
    await client.end();
    assert.equal(port.openResponses, 0);
  });
});
