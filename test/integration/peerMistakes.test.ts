import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import { changing, scripted, TestBed, until } from '../support/testEngine.ts';

/** Mistakes that other gateways made (docs/testing.md has the whole list with its proofs). */
describe('what went wrong elsewhere', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('peers 1: R2.3 errors that a server answers with, of a tool or of JSON-RPC, never open its breaker', async () => {
    const offer = join(bed.home, 'offer.json');
    const answers = { read: { content: [{ type: 'text', text: 'no such page' }], isError: true } };
    writeFileSync(offer, JSON.stringify({ tools: ['read'], answers }));
    bed.configure({ s: changing(offer), r: scripted() });
    const { control } = await bed.startEngine();
    const [client, other] = [await bed.session('s'), await bed.session('r')];
    for (let time = 0; time < 12; time += 1) {
      assert.equal((await client.call('read')).isError, true);
      const { error } = await other.request('tools/call', { name: 'no such tool', arguments: {} });
      assert.equal(error?.code, -32_602);
    }
    for (const name of ['s', 'r']) {
      const { breaker, metrics } = await control.server(name, ({ metrics: { total } }) => total >= 12);
      assert.deepEqual(
        [breaker.state, breaker.failures, metrics.breakerOpens, metrics.restarts],
        ['closed', 0, 0, 0],
      );
    }
  });

  it('peers 9: R5.2 an engine that comes after one with a failing server knows nothing of the failure', async () => {
    const broken = join(bed.home, 'broken');
    writeFileSync(broken, '');
    bed.configure({ s: scripted({ EXIT_IF: broken }) });
    const { control, child } = await bed.startEngine();
    const client = bed.bridge('s');
    await client.initialize();
    await control.server('s', ({ state }) => state === 'crashLoop');
    child.kill('SIGKILL');
    await until('the engine to be gone', () => child.exitCode !== null || child.signalCode !== null);
    rmSync(broken);
    const { control: next } = await bed.startEngine();
    assert.equal(textOf(await client.call('echo', { key: 'well' })), 'well');
    const { state, breaker } = await next.server('s', (server) => server.state === 'ready');
    assert.deepEqual([state, breaker.state], ['ready', 'closed']);
  });
});
