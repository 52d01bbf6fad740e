import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf, type LineClient, type Message, type ToolResult } from '../support/lineClient.ts';
import { isRunning, scripted, sharing, TestBed, until, type ServerEntry } from '../support/testEngine.ts';

const single = { instances: 'single' };
const progressOf = ({ method, params }: Message): unknown =>
  method === 'notifications/progress' ? [params?.['progressToken'], params?.['progress']] : undefined;

describe('one server for all sessions', () => {
  let bed: TestBed;
  let starts: string;
  beforeEach(() => {
    bed = new TestBed();
    starts = join(bed.home, 'starts');
  });
  afterEach(() => bed.dispose());

  const started = (): number[] =>
    existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  const shared = (env: Record<string, string> = {}, lifeline: Record<string, unknown> = {}): ServerEntry =>
    scripted({ RECORD: bed.record, STARTS: starts, ...env }, { ...single, ...lifeline });
  /** What the server of what is shared was told, in order. */
  const settingsMade = (): string[] =>
    bed.recorded
      .filter((line) => /setLevel|subscribe/.test(line))
      .map((line) => line.split(' ').slice(0, 2).join(' '));
  const code = (message: Message): unknown =>
    (message.result as unknown as ToolResult)._meta?.[OUTCOME_META]?.['code'];

  it('R4.3 ten clients use one process, and each gets its own answers under equal ids', async () => {
    bed.configure({ s: shared() });
    const { control } = await bed.startEngine();
    const clients = await Promise.all(Array.from({ length: 10 }, () => bed.session('s')));
    const ids = clients.map((client, n) =>
      client.send('tools/call', { name: 'echo', arguments: { key: `k${n}`, ms: 100 } }),
    );
    assert.equal(new Set(ids).size, 1);
    const answers = await Promise.all(clients.map((client, n) => client.answerTo(ids[n] ?? 0)));
    assert.deepEqual(
      answers.map(({ result }) => textOf(result)),
      clients.map((_, n) => `k${n}`),
    );
    assert.deepEqual(
      clients.map((client) => client.answers.get(ids[0] ?? 0)),
      clients.map(() => 1),
    );
    assert.equal(started().length, 1);
    const server = await control.server('s', ({ state }) => state === 'ready');
    assert.deepEqual(server.pids, started());
    assert.equal(server.sessions, 10);
    assert.equal(server.metrics.restarts, 0);
  });

  it('R2.6 cancelling a call leaves the call of another client alone that has the same id', async () => {
    bed.configure({ s: shared() });
    await bed.startEngine();
    const [one, other] = [await bed.session('s'), await bed.session('s')];
    const callAs = (client: LineClient, key: string, ms: number): void =>
      client.write({ id: 'mine', method: 'tools/call', params: { name: 'record', arguments: { key, ms } } });
    callAs(one, 'one', 60_000);
    callAs(other, 'other', 700);
    await until(
      'both to be called',
      () => bed.executions('record', 'one') + bed.executions('record', 'other') === 2,
    );
    one.write({ method: 'notifications/cancelled', params: { requestId: 'mine' } });
    const { result } = await other.next('the answer', ({ id }) => id === 'mine');
    assert.equal(textOf(result), 'record other');
    const cancelled = bed.recorded.filter((line) => line.startsWith('cancelled '));
    assert.equal(cancelled.length, 1);
    assert.match(cancelled[0] ?? '', /^cancelled \d+ /); // by the number that the server knows
    assert.equal(textOf(await one.call('echo', { key: 'fine' })), 'fine');
    assert.equal(one.answers.get('mine'), undefined);
  });

  it('R3.5 progress goes to the client whose call it is, with the token that it gave', async () => {
    bed.configure({ s: shared() });
    await bed.startEngine();
    const clients = [await bed.session('s'), await bed.session('s')];
    await Promise.all(
      clients.map((client, n) =>
        client.request('tools/call', {
          name: 'readRecord',
          arguments: { key: `k${n}`, ms: 500, progressEvery: 100 + n },
          _meta: { progressToken: 'same' },
        }),
      ),
    );
    for (const [n, client] of clients.entries()) {
      const seen = client.received.map(progressOf).filter((progress) => progress !== undefined);
      const step = 100 + n;
      assert.deepEqual(
        seen,
        [1, step, 2 * step, 3 * step, 4 * step].map((progress) => ['same', progress]),
      );
    }
  });

  it('R3.5 what the server asks goes to the client whose call is open, and only its answer counts', async () => {
    bed.configure({ s: shared() });
    await bed.startEngine();
    const [one, other] = [await bed.session('s', { roots: {} }), await bed.session('s', { roots: {} })];
    const answerWith = (client: LineClient, uri: string): void => {
      client.onServerRequest = ({ id }) => client.write({ id, result: { roots: [{ uri }] } });
    };
    answerWith(other, 'file:///other');
    const id = one.send('tools/call', { name: 'ask', arguments: {} });
    const question = await one.next('roots/list', ({ method }) => method === 'roots/list');
    other.write({ id: question.id, result: { roots: [{ uri: 'file:///forged' }] } });
    assert.equal(textOf(await other.call('ask')), '{"roots":[{"uri":"file:///other"}]}');
    one.write({ id: question.id, result: { roots: [{ uri: 'file:///one' }] } });
    assert.equal(textOf((await one.answerTo(id)).result), '{"roots":[{"uri":"file:///one"}]}');
  });

  it('R3.5 nobody is asked for what it never said it could give', async () => {
    bed.configure({ s: shared() });
    await bed.startEngine();
    const able = await bed.session('s', { roots: {} });
    const unable = await bed.session('s');
    assert.match(textOf(await unable.call('ask')), /-32601/);
    assert.equal(
      able.received.some(({ method }) => method === 'roots/list'),
      false,
    );
  });

  it('R2 deadlines stand still only for the client that is waited for', async () => {
    bed.configure({ s: shared({}, { timeouts: { ask: 1, echo: 1 } }) });
    await bed.startEngine();
    const [asked, other] = [await bed.session('s', { roots: {} }), await bed.session('s')];
    const id = asked.send('tools/call', { name: 'ask', arguments: {} });
    const question = await asked.next('roots/list', ({ method }) => method === 'roots/list');
    assert.match(
      textOf(await other.call('echo', { ms: 60_000 })),
      /did not answer the tool "echo" within 1 s/,
    );
    asked.write({ id: question.id, result: { roots: [] } });
    assert.equal(textOf((await asked.answerTo(id)).result), '{"roots":[]}');
  });

  it('R2.4 a crash under the calls of several clients repeats what is safe, and runs nothing twice', async () => {
    bed.configure({ s: shared() });
    const { control } = await bed.startEngine();
    const clients = await Promise.all([1, 2, 3, 4].map(() => bed.session('s')));
    await control.server('s', ({ catalogue }) => catalogue?.tools === 9);
    const ids = clients.map((client, n) =>
      client.send('tools/call', {
        name: n % 2 === 0 ? 'record' : 'readRecord',
        arguments: { key: `k${n}`, ms: 1_500 },
      }),
    );
    await until('all to be called', () => bed.recorded.length === 4);
    process.kill(started()[0] ?? 0, 'SIGKILL');
    const answers = await Promise.all(clients.map((client, n) => client.answerTo(ids[n] ?? 0)));
    for (const n of [0, 2]) {
      assert.equal(code(answers[n]!), 'outcomeUnknown');
      assert.equal(bed.executions('record', `k${n}`), 1);
    }
    for (const n of [1, 3]) assert.equal(textOf(answers[n]?.result), `readRecord k${n}`);
    assert.equal(started().length, 2);
    for (const client of clients) for (const count of client.answers.values()) assert.equal(count, 1);
  });

  it('R3.3 a client that leaves cancels its own calls; the last one takes the server with it', async () => {
    bed.configure({ s: shared() });
    const { control } = await bed.startEngine();
    const [leaving, staying] = [await bed.session('s'), await bed.session('s')];
    leaving.send('tools/call', { name: 'record', arguments: { key: 'left', ms: 60_000 } });
    const id = staying.send('tools/call', { name: 'record', arguments: { key: 'stays', ms: 6_500 } });
    await until('both to be called', () => bed.recorded.length === 2);
    // Longer than the grace that follows the last one.
    await leaving.close();
    await until('the server to hear of it', () => bed.recorded.some((line) => line.startsWith('cancelled ')));
    assert.equal(textOf((await staying.answerTo(id)).result), 'record stays');
    const [pid = 0] = started();
    await staying.close();
    await control.server('s', ({ sessions }) => sessions === 0);
    // A client that comes soon finds it as it was.
    const back = await bed.session('s');
    assert.equal(textOf(await back.call('pid')), String(pid));
    await back.close();
    await until('the server to be gone', () => !isRunning(pid), 30_000);
    await control.server('s', ({ state, pids }) => state === 'idle' && pids.length === 0);
    const next = await bed.session('s');
    assert.notEqual(textOf(await next.call('pid')), String(pid));
  }).timeout(90_000);

  it('R3.5 every client hears of its own resources and of its own level of the log', async () => {
    bed.configure({ s: sharing({ RECORD: bed.record }, single) });
    await bed.startEngine();
    const [loud, quiet] = [await bed.session('s'), await bed.session('s')];
    await loud.request('logging/setLevel', { level: 'debug' });
    await quiet.request('logging/setLevel', { level: 'error' });
    await loud.request('resources/subscribe', { uri: 'file:///a' });
    await quiet.request('resources/subscribe', { uri: 'file:///a' });
    await quiet.request('resources/subscribe', { uri: 'file:///b' });
    await loud.request('resources/unsubscribe', { uri: 'file:///a' });
    await loud.call('tell', { log: ['debug', 'error'], updated: ['file:///a', 'file:///b'], changed: true });
    const changed = ({ method }: Message): boolean => method === 'notifications/tools/list_changed';
    await Promise.all([loud, quiet].map((client) => client.next('list_changed', changed)));
    const heard = (client: LineClient, method: string, member: string): unknown[] =>
      client.received.filter((message) => message.method === method).map(({ params }) => params?.[member]);
    assert.deepEqual(heard(loud, 'notifications/message', 'level'), ['debug', 'error']);
    assert.deepEqual(heard(quiet, 'notifications/message', 'level'), ['error']);
    assert.deepEqual(heard(loud, 'notifications/resources/updated', 'uri'), []);
    assert.deepEqual(heard(quiet, 'notifications/resources/updated', 'uri'), ['file:///a', 'file:///b']);
    assert.deepEqual(settingsMade(), [
      'logging/setLevel debug',
      'logging/setLevel debug',
      'resources/subscribe file:///a',
      'resources/subscribe file:///a',
      'resources/subscribe file:///b',
    ]);
    await quiet.close();
    await until('what nobody wants is given up', () =>
      ['file:///a', 'file:///b'].every((uri) => settingsMade().includes(`resources/unsubscribe ${uri}`)),
    );
  });

  it('R3.2 levels and subscriptions of all clients are restored after a crash', async () => {
    bed.configure({ s: sharing({ RECORD: bed.record }, single) });
    const { control } = await bed.startEngine();
    const [one, other] = [await bed.session('s'), await bed.session('s')];
    await one.request('logging/setLevel', { level: 'warning' });
    await one.request('resources/subscribe', { uri: 'file:///a' });
    await other.request('resources/subscribe', { uri: 'file:///b' });
    const { pids } = await control.server('s', ({ state }) => state === 'ready');
    const before = settingsMade().length;
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await one.call('tell', {});
    assert.deepEqual(settingsMade().slice(before).sort(), [
      'logging/setLevel warning',
      'resources/subscribe file:///a',
      'resources/subscribe file:///b',
    ]);
  });

  it('R5.4 a server that holds a port serves all clients of the window', async () => {
    bed.configure({ s: sharing({ HOLD: join(bed.home, 'lock') }, single) });
    await bed.startEngine();
    const clients = await Promise.all([1, 2, 3].map(() => bed.session('s')));
    const answers = await Promise.all(clients.map((client) => client.call('tell')));
    assert.deepEqual(answers.map(textOf), ['told', 'told', 'told']);
  });

  it('R3.4 a killed engine resumes all sessions onto one server, and runs nothing twice', async () => {
    bed.configure({ s: shared() });
    const first = await bed.startEngine();
    const clients = await Promise.all([1, 2, 3].map(() => bed.session('s')));
    await first.control.server('s', ({ catalogue }) => catalogue?.tools === 9);
    const ids = clients.map((client, n) =>
      client.send('tools/call', {
        name: n === 0 ? 'record' : 'readRecord',
        arguments: { key: `k${n}`, ms: 1_000 },
      }),
    );
    await until('all to be called', () => bed.recorded.length === 3);
    process.kill(first.pid, 'SIGKILL');
    const { control } = await bed.startEngine();
    const answers = await Promise.all(clients.map((client, n) => client.answerTo(ids[n] ?? 0)));
    assert.equal(code(answers[0]!), 'outcomeUnknown');
    assert.equal(bed.executions('record', 'k0'), 1);
    assert.deepEqual(
      [answers[1], answers[2]].map((answer) => textOf(answer?.result)),
      ['readRecord k1', 'readRecord k2'],
    );
    const server = await control.server('s', ({ state }) => state === 'ready');
    assert.equal(server.pids.length, 1);
    assert.equal(server.sessions, 3);
    assert.equal(started().length, 2);
  });

  it('R5.6 force recovery acts on the one process', async () => {
    bed.configure({ s: shared() });
    const { control } = await bed.startEngine();
    const [one, other] = [await bed.session('s'), await bed.session('s')];
    const { results } = await control.recover('s');
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['recovered'],
    );
    assert.equal(started().length, 2);
    const pid = String(started()[1]);
    assert.deepEqual([textOf(await one.call('pid')), textOf(await other.call('pid'))], [pid, pid]);
  });

  it('R5.5 sessions that fight over a port are told to share one process', async () => {
    bed.configure({ s: sharing({ HOLD: join(bed.home, 'lock') }) });
    const { control } = await bed.startEngine();
    const holder = await bed.session('s');
    await holder.call('tell');
    const other = bed.bridge('s');
    void other.initialize().catch(() => undefined);
    const { diagnosis } = await control.server('s', ({ state }) => state === 'crashLoop');
    assert.equal(diagnosis?.cause, 'portInUse');
    assert.match(diagnosis.advice, /"instances": "single"/);
    await control.configure(
      bed.configure({ s: sharing({ HOLD: join(bed.home, 'lock') }, single) }).configuration,
    );
    assert.equal(textOf(await holder.call('tell')), 'told');
    await other.next('the answer to initialize', ({ id }) => id === 1);
    assert.equal(textOf(await other.call('tell')), 'told');
  });

  it('R4.3 the setting may change while clients are there, and no two processes meet', async () => {
    const entry = (instances: string): ServerEntry =>
      sharing({ HOLD: join(bed.home, 'lock') }, { instances });
    bed.configure({ s: entry('single') });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('tell');
    await control.configure(bed.configure({ s: entry('perSession') }).configuration);
    assert.equal(textOf(await client.call('tell')), 'told');
    await control.configure(bed.configure({ s: entry('single') }).configuration);
    assert.equal(textOf(await client.call('tell')), 'told');
    const second = await bed.session('s');
    assert.equal(textOf(await second.call('tell')), 'told');
    const { metrics } = await control.server('s', ({ state }) => state === 'ready');
    assert.equal(metrics.failed, 0);
  });
});

