import assert from 'node:assert/strict';
import { HttpPeer } from '../support/httpPeer.ts';
import { textOf, type LineClient, type ToolResult } from '../support/lineClient.ts';
import { scripted, TestBed, until } from '../support/testEngine.ts';

const CALLS = 1_000;
const AT_A_TIME = 100;

/** Makes all calls, so many at a time. */
async function callAll(client: LineClient, tool: string): Promise<ToolResult[]> {
  const results: ToolResult[] = [];
  let left = CALLS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      results.push(await client.call(tool, {}, 60_000));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return results;
}

describe('the retry budget of a server', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  for (const status of [429, 503]) {
    it(`R2.7 bears at most 1.2 requests a call when each of ${CALLS} is answered ${status}, and recovers`, async () => {
      const peer = await new HttpPeer().start();
      try {
        bed.configure({ s: { type: 'http', url: peer.url } }, { recoveryTimeout: 1, retryBackoffBase: 0.1 });
        await bed.startEngine();
        const client = await bed.session('s');
        let isFailing = true;
        peer.hook = ({ tool }, response) => {
          if (tool === undefined || !isFailing) return false;
          response.writeHead(status).end();
          return true;
        };
        const results = await callAll(client, 'read');
        assert.equal(results.filter(({ isError }) => isError === true).length, CALLS);
        const written = peer.executions('read');
        assert.ok(written <= CALLS * 1.2, `${written} requests`);
        for (const result of results) assert.match(textOf(result), new RegExp(`${status}|failed repeatedly`));
        isFailing = false;
        await untilAnswered(client);
      } finally {
        await peer.stop();
      }
    });
  }

  it('R2.5 R14.1 is not spent by one kill: a hundred safe calls under way are all answered', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const calls = Array.from({ length: 100 }, (_, n) => client.call('readRecord', { key: `k${n}`, ms: 500 }));
    await until('calls to reach the server', () => bed.recorded.length >= 5);
    process.kill(pid, 'SIGKILL');
    const results = await Promise.all(calls);
    assert.deepEqual(
      results.map(textOf),
      results.map((_, n) => `readRecord k${n}`),
    );
    const shown = await control.server('s', ({ metrics }) => metrics.inFlight === 0);
    assert.deepEqual([shown.metrics.failed, shown.metrics.restarts], [0, 1]);
  });
});

/** Calls again until the server answers: its breaker may have to try it first. */
async function untilAnswered(client: LineClient): Promise<void> {
  for (let n = 0; n < 200; n += 1) {
    const { isError } = await client.call('read');
    if (isError !== true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it was never answered again');
}
