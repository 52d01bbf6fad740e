import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { textOf } from '../support/lineClient.ts';
import { scripted, TestBed } from '../support/testEngine.ts';

describe('the diagnosis of a server', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R5.5 names what is missing while it is down, and is gone when it is up', async () => {
    const stderr = "Error: Cannot find module 'left-pad'";
    bed.configure({ s: scripted({ EXIT_AT_START: '1', STDERR: stderr }) });
    const { control } = await bed.startEngine();
    const client = bed.bridge('s');
    void client.initialize().catch(() => undefined);
    const shown = await control.server('s', ({ state }) => state === 'crashLoop');
    assert.equal(shown.diagnosis?.cause, 'dependencyMissing');
    assert.match(shown.diagnosis.sentence, /exit code 1\).*"left-pad"/);
    assert.equal(shown.lastError?.code, 'dependencyMissing');
    bed.configure({ s: scripted() });
    await control.configure(bed.configuration);
    const ready = await control.server('s', ({ state }) => state === 'ready');
    assert.equal(ready.diagnosis, undefined);
  });

  it('R5.5 names the port that is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const script = `require('net').createServer().listen(${port}, '127.0.0.1')`;
    bed.configure({ s: { command: process.execPath, args: ['-e', script] } });
    const { control } = await bed.startEngine();
    const client = bed.bridge('s');
    void client.initialize().catch(() => undefined);
    const shown = await control.server('s', ({ state }) => state === 'crashLoop');
    holder.close();
    assert.equal(shown.lastError?.code, 'portInUse');
    assert.equal(shown.diagnosis?.cause, 'portInUse');
    assert.equal(shown.diagnosis.port, port);
  });

  it('R2.3 a result that speaks of a broken pipe is a result', async () => {
    bed.configure({ s: scripted() });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const words = 'Error: [Errno 32] Broken pipe';
    for (let n = 0; n < 5; n += 1) assert.equal(textOf(await client.call('echo', { key: words })), words);
    const shown = await control.server('s', ({ metrics }) => metrics.successful >= 5);
    assert.deepEqual([shown.metrics.brokenPipe, shown.breaker.failures, shown.diagnosis], [0, 0, undefined]);
  });
});