describe('a pool of processes for all sessions', () => {
  let bed: TestBed;
  let starts: string;
  beforeEach(() => {
    bed = new TestBed();
    starts = join(bed.home, 'starts');
  });
  afterEach(() => bed.dispose());

  const started = (): number[] => readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number);
  const pool = (size: number, connection: Record<string, unknown> = {}): ServerEntry =>
    scripted({ RECORD: bed.record, STARTS: starts }, { pool: size, connection });
  const pidsOf = (key: string): string[] =>
    bed.recorded
      .filter((line) => line.startsWith(`readRecord ${key} `))
      .map((line) => line.split(' ')[2] ?? '');

  it('R4.3 keeps its minimum, and gives each call to the process with the fewest', async () => {
    bed.configure({ s: pool(3, { minConnections: 3 }) });
    const { control } = await bed.startEngine();
    const clients = await Promise.all([1, 2].map(() => bed.session('s')));
    const { sessions, pids } = await control.server(
      's',
      (server) => server.state === 'ready' && server.pids.length === 3,
    );
    assert.equal(sessions, 2);
    assert.deepEqual(pids.toSorted(), started().toSorted());
    const call = { name: 'readRecord', arguments: { key: 'k', ms: 2_000 } };
    const ids = clients.flatMap((client) =>
      [1, 2, 3].map(() => ({ client, id: client.send('tools/call', call) })),
    );
    await Promise.all(ids.map(({ client, id }) => client.answerTo(id)));
    const counts = pids.map((pid) => pidsOf('k').filter((other) => other === String(pid)).length);
    assert.deepEqual(counts, [2, 2, 2]);
  });

  it('R4.3 grows up to its size when everybody is busy, and no further', async () => {
    bed.configure({ s: pool(2) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    assert.equal(started().length, 1);
    const ids = [1, 2, 3, 4].map((n) =>
      client.send('tools/call', { name: 'readRecord', arguments: { key: `k${n}`, ms: 1_000 } }),
    );
    await Promise.all(ids.map((id) => client.answerTo(id)));
    await control.server('s', (server) => server.state === 'ready' && server.pids.length === 2);
    assert.equal(started().length, 2);
  });

  it('R4.2 R2.4 replaces a process that ended, and runs nothing twice', async () => {
    bed.configure({ s: pool(2, { minConnections: 2 }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const { pids } = await control.server(
      's',
      (server) => server.state === 'ready' && server.pids.length === 2 && server.catalogue?.tools === 9,
    );
    for (let n = 0; n < 2; n += 1) await client.call('pid');
    const ids = ['a', 'b'].map((key) =>
      client.send('tools/call', { name: 'record', arguments: { key, ms: 1_500 } }),
    );
    await until('both to be called', () => bed.recorded.length === 2);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    const results = await Promise.all(ids.map((id) => client.answerTo(id)));
    const codes = results.map(
      ({ result }) => (result as unknown as ToolResult)._meta?.[OUTCOME_META]?.['code'],
    );
    assert.deepEqual(
      codes.filter((one) => one !== undefined),
      ['outcomeUnknown'],
    );
    assert.deepEqual([bed.executions('record', 'a'), bed.executions('record', 'b')], [1, 1]);
    await control.server(
      's',
      (server) => server.state === 'ready' && server.pids.length === 2 && !server.pids.includes(pids[0] ?? 0),
    );
    assert.equal(textOf(await client.call('echo', { key: 'fine' })), 'fine');
  });

  it('R3.2 all processes hear of levels and subscriptions', async () => {
    bed.configure({ s: sharing({ RECORD: bed.record }, { pool: 2, connection: { minConnections: 2 } }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await control.server('s', (server) => server.state === 'ready' && server.pids.length === 2);
    await client.request('logging/setLevel', { level: 'error' });
    await client.request('resources/subscribe', { uri: 'file:///a' });
    for (const what of ['logging/setLevel error', 'resources/subscribe file:///a'])
      await until(`both to be told ${what}`, () => {
        const told = bed.recorded.filter((line) => line.includes(what));
        return new Set(told.map((line) => line.split(' ').at(-1))).size === 2;
      });
  });
});
