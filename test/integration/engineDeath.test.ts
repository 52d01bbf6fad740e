import assert from 'node:assert/strict';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf, type LineClient, type ToolResult } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

const codeOf = (result: ToolResult): unknown => result._meta?.[OUTCOME_META]?.['code'];
const resultOf = async (client: LineClient, id: number): Promise<ToolResult> =>
  (await client.answerTo(id)).result as unknown as ToolResult;
const nobodyAnsweredTwice = (client: LineClient): void => {
  for (const [id, times] of client.answers)
    assert.equal(times, 1, `request ${id} was answered ${times} times`);
};

describe('an engine that is killed', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
    bed.configure({ s: scripted({ RECORD: bed.record }) });
  });
  afterEach(() => bed.dispose());

  it('R3.4 the session goes on, and the next call is answered', async () => {
    const first = await bed.startEngine();
    const client = await bed.session('s');
    const before = textOf(await client.call('pid'));
    process.kill(first.pid, 'SIGKILL');
    const answer = client.call('pid');
    await bed.startEngine();
    assert.notEqual(textOf(await answer), before);
    nobodyAnsweredTwice(client);
  });

  it('R2.4 R3.4 each call is answered once, by the rules: queued, written, read-only, answered', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, INIT_DELAY: '400' }) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const written = client.send('tools/call', { name: 'record', arguments: { key: 'written', ms: 20_000 } });
    const readOnly = client.send('tools/call', { name: 'readRecord', arguments: { key: 'read', ms: 500 } });
    await until('both to reach the server', () => bed.executions('readRecord', 'read') === 1);
    process.kill(pid, 'SIGKILL'); // "written" is answered now; the next ones wait for the restart
    await client.answerTo(written);
    await first.control.server('s', (server) => server.state === 'initializing');
    const queued = client.send('tools/call', { name: 'record', arguments: { key: 'queued' } });
    await first.control.server('s', (server) => server.metrics.waiting >= 2);
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    assert.equal(codeOf(await resultOf(client, written)), 'outcomeUnknown');
    assert.equal(textOf(await resultOf(client, readOnly)), 'readRecord read');
    assert.equal(textOf(await resultOf(client, queued)), 'record queued');
    assert.equal(bed.executions('record', 'written'), 1);
    assert.equal(bed.executions('record', 'queued'), 1);
    nobodyAnsweredTwice(client);
  });

  it('R2.4 a call that had been written is told as unknown by the next engine, and never run again', async () => {
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    const id = client.send('tools/call', { name: 'record', arguments: { key: 'w', ms: 20_000 } });
    await until('the call to reach the server', () => bed.executions('record', 'w') === 1);
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    const result = await resultOf(client, id);
    assert.equal(codeOf(result), 'outcomeUnknown');
    assert.match(textOf(result), /Verify its effect before retrying/);
    assert.equal(textOf(await client.call('echo', { key: 'after' })), 'after');
    assert.equal(bed.executions('record', 'w'), 1);
  });

  it('R14.1 a read-only call that a restarted server got before it told its tools is run again', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, INIT_DELAY: '300' }) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    await first.control.server('s', (server) => server.state === 'initializing');
    const id = client.send('tools/call', { name: 'readRecord', arguments: { key: 'r', ms: 2_000 } });
    await until('the call to reach the server', () => bed.executions('readRecord', 'r') === 1);
    await client.call('pid'); // its tools were asked for before
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    assert.equal(textOf(await resultOf(client, id)), 'readRecord r');
    nobodyAnsweredTwice(client);
  });

  for (const [size, expected] of [
    [10, 'the answer itself, which was in the kernel already'],
    [4_000_000, '"outcome unknown", because the answer died with the engine'],
  ] as const) {
    it(`R2.4 answered but not delivered (${size} bytes): the client gets ${expected}`, async () => {
      const first = await bed.startEngine();
      const client = await bed.session('s');
      await client.call('pid');
      process.kill(client.child.pid!, 'SIGSTOP'); // the bridge reads no more
      const id = client.send('tools/call', { name: 'record', arguments: { key: 'd', ms: 100, size } });
      process.kill(client.child.pid!, 'SIGCONT');
      await until('the call to reach the server', () => bed.executions('record', 'd') === 1);
      process.kill(client.child.pid!, 'SIGSTOP');
      await first.control.server('s', (server) => server.metrics.successful === 2);
      process.kill(first.pid, 'SIGKILL');
      process.kill(client.child.pid!, 'SIGCONT');
      await bed.startEngine();
      const result = await resultOf(client, id);
      if (size === 10) assert.equal(textOf(result), 'record dxxxxxxxxxx');
      else assert.equal(codeOf(result), 'outcomeUnknown');
      assert.equal(textOf(await client.call('echo', { key: 'after' })), 'after');
      assert.equal(bed.executions('record', 'd'), 1);
      nobodyAnsweredTwice(client);
    });
  }

  it('R3.4 twelve times in a row: the same session still works', async () => {
    let engine = await bed.startEngine();
    const client = await bed.session('s');
    for (let round = 1; round <= 12; round += 1) {
      process.kill(engine.pid, 'SIGKILL');
      const answer = client.call('echo', { key: `round ${round}` });
      engine = await bed.startEngine();
      assert.equal(textOf(await answer), `round ${round}`);
    }
    nobodyAnsweredTwice(client);
  });

  it('R3.2 log level and session are restored, and the client is not asked to initialize again', async () => {
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.request('logging/setLevel', { level: 'debug' });
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    assert.equal(textOf(await client.call('echo', { key: 'x' })), 'x');
    const initializations = client.received.filter((message) => message.result?.['serverInfo'] !== undefined);
    assert.equal(initializations.length, 1);
  });

  it('R5.4 leaves no server behind, also one that ignores SIGTERM and the end of its input', async () => {
    bed.configure({
      s: scripted({ RECORD: bed.record, IGNORE_SIGTERM: '1', IGNORE_END: '1' }),
      t: scripted(),
    });
    const { pid } = await bed.startEngine();
    const servers = [];
    for (const name of ['s', 't']) servers.push(Number(textOf(await (await bed.session(name)).call('pid'))));
    process.kill(pid, 'SIGKILL');
    for (const server of servers)
      await until(`server ${server} to be gone`, () => !isRunning(server), 20_000);
  });

  it('R2.4 on SIGTERM a written call is told as unknown by the next engine, and a waiting one is run there', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, INIT_DELAY: '300' }) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    const written = client.send('tools/call', { name: 'record', arguments: { key: 'term', ms: 20_000 } });
    await until('the call to reach the server', () => bed.executions('record', 'term') === 1);
    const gone = new Promise((resolve) => first.child.once('exit', resolve));
    process.kill(first.pid, 'SIGTERM');
    await gone;
    await bed.startEngine();
    const result = await resultOf(client, written);
    assert.equal(codeOf(result), 'outcomeUnknown');
    assert.match(textOf(result), /engine was restarted while/);
    assert.equal(bed.executions('record', 'term'), 1);
    nobodyAnsweredTwice(client);
  });

  it('R14.5 on SIGTERM it ends with 0 and leaves no server, no endpoint and no socket', async () => {
    bed.configure({ s: scripted({ IGNORE_SIGTERM: '1', IGNORE_END: '1' }) });
    const { pid, child } = await bed.startEngine();
    const socket = bed.endpoint?.socket;
    const server = Number(textOf(await (await bed.session('s')).call('pid')));
    const exited = new Promise((resolve) => child.once('exit', resolve));
    process.kill(pid, 'SIGTERM');
    assert.equal(await exited, 0);
    assert.equal(bed.endpoint, undefined);
    assert.ok(socket !== undefined);
    await until('the server to be gone', () => !isRunning(server), 20_000);
  });

  it('one that hangs is given up: calls are answered by the rules, not by waiting for ever', async () => {
    const { pid } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    process.kill(pid, 'SIGSTOP');
    try {
      const id = client.send('tools/call', { name: 'record', arguments: { key: 'hung' } });
      assert.equal(
        codeOf((await client.answerTo(id, 70_000)).result as unknown as ToolResult),
        'outcomeUnknown',
      );
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    assert.equal(textOf(await client.call('echo', { key: 'again' })), 'again');
    nobodyAnsweredTwice(client);
  }).timeout(90_000);
});
