import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

describe('servers that are not well', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('a command that does not exist shows its state and why, answers every request, and costs its neighbour nothing', async () => {
    bed.configure({ gone: { command: 'no-such-program-anywhere' }, good: scripted() });
    const { control } = await bed.startEngine();
    const good = await bed.session('good');
    const gone = bed.bridge('gone');
    const initialized = gone.initialize();
    assert.equal(textOf(await good.call('echo', { key: 'meanwhile' })), 'meanwhile');
    const shown = await control.server('gone', (server) => server.state === 'crashLoop');
    assert.match(
      shown.sentence,
      /tried again at long intervals.*could not be started: its command "no-such-program-anywhere" was not found/,
    );
    assert.equal(shown.lastError?.code, 'spawnFailed');
    const { result } = await initialized;
    assert.match(String(result?.['instructions']), /could not be started/);
    const call = await gone.call('anything');
    assert.equal(call.isError, true);
    assert.match(textOf(call), /"gone" keeps failing, so the call was not carried out/);
    assert.deepEqual((await gone.request('tools/list')).result, { tools: [] });
    assert.equal((await control.snapshot()).servers.find((server) => server.id === 'good')?.state, 'ready');
  });

  it('R5.5 a server that exits at once ends in a crash loop whose diagnosis has its last words', async () => {
    bed.configure({ s: scripted({ EXIT_AT_START: '3', STDERR: 'Error: API key is missing' }) });
    const { control } = await bed.startEngine();
    const client = bed.bridge('s');
    void client.initialize().catch(() => undefined);
    const shown = await control.server('s', (server) => server.state === 'crashLoop');
    assert.match(shown.sentence, /exit code 3.*API key is missing/);
    assert.equal(shown.metrics.restarts, 2);
  });

  it('R6.1 with a server down its tools stay listed, under its own name, and a call says what happened', async () => {
    const broken = join(bed.home, 'broken');
    bed.configure({ s: scripted({ NAME: 'Known Server', EXIT_IF: broken }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const before = (await client.request('tools/list')).result;
    await control.server('s', (server) => server.catalogue?.tools === 9);
    await client.close();
    writeFileSync(broken, '');
    const again = bed.bridge('s');
    const { result } = await again.initialize();
    assert.equal((result?.['serverInfo'] as Record<string, unknown>)['name'], 'Known Server');
    assert.deepEqual((await again.request('tools/list')).result, before);
    await control.server('s', (server) => server.state === 'crashLoop');
    const call = await again.call('echo', { key: 'k' });
    assert.match(textOf(call), /exit code 4.*tried again in \d+ s/);
    rmSync(broken);
    assert.equal((await control.recover('s')).results[0]?.outcome, 'recovered');
    assert.equal(textOf(await again.call('echo', { key: 'k' })), 'k');
  });

  it('a list that a hung server does not give within a second is answered from memory', async () => {
    bed.configure({ s: scripted() });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const before = (await client.request('tools/list')).result;
    await control.server('s', (server) => server.catalogue?.tools === 9);
    const pid = Number(textOf(await client.call('pid')));
    process.kill(pid, 'SIGSTOP');
    assert.deepEqual((await client.request('tools/list', undefined, 3_000)).result, before);
    process.kill(pid, 'SIGCONT');
  });

  it('R2 a call past its deadline is answered, and the hung server restarted', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }, { timeouts: { record: 1, readRecord: 1 } }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    process.kill(pid, 'SIGSTOP');
    const [write, read] = await Promise.all([
      client.call('record', { key: 'h' }),
      client.call('readRecord', { key: 'r' }),
    ]);
    assert.equal(write._meta?.[OUTCOME_META]?.['code'], 'outcomeUnknown');
    assert.equal(read._meta?.[OUTCOME_META]?.['code'], 'requestTimeout');
    assert.match(textOf(read), /did not answer the tool "readRecord" within 1 s/);
    await control.server('s', (server) => server.state === 'suspect' || server.state === 'ready');
    const fresh = await client.call('pid');
    assert.notEqual(Number(textOf(fresh)), pid);
  });

  it('R2 progress extends a deadline', async () => {
    bed.configure({ s: scripted({}, { timeouts: { record: 1 } }) });
    await bed.startEngine();
    const client = await bed.session('s');
    const args = { key: 'p', ms: 2_500, progressEvery: 400 };
    const params = { name: 'record', arguments: args, _meta: { progressToken: 'token' } };
    assert.equal(textOf((await client.request('tools/call', params)).result), 'record p');
  });

  it('R2 a server that is only slow is not restarted after a missed deadline', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }, { timeouts: { record: 1 } }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = textOf(await client.call('pid'));
    const params = { name: 'record', arguments: { key: 'p', ms: 1_500 } };
    assert.equal(textOf((await client.request('tools/call', params)).result).includes('unknown'), true);
    await control.server('s', (server) => server.state === 'ready' && server.metrics.timeouts === 1);
    assert.equal(textOf(await client.call('pid')), pid);
  });

  it('R2 a deadline stands still while the server waits for its client', async () => {
    bed.configure({ s: scripted({}, { timeouts: { ask: 1 } }) });
    await bed.startEngine();
    const client = await bed.session('s', { roots: {} });
    const call = client.call('ask');
    const question = await client.next('roots/list', (message) => message.method === 'roots/list');
    await client.call('echo', { key: 'a while', ms: 1_300 }); // longer than the other call's deadline
    client.write({ id: question.id, result: { roots: [] } });
    assert.equal(textOf(await call), '{"roots":[]}');
  });

  it('R5.1 repeated failures open the breaker, calls fail at once with a time, and force recovery closes it', async () => {
    bed.configure({ s: scripted({}, { timeouts: { echo: 1 } }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    const hung = ['1', '2', '3'].map((key) => client.call('echo', { key, ms: 30_000 }));
    for (const result of await Promise.all(hung)) assert.equal(result.isError, true);
    await control.server('s', (server) => server.breaker.state === 'open');
    const rejected = await client.call('echo', { key: 'x' });
    assert.match(textOf(rejected), /tried again in \d+ s\. The call was not carried out/);
    const { results } = await control.recover('s');
    assert.equal(results[0]?.outcome, 'recovered');
    assert.equal(textOf(await client.call('echo', { key: 'y' })), 'y');
  });

  for (const [what, result] of [
    ['null', 'null'],
    ['a number', '5'],
    ['a list', '[]'],
    ['an empty object', '{}'],
  ] as const) {
    it(`R14.3 a server whose answer to initialize is ${what} harms nobody`, async () => {
      bed.configure({ odd: scripted({ INIT_RESULT: result }), good: scripted() });
      const { control, pid } = await bed.startEngine();
      const odd = bed.bridge('odd');
      const good = await bed.session('good');
      await odd.initialize();
      await control.server('odd', ({ state }) => state === (result === '{}' ? 'ready' : 'crashLoop'));
      assert.equal(textOf(await good.call('echo', { key: 'k' })), 'k');
      assert.equal(bed.endpoint?.pid, pid);
    });
  }

  it('a client that leaves while its server is starting leaves nothing behind', async () => {
    bed.configure({ slow: scripted({ INIT_DELAY: '300' }) });
    const { control, pid } = await bed.startEngine();
    for (const state of ['connecting', 'initializing', 'ready'] as const) {
      const client = bed.bridge('slow');
      const clientInfo = { name: 'x', version: '1' };
      client.send('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
      await control.server('slow', (server) => server.state === state || server.state === 'ready');
      await client.close();
    }
    await control.server('slow', (server) => server.sessions === 0 && server.pids.length === 0);
    assert.equal(bed.endpoint?.pid, pid);
  });

  it('R3.3 a server that is taken out of the settings and put back serves the same session', async () => {
    bed.configure({ s: scripted() });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    bed.configure({});
    await control.configure(bed.configuration);
    await until('its process to be gone', () => !isRunning(pid));
    assert.match(textOf(await client.call('echo', { key: 'k' })), /not in the settings/);
    bed.configure({ s: scripted() });
    await control.configure(bed.configuration);
    await control.server('s', () => true);
    assert.equal(textOf(await client.call('echo', { key: 'back' })), 'back');
  });

  it('a second request with an id that is still open is not answered in its place', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    await bed.startEngine();
    const client = await bed.session('s');
    const params = (key: string, ms: number) => ({ name: 'record', arguments: { key, ms } });
    client.write({ id: 99, method: 'tools/call', params: params('first', 300) });
    client.write({ id: 99, method: 'tools/call', params: params('second', 0) });
    assert.equal(textOf((await client.answerTo(99)).result), 'record first');
    assert.equal(bed.executions('record', 'second'), 0);
  });

  it('garbage on stdout is dropped, and the answers around it arrive', async () => {
    bed.configure({ s: scripted() });
    await bed.startEngine();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('garbage', { key: 'g' })), 'g');
    assert.equal(textOf(await client.call('echo', { key: 'e' })), 'e');
  });

  it('R2.6 a cancelled call frees its place, reaches the server, and is not answered', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    await bed.startEngine();
    const client = await bed.session('s');
    const id = client.send('tools/call', { name: 'record', arguments: { key: 'c', ms: 20_000 } });
    await until('the call to reach the server', () => bed.executions('record', 'c') === 1);
    client.write({ method: 'notifications/cancelled', params: { requestId: id } });
    await until('the server to hear of it', () =>
      bed.recorded.some((line) => line.startsWith(`cancelled ${id} `)),
    );
    assert.equal(textOf(await client.call('echo', { key: 'next' })), 'next');
    assert.equal(client.answers.has(id), false);
  });

  it('R5.6 force recovery of all leaves healthy and idle servers alone', async () => {
    bed.configure({ healthy: scripted(), idle: scripted(), broken: scripted({ EXIT_AT_START: '1' }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('healthy');
    const pid = textOf(await client.call('pid'));
    const broken = bed.bridge('broken');
    void broken.initialize().catch(() => undefined);
    await control.server('broken', (server) => server.state === 'crashLoop');
    const { results } = await control.recover();
    assert.deepEqual(Object.fromEntries(results.map(({ server, outcome }) => [server, outcome])), {
      healthy: 'skipped',
      idle: 'skipped',
      broken: 'failed',
    });
    assert.equal(textOf(await client.call('pid')), pid);
    const restarted = await control.recover('healthy', 'restart');
    const { lastError } = await control.server('healthy', ({ state }) => state === 'ready');
    assert.equal(lastError, undefined, 'what was asked for is no error');
    assert.equal(restarted.results[0]?.outcome, 'recovered');
    assert.notEqual(textOf(await client.call('pid')), pid);
  });
});

describe('settings', () => {
  const bed = new TestBed();
  after(() => bed.dispose());

  it('R2.2 wrong types and values out of range are each named with their path, and the rest works', async () => {
    bed.configure(
      {
        good: scripted({}, { connection: { requestTimeout: 'soon', maxRetries: 2 }, tier: 'urgent' }),
        noCommand: { args: [] },
        badArgs: { command: 'x', args: ['a', 1] },
        notAnObject: 'npx something' as never,
        GOOD: scripted(),
      },
      { requestTimeout: 0, retryBackoffMax: 30, nonsense: 1 },
    );
    const { control } = await bed.startEngine();
    const { problems } = await control.snapshot();
    const paths = problems.map((problem) => problem.path).sort();
    assert.deepEqual(paths, [
      'mcpLifeline.connection.nonsense',
      'mcpLifeline.connection.requestTimeout',
      'mcpLifeline.servers.GOOD',
      'mcpLifeline.servers.badArgs.args[1]',
      'mcpLifeline.servers.good.lifeline.connection.requestTimeout',
      'mcpLifeline.servers.good.lifeline.tier',
      'mcpLifeline.servers.noCommand.command',
      'mcpLifeline.servers.notAnObject',
    ]);
    const client = await bed.session('good');
    assert.equal(textOf(await client.call('echo', { key: 'works' })), 'works');
  });
});

describe('a bridge without an engine', () => {
  const bed = new TestBed();
  after(() => bed.dispose());

  it('answers by itself after ten seconds, and goes over to the engine when it comes', async () => {
    bed.configure({ s: scripted() });
    const client = bed.bridge('s');
    const began = Date.now();
    const { result } = await client.initialize();
    assert.ok(Date.now() - began >= 9_900, 'not before its time');
    assert.match(String(result?.['instructions']), /engine, which runs the MCP server "s", is not running/);
    const early = await client.call('echo', { key: 'early' });
    assert.match(textOf(early), /not carried out; it can be repeated/);
    const { control } = await bed.startEngine();
    await control.server('s', (server) => server.sessions === 1);
    assert.equal(textOf(await client.call('echo', { key: 'late' })), 'late');
    await control.server('s', (server) => server.promiseBroken);
  });
});
