import assert from 'node:assert/strict';
import { once } from 'node:events';
import { textOf } from '../support/lineClient.ts';
import { scripted, TestBed, until } from '../support/testEngine.ts';

describe('a server that keeps failing', () => {
  const bed = new TestBed();
  after(() => bed.dispose());

  it('R5.2 is not remembered as failed by the next engine (peers 9), which tries it at once', async () => {
    bed.configure({ s: scripted({ EXIT_AT_START: '1' }) });
    const first = await bed.startEngine();
    const client = bed.bridge('s');
    await client.initialize();
    const failed = await first.control.server('s', ({ state }) => state === 'crashLoop');
    assert.ok(failed.lastError !== undefined && failed.nextAttemptAt !== undefined);
    const gone = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await gone;
    bed.configure({ s: scripted() });
    const second = await bed.startEngine();
    assert.equal(textOf(await client.call('echo', { key: 'e' })), 'e');
    const shown = await second.control.server('s', ({ state }) => state === 'ready');
    assert.equal(shown.lastError, undefined);
    assert.equal(shown.breaker.state, 'closed');
  });

  it('R5.2 whose entry is mended while nobody uses it is tried at once by the next client', async () => {
    bed.configure({ mended: { command: 'no-such-program-anywhere' } });
    const { control } = await bed.startEngine({ window: 'w3' });
    const before = bed.bridge('mended', 'w3');
    await before.initialize();
    await control.server('mended', ({ state }) => state === 'crashLoop', 30_000);
    await before.close();
    await control.server('mended', ({ sessions }) => sessions === 0);
    bed.configure({ mended: scripted() });
    await control.configure(bed.configuration);
    const after = bed.bridge('mended', 'w3');
    await after.initialize();
    assert.equal(textOf(await after.call('echo', { key: 'm' }, 5_000)), 'm');
  });

  it('R5.2 R5.4 is started by one of its sessions for all, and comes back for all', async () => {
    bed.configure({ many: scripted({ EXIT_AT_START: '1' }) });
    const { control } = await bed.startEngine({ window: 'w2' });
    const clients = Array.from({ length: 6 }, () => bed.bridge('many', 'w2'));
    for (const client of clients) void client.initialize().catch(() => undefined);
    const down = await control.server(
      'many',
      ({ state, sessions }) => state === 'crashLoop' && sessions === clients.length,
    );
    const { restarts } = down.metrics;
    // Each alone would have been started three times: twelve restarts.
    assert.ok(restarts < 2 * clients.length, `${restarts} restarts`);
    bed.configure({ many: scripted() });
    await control.configure(bed.configuration);
    await control.server(
      'many',
      ({ state, pids }) => state === 'ready' && pids.length === clients.length,
      30_000,
    );
  });

  it('R5.6 a call that a restart by hand ended is told so, and not that its server failed', async () => {
    bed.configure({ asked: scripted({ RECORD: bed.record }) });
    const { control } = await bed.startEngine({ window: 'w4' });
    const client = bed.bridge('asked', 'w4');
    await client.initialize();
    const running = client.call('record', { key: 'asked', ms: 20_000 });
    await until('the call to reach the server', () => bed.executions('record', 'asked') === 1);
    await control.recover('asked', 'restart');
    assert.match(textOf(await running), /^The MCP server "asked" was restarted by hand while the call was/);
    const shown = await control.server('asked', ({ state }) => state === 'ready');
    assert.equal(shown.diagnosis, undefined);
  });

  for (const instances of ['perSession', 'single'])
    it(`R5.6 a call that new settings ended is told so (${instances})`, async () => {
      const window = `settings-${instances}`;
      const entry = (version: string) => ({
        asked: scripted({ RECORD: bed.record, V: version }, { instances }),
      });
      bed.configure(entry('1'));
      const { control } = await bed.startEngine({ window });
      const client = bed.bridge('asked', window);
      await client.initialize();
      const running = client.call('record', { key: window, ms: 20_000 });
      await until('the call to reach the server', () => bed.executions('record', window) === 1);
      bed.configure(entry('2'));
      await control.configure(bed.configuration);
      assert.match(
        textOf(await running),
        /^The MCP server "asked" was restarted with new settings while the/,
      );
    });
});
