import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf, type LineClient, type Message } from '../support/lineClient.ts';
import { ControlClient, hostile, isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

const progressOf = (message: Message): unknown =>
  message.method === 'notifications/progress' ? message.params?.['progress'] : undefined;

describe('sessions', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  const answersHeard = (): { id: string; result: unknown }[] =>
    bed.recorded
      .filter((line) => line.startsWith('ANSWER '))
      .map((line) => JSON.parse(line.slice('ANSWER '.length)) as { id: string; result: unknown });
  const elicitation = (client: LineClient, message: string): Promise<Message> =>
    client.next(
      `the question ${message}`,
      ({ method, params }) => method === 'elicitation/create' && params?.['message'] === message,
    );

  it('R3.5 R3.9 a question of the server before it is ready gets its answer', async () => {
    bed.configure({ s: hostile({ ASK_FIRST: '1', PING_DELAY: '500', RECORD: bed.record }) });
    await bed.startEngine();
    const client = bed.bridge('s');
    client.onServerRequest = ({ id }) => client.write({ id, result: { roots: [] } });
    await client.initialize({ roots: {} });
    await until('the server to get its answer', () => answersHeard().length > 0, 5_000);
    assert.deepEqual(
      answersHeard().map(({ result }) => result),
      [{ roots: [] }],
    );
  });

  it('R2 R3.9 deadlines go on when a server that had asked its client is disabled and enabled', async () => {
    const timeouts = { echo: 1 };
    bed.configure({ s: scripted({}, { timeouts }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s', { roots: {} });
    client.send('tools/call', { name: 'ask', arguments: {} });
    const question = await client.next('roots/list', ({ method }) => method === 'roots/list');
    await control.configure(bed.configure({ s: scripted({}, { timeouts, enabled: false }) }).configuration);
    const { params } = await client.next(
      'the end of the question',
      ({ method }) => method === 'notifications/cancelled',
    );
    assert.equal(params?.['requestId'], question.id);
    await control.configure(bed.configure({ s: scripted({}, { timeouts }) }).configuration);
    await control.server('s', ({ state }) => state !== 'stopped');
    const late = await client.call('echo', { ms: 100_000 }, 8_000);
    assert.match(textOf(late), /did not answer the tool "echo" within 1 s/);
  });

  it('R3.4 R3.9 the answer to a question of a killed engine is for nobody else, and the client hears that it ended', async () => {
    bed.configure({ s: hostile({ RECORD: bed.record }) });
    const first = await bed.startEngine();
    const client = await bed.session('s', { elicitation: {} });
    await client.call('pid');
    process.kill(first.pid, 'SIGKILL');
    const second = await bed.startEngine();
    await client.call('ask', { key: 'Delete one file?' });
    const before = await elicitation(client, 'Delete one file?');
    process.kill(second.pid, 'SIGKILL');
    await bed.startEngine();
    await client.call('ask', { key: 'Delete everything?' });
    const after = await elicitation(client, 'Delete everything?');
    assert.notEqual(before.id, after.id);
    const { params } = await client.next(
      'the end of the question',
      ({ method }) => method === 'notifications/cancelled',
    );
    assert.equal(params?.['requestId'], before.id);
    client.write({ id: before.id, result: { action: 'accept' } });
    client.write({ id: after.id, result: { action: 'decline' } });
    await until('the server to get its answer', () => answersHeard().length > 0);
    assert.deepEqual(
      answersHeard().map(({ result }) => result),
      [{ action: 'decline' }],
    );
  });

  it('R3.2 R3.4 a session with 200 subscriptions of 6 kB each survives its engine', async () => {
    bed.configure({ s: hostile() });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    const padding = 'x'.repeat(6_000);
    const subscribed = Array.from({ length: 200 }, (_, n) =>
      client.request('resources/subscribe', { uri: `file:///${n}/${padding}` }),
    );
    await Promise.all(subscribed);
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    assert.equal(textOf(await client.call('echo', { key: 'k' }, 8_000)), 'k');
  });

  for (const times of [1, 2]) {
    it(`R3.3 a server that is disabled and enabled ${times} times is started when its old process is gone`, async () => {
      const stubborn = scripted({ IGNORE_END: '1' }); // ends 2 s later, with SIGTERM
      const on = { s: stubborn };
      const off = { s: { ...stubborn, lifeline: { enabled: false } } };
      bed.configure(on);
      const { control } = await bed.startEngine();
      const client = await bed.session('s');
      const old = Number(textOf(await client.call('pid')));
      for (let n = 0; n < times; n += 1) {
        await control.configure(bed.configure(off).configuration);
        await control.server('s', ({ state }) => state === 'stopped');
        await control.configure(bed.configure(on).configuration);
        await control.server('s', ({ state }) => state !== 'stopped');
        client.send('tools/call', { name: 'pid', arguments: {} });
      }
      const now = Number(textOf(await client.call('pid')));
      assert.notEqual(now, old);
      assert.equal(isRunning(old), false);
    });
  }

  it('R6.1 lists that a server gave only in part do not replace those that are remembered', async () => {
    const dying = join(bed.home, 'dying');
    bed.configure({ s: hostile({ DIE_AT_PROMPTS_IF: dying }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const { result } = await client.request('prompts/list');
    const { pids } = await control.server(
      's',
      ({ state, catalogue }) => state === 'ready' && catalogue !== undefined,
    );
    writeFileSync(dying, '');
    process.kill(pids[0]!, 'SIGKILL');
    await control.server('s', ({ state }) => state === 'crashLoop');
    assert.deepEqual((await client.request('prompts/list', undefined, 5_000)).result, result);
  });

  it('R3.9 the progress of a call that is run again never goes back', async () => {
    bed.configure({ s: hostile() });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const { pids } = await control.server('s', ({ catalogue }) => catalogue?.tools === 9);
    const id = client.send('tools/call', { name: 'progress', _meta: { progressToken: 't' } });
    await client.next('progress', (message) => progressOf(message) === 5);
    process.kill(pids[0]!, 'SIGKILL');
    assert.equal(textOf((await client.answerTo(id)).result), 'done');
    const seen = client.received.map(progressOf).filter((progress) => progress !== undefined);
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('R3.4 extension hosts that leave at any moment leave the engine alone', async () => {
    bed.configure({ s: scripted() });
    const { control, pid } = await bed.startEngine();
    const client = await bed.session('s');
    for (let round = 0; round < 150; round += 1) {
      const leaving = await ControlClient.connect(bed.endpoint!, bed.configuration);
      void leaving.configure(bed.configuration);
      const asked = [1, 2, 3].map(() => leaving.snapshot().catch(() => undefined));
      // With nothing, some, or all of what was asked for on its way.
      if (round % 3 === 1) await asked[0];
      for (let turn = 0; turn < round % 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      leaving.close();
    }
    assert.equal(textOf(await client.call('echo', { key: 'there' })), 'there');
    assert.equal((await control.snapshot()).engine.pid, pid);
  });

  it('a request that is not JSON, or nested too deep, is answered', async () => {
    bed.configure({ s: scripted() });
    await bed.startEngine();
    const client = await bed.session('s');
    client.child.stdin!.write(
      '{"jsonrpc":"2.0","id":801,"method":"tools/call","params":{"name":"echo","arguments":{"x":NaN}}}\n',
    );
    assert.equal((await client.answerTo(801)).error?.code, -32_700);
    const deep = `${'['.repeat(1_500)}${']'.repeat(1_500)}`;
    client.child.stdin!.write(
      `{"jsonrpc":"2.0","id":802,"method":"tools/call","params":{"name":"echo","arguments":{"x":${deep}}}}\n`,
    );
    assert.equal((await client.answerTo(802)).error?.code, -32_700);
    client.child.stdin!.write('{"jsonrpc":"2.0","id":803,"method":\n');
    await client.next('parse error', (message) => message.id === null && message.error?.code === -32_700);
    assert.equal(textOf(await client.call('echo', { key: 'fine' })), 'fine');
  });
});
