import assert from 'node:assert/strict';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

describe('a server that is killed', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
    bed.configure({ s: scripted({ RECORD: bed.record }) });
  });
  afterEach(() => bed.dispose());

  it('R2.5 between two calls: the second is answered, and nobody notices', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    process.kill(pid, 'SIGKILL');
    const second = await client.call('pid');
    assert.notEqual(Number(textOf(second)), pid);
    assert.equal(second.isError, undefined);
    const shown = await control.server(
      's',
      (server) => server.metrics.restarts === 1 && server.state === 'ready',
    );
    assert.equal(shown.metrics.failed, 0);
  });

  it('R2.4 during a read-only call: it is run again and answered', async () => {
    await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const call = client.call('readRecord', { key: 'a', ms: 300 });
    await until('the call to reach the server', () => bed.executions('readRecord', 'a') === 1);
    process.kill(pid, 'SIGKILL');
    assert.equal(textOf(await call), 'readRecord a');
    assert.equal(bed.executions('readRecord', 'a'), 2);
  });

  it('R2.4 during an idempotent call: it is run again with the same arguments', async () => {
    await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const call = client.call('recordOnce', { key: 'i', ms: 300 });
    await until('the call to reach the server', () => bed.executions('recordOnce', 'i') === 1);
    process.kill(pid, 'SIGKILL');
    assert.equal(textOf(await call), 'recordOnce i');
  });

  it('R2.4 during any other call: "outcome unknown" within a second, executed once', async () => {
    await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const call = client.call('record', { key: 'b', ms: 300 });
    await until('the call to reach the server', () => bed.executions('record', 'b') === 1);
    const killedAt = Date.now();
    process.kill(pid, 'SIGKILL');
    const result = await call;
    assert.ok(Date.now() - killedAt < 1_000);
    assert.equal(result.isError, true);
    assert.match(textOf(result), /unknown/);
    const meta = result._meta?.[OUTCOME_META];
    assert.ok(meta !== undefined);
    assert.equal(meta['code'], 'outcomeUnknown');
    assert.equal(meta['server'], 's');
    assert.equal(meta['tool'], 'record');
    assert.match(String(meta['callId']), /^c/);
    assert.equal(textOf(await client.call('echo', { key: 'later' })), 'later');
    assert.equal(bed.executions('record', 'b'), 1);
  });

  it('R2.5 calls that arrive while it is down wait, and are answered in order', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, INIT_DELAY: '300' }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    await control.server('s', (server) => server.state === 'initializing');
    const keys = ['1', '2', '3', '4', '5'];
    const ids = keys.map((key) => client.send('tools/call', { name: 'record', arguments: { key } }));
    for (const id of ids) assert.equal((await client.answerTo(id)).error, undefined);
    assert.deepEqual(
      bed.recorded.map((line) => line.split(' ')[1]),
      keys,
    );
  });

  it('R5.3 R5.4 its death is shown, and what it started is not left behind', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    process.kill(pid, 'SIGKILL');
    const shown = await control.server(
      's',
      (server) => server.lastError?.code === 'exited' && server.state === 'ready',
    );
    assert.match(shown.lastError?.message ?? '', /signal SIGKILL/);
    assert.equal(isRunning(pid), false);
  });
});
