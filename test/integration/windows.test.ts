import assert from 'node:assert/strict';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

describe('engines and windows', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R1.3 two windows with a server of the same name each reach their own', async () => {
    const folders = ['a', 'b'].map((name) => join(bed.home, name));
    const clients = [];
    for (const [index, folder] of folders.entries()) {
      mkdirSync(folder);
      bed.workspaceFolder = folder;
      bed.configure({ same: scripted() });
      await bed.startEngine({ window: `window${index}` });
      const client = bed.bridge('same', `window${index}`);
      await client.initialize();
      clients.push(client);
    }
    for (const [index, client] of clients.entries()) {
      assert.equal(textOf(await client.call('cwd')), realpathSync(folders[index]!));
    }
  });

  it('one window has one engine: a second one ends with 3 and takes nothing away', async () => {
    bed.configure({ s: scripted() });
    await bed.startEngine();
    const client = await bed.session('s');
    const before = bed.endpoint;
    await assert.rejects(bed.startEngine(), /ended with 3/);
    assert.deepEqual(bed.endpoint, before);
    assert.equal(textOf(await client.call('echo', { key: 'k' })), 'k');
  });

  it('R14.2 a client without the token is refused, and a wrong token learns nothing', async () => {
    const { connectToEngine } = await import('../../src/endpoint/connect.ts');
    const { systemClock } = await import('../../src/shared/base/clock.ts');
    await bed.startEngine();
    const endpoint = bed.endpoint!;
    const stranger = { ...endpoint, token: '0'.repeat(64) };
    const attempt = connectToEngine(stranger, { role: 'control' }, { clock: systemClock, timeoutMs: 2_000 });
    await assert.rejects(attempt, (error: Error) =>
      error.message.includes('refused by the engine: wrong token'),
    );
  });

  it('R2.6 R3.3 a client that leaves cancels what it had under way, and its server is stopped', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const id = client.send('tools/call', { name: 'record', arguments: { key: 'x', ms: 30_000 } });
    await until('the call to reach the server', () => bed.executions('record', 'x') === 1);
    await client.close();
    await until('the server to hear of it', () =>
      bed.recorded.some((line) => line.startsWith(`cancelled ${id} `)),
    );
    await until('the server to be gone', () => !isRunning(pid));
    await control.server('s', (server) => server.state === 'idle' && server.sessions === 0);
  });

  it('the bridge ends within 100 ms of the end of its input', async () => {
    bed.configure({ s: scripted() });
    await bed.startEngine();
    const client = await bed.session('s');
    const began = Date.now();
    client.child.stdin!.end();
    assert.equal(await client.exited, 0);
    assert.ok(Date.now() - began < 1_000, 'far below the 10 s that VS Code waits');
  });
});
