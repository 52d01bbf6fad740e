import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { EndpointInfo } from '../endpoint/endpointFile.ts';
import { FakeClock } from '../../test/support/fakeClock.ts';
import { Bridge } from './bridge.ts';

interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: { readonly isError?: boolean; readonly content?: readonly { readonly text: string }[] };
}

/** A bridge between streams, with a clock of its own and without an engine. */
class Given {
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  readonly #input = new PassThrough();
  readonly #output = new PassThrough();
  readonly #bridge: Bridge;
  #said = '';

  constructor(options: { maxBytes?: number; patienceMs?: number; endpoint?: EndpointInfo } = {}) {
    const { endpoint, ...rest } = options;
    this.#output.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    this.#bridge = new Bridge({
      server: 's',
      session: 'session1',
      input: this.#input,
      output: this.#output,
      clock: this.clock,
      findEngine: () => endpoint,
      catalogue: () => ({ lists: {} }),
      log: (text) => this.logged.push(text),
      onEnd: () => undefined,
      ...rest,
    });
    this.#bridge.start();
  }

  async say(text: string): Promise<void> {
    this.#input.write(`${text}\n`);
    await this.clock.advance(0);
  }

  get answers(): Answer[] {
    return this.#said
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Answer)
      .filter(({ method }) => method === undefined);
  }

  dispose(): void {
    this.#bridge.end();
  }
}

const request = (id: unknown, method: string, params: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

describe('bridge', () => {
  let bridge: Given | undefined;
  afterEach(() => bridge?.dispose());

  it('R14.3 a request over the limit is answered at once, and the next one is passed on', async () => {
    bridge = new Given({ maxBytes: 1_000, patienceMs: 100 });
    await bridge.say(request(7, 'tools/call', { name: 't', arguments: { pad: 'x'.repeat(2_000) } }));
    const [refused] = bridge.answers;
    assert.equal(refused?.id, 7);
    assert.equal(refused.result?.isError, true);
    assert.match(refused.result.content?.[0]?.text ?? '', /over the limit of 1000 bytes.*not carried out/);
    await bridge.say(request(8, 'ping', {}));
    await bridge.clock.advance(100);
    assert.deepEqual(
      bridge.answers.map(({ id }) => id),
      [7, 8],
    );
  });

  it('R14.3 a request over the limit is answered when its id stands last', async () => {
    bridge = new Given({ maxBytes: 1_000 });
    const pad = 'x'.repeat(5_000);
    await bridge.say(`{"method":"tools/call","params":{"arguments":{"id":1,"pad":"${pad}"}},"id":2}`);
    assert.deepEqual(
      bridge.answers.map(({ id, result }) => [id, result?.isError]),
      [[2, true]],
    );
  });

  for (const [what, line] of [
    [
      'whose arguments have an id, and its own does not come',
      `{"method":"tools/call","params":{"arguments":{"pad":"${'x'.repeat(5_000)}","id":1}}}`,
    ],
    [
      'that ends with something like an id, in a text',
      `{"method":"tools/call","params":{"pad":"${'x'.repeat(5_000)}\\"id\\":1}`,
    ],
    ['whose id is cut', `{"method":"tools/call","pad":"${'x'.repeat(4_050)}","id":1${'0'.repeat(100)}}`],
    [
      'that is an answer with a method in it',
      `{"id":1,"result":{"method":"GET","pad":"${'x'.repeat(2_000)}"}}`,
    ],
    ['that is a notification', `{"method":"n","params":{"id":1,"pad":"${'x'.repeat(2_000)}"}}`],
  ] as const) {
    it(`R14.3 a message over the limit ${what} is not answered in another's place`, async () => {
      bridge = new Given({ maxBytes: 1_000 });
      await bridge.say(line);
      assert.deepEqual(bridge.answers, []);
      assert.match(bridge.logged.join(), /over the limit/);
    });
  }

  it('R6.3 a client that keeps on sending is answered while an engine is there that cannot be reached', async () => {
    const endpoint: EndpointInfo = {
      version: 1,
      window: 'w1',
      socket: join(import.meta.dirname, 'nobody-listens-here'),
      token: '0'.repeat(64),
      pid: process.pid,
      startedAt: 1,
      engineVersion: '1',
    };
    bridge = new Given({ patienceMs: 100, endpoint });
    await bridge.say(request(1, 'initialize', { protocolVersion: '2025-06-18' }));
    await bridge.clock.advance(100);
    await bridge.say(request(2, 'tools/call', { name: 't' }));
    for (let second = 0; second < 4; second += 1) {
      await bridge.say(request(`ping ${second}`, 'ping', {}));
      await bridge.clock.advance(1_000);
    }
    const answer = bridge.answers.find(({ id }) => id === 2);
    assert.match(answer?.result?.content?.[0]?.text ?? '', /not carried out; it can be repeated/);
  });
});
