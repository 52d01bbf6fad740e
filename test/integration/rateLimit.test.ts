import assert from 'node:assert/strict';
import { HttpPeer } from '../support/httpPeer.ts';
import { textOf } from '../support/lineClient.ts';
import { TestBed, until } from '../support/testEngine.ts';

const CAPACITY = 40;
const WINDOW_MS = 1_000;

describe('the rate limit of a server', () => {
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

  it('R10.2 a server that takes 40 calls a second is asked as often as it bears, and the calls of twelve callers are answered', async () => {
    bed.configure({ s: { type: 'http', url: peer.url } });
    const { control } = await bed.startEngine();
    const clients = [await bed.session('s'), await bed.session('s')];
    const taken: number[] = [];
    let refused = 0;
    peer.hook = ({ tool }, response) => {
      if (tool === undefined) return false;
      const now = performance.now();
      while (taken[0] !== undefined && now - taken[0] > WINDOW_MS) taken.shift();
      if (taken.length < CAPACITY) {
        taken.push(now);
        return false;
      }
      refused += 1;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return true;
    };
    let left = 300;
    const outcomes: boolean[] = [];
    const worker = async (index: number): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const result = await clients[index % clients.length]!.call('read', {}, 60_000);
        outcomes.push(result.isError !== true);
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, index) => worker(index)));
    // How they meet the server's window is chance; a fifth and more fail where nothing spaces them.
    const failed = outcomes.filter((isAnswered) => !isAnswered).length;
    assert.ok(failed <= 6, `${failed} of ${outcomes.length} failed`);
    assert.ok(refused > 0, 'it was never asked too often');
    const { rate } = await control.server('s', (one) => one.rate !== undefined);
    assert.ok(rate !== undefined && rate.current >= 1 && rate.current <= 1_000);
    assert.equal(rate.rejected, 0);
  });

  it('R10.2 what one call is told holds the others back', async () => {
    bed.configure({ s: { type: 'http', url: peer.url } });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const asked: number[] = [];
    let refusedAt = 0;
    peer.hook = ({ tool }, response) => {
      if (tool === undefined) return false;
      asked.push(performance.now());
      if (asked.length > 1) return false;
      refusedAt = performance.now();
      response.writeHead(429, { 'retry-after': '2' }).end();
      return true;
    };
    const first = client.call('echo', {}, 30_000);
    await until('the refusal', () => refusedAt > 0);
    await control.server('s', ({ rate }) => rate !== undefined);
    const others = Array.from({ length: 5 }, () => client.call('echo', {}, 30_000));
    const results = await Promise.all([first, ...others]);
    assert.ok(
      results.every(({ isError }) => isError !== true),
      results.map(textOf).join('\n'),
    );
    assert.ok(
      asked.slice(1).every((at) => at - refusedAt >= 1_900),
      asked.map((at) => at - refusedAt).join(' '),
    );
    assert.equal(asked.length, 7, 'none was asked twice');
  });

  it('R10.2 a maximum of the settings is kept, and shown', async () => {
    bed.configure({ s: { type: 'http', url: peer.url, lifeline: { rateLimit: { max: 20 } } } });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('echo');
    const asked: number[] = [];
    peer.hook = ({ tool }) => {
      if (tool !== undefined) asked.push(performance.now());
      return false;
    };
    await Promise.all(Array.from({ length: 30 }, () => client.call('echo', {}, 30_000)));
    const tookMs = (asked.at(-1) ?? 0) - (asked[0] ?? 0);
    // Two at once, the others 50 ms apart.
    assert.ok(tookMs >= 1_300, `30 calls in ${tookMs} ms`);
    const { rate } = await control.server('s', (one) => one.rate !== undefined);
    assert.deepEqual([rate?.current, rate?.max], [20, 20]);
  });
});
