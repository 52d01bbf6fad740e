import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf, type Message, type ToolResult } from '../support/lineClient.ts';
import { isRunning, scripted, sharing, TestBed, until, type ServerEntry } from '../support/testEngine.ts';

const codeOf = ({ result }: Message): unknown =>
  (result as unknown as ToolResult)._meta?.[OUTCOME_META]?.['code'];

/** What only shows when several parts meet: settings that change, engines that are killed, servers that are shared. */
describe('parts together', () => {
  let bed: TestBed;
  let starts: string;
  beforeEach(() => {
    bed = new TestBed();
    starts = join(bed.home, 'starts');
  });
  afterEach(() => bed.dispose());

  const started = (): number[] =>
    existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number) : [];

  for (const [what, entries] of [
    ['is disabled', { s: scripted({}, { enabled: false }) }],
    ['is not in the settings', {}],
  ] as [string, Record<string, ServerEntry>][]) {
    it(`R2.4 a written call is told as unknown by a next engine in which its server ${what}`, async () => {
      bed.configure({ s: scripted({ RECORD: bed.record }) });
      const first = await bed.startEngine();
      const client = await bed.session('s');
      await client.call('pid');
      const [id = 0, repeatable = 0] = ['record', 'recordOnce'].map((name) =>
        client.send('tools/call', { name, arguments: { key: 'w', ms: 20_000 } }),
      );
      await until('the calls to reach the server', () => bed.recorded.length === 2);
      process.kill(first.pid, 'SIGKILL');
      bed.configure(entries);
      await bed.startEngine();
      const answer = await client.answerTo(id);
      assert.equal(codeOf(answer), 'outcomeUnknown', textOf(answer.result));
      const { result } = await client.answerTo(repeatable);
      assert.match(textOf(result), /may have been carried out/);
      const later = await client.request('tools/call', { name: 'record', arguments: { key: 'l' } });
      assert.match(textOf(later.result), /not in the settings|disabled.*not carried out/);
    });
  }

  it('R2.4 R14.3 a call that was told as unknown is settled in the journal, whatever its tool is by now', async () => {
    const entry = (trustAnnotations: boolean): ServerEntry =>
      scripted({ RECORD: bed.record }, { trustAnnotations });
    bed.configure({ s: entry(false) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    await first.control.server('s', ({ catalogue }) => catalogue !== undefined);
    const id = client.send('tools/call', { name: 'readRecord', arguments: { key: 'r', ms: 20_000 } });
    await until('the call to reach the server', () => bed.executions('readRecord', 'r') === 1);
    process.kill(first.pid, 'SIGKILL');
    bed.configure({ s: entry(true) });
    const second = await bed.startEngine();
    assert.equal(codeOf(await client.answerTo(id)), 'outcomeUnknown');
    await client.close();
    await second.control.server('s', ({ sessions }) => sessions === 0);
    process.kill(second.pid, 'SIGTERM');
    await until('the engine to end', () => !isRunning(second.pid));
    const folder = join(bed.home, 'journal', bed.window);
    const left = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    assert.deepEqual(left, []);
  });

  for (const [what, between, after] of [
    ['is disabled and enabled', { instances: 'single', enabled: false }, { instances: 'single' }],
    ['becomes each session’s own', { instances: 'perSession' }, { instances: 'perSession' }],
  ] as const) {
    it(`R2 R3.9 deadlines go on, and the question ends, when a shared server that had asked ${what}`, async () => {
      const entry = (lifeline: Record<string, unknown>): ServerEntry =>
        scripted({}, { timeouts: { echo: 1 }, ...lifeline });
      bed.configure({ s: entry({ instances: 'single' }) });
      const { control } = await bed.startEngine();
      const client = await bed.session('s', { roots: {} });
      client.send('tools/call', { name: 'ask', arguments: {} });
      const question = await client.next('roots/list', ({ method }) => method === 'roots/list');
      await control.configure(bed.configure({ s: entry(between) }).configuration);
      const { params } = await client.next(
        'the end of the question',
        ({ method }) => method === 'notifications/cancelled',
        5_000,
      );
      assert.equal(params?.['requestId'], question.id);
      await control.configure(bed.configure({ s: entry(after) }).configuration);
      await control.server('s', ({ state }) => state !== 'stopped');
      const late = await client.call('echo', { ms: 100_000 }, 8_000);
      assert.match(textOf(late), /did not answer the tool "echo" within 1 s/);
    });
  }

  it('R3.2 R3.4 a session that resumes when its shared server runs already has its level and subscriptions there', async () => {
    bed.configure({ s: sharing({ RECORD: bed.record }, { instances: 'single' }) });
    const first = await bed.startEngine();
    const [one, other] = [await bed.session('s'), await bed.session('s')];
    await other.request('logging/setLevel', { level: 'warning' });
    await other.request('resources/subscribe', { uri: 'file:///b' });
    const before = bed.recorded.length;
    process.kill(other.child.pid!, 'SIGSTOP');
    process.kill(first.pid, 'SIGKILL');
    const second = await bed.startEngine();
    assert.equal(textOf(await one.call('tell')), 'told');
    await second.control.server('s', ({ state }) => state === 'ready');
    process.kill(other.child.pid!, 'SIGCONT');
    assert.equal(textOf(await other.call('tell')), 'told');
    await until('the server to be told', () => bed.recorded.length >= before + 2, 5_000);
    assert.deepEqual(
      bed.recorded.slice(before).map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['logging/setLevel warning', 'resources/subscribe file:///b'],
    );
  });

  it('R14.1 a read-only call that a shared server got before it told its tools is run again', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, INIT_DELAY: '300' }, { instances: 'single' }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    await control.server('s', ({ state }) => state === 'initializing');
    const id = client.send('tools/call', { name: 'readRecord', arguments: { key: 'r', ms: 1_500 } });
    await until('the call to reach the server', () => bed.executions('readRecord', 'r') === 1);
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    assert.equal(textOf((await client.answerTo(id)).result), 'readRecord r');
    assert.equal(client.answers.get(id), 1);
  });

  it('R4.3 a process of a pool that was lost while nobody needed it comes back when everybody is busy', async () => {
    bed.configure({
      s: scripted({ RECORD: bed.record, STARTS: starts }, { pool: 2, connection: { minConnections: 0 } }),
    });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pidsOf = async (key: string): Promise<number> => {
      const ids = [1, 2].map(() =>
        client.send('tools/call', { name: 'readRecord', arguments: { key, ms: 1_000 } }),
      );
      await Promise.all(ids.map((id) => client.answerTo(id)));
      const lines = bed.recorded.filter((line) => line.startsWith(`readRecord ${key} `));
      return new Set(lines.map((line) => line.split(' ')[2])).size;
    };
    await client.call('pid');
    await pidsOf('grows');
    await control.server('s', ({ pids }) => pids.length === 2);
    process.kill(started()[1] ?? assert.fail(), 'SIGKILL');
    await control.server('s', ({ pids }) => pids.length === 1);
    await pidsOf('grows again');
    await control.server('s', ({ pids }) => pids.length === 2, 5_000);
    assert.equal(await pidsOf('both'), 2);
  });

  it('R6.2 a read that waited in vain for a place at a busy server gets no stale answer', async () => {
    const entry = scripted(
      { RECORD: bed.record },
      { cache: { stale: true }, timeouts: { echo: 1 }, connection: { maxConnections: 1 } },
    );
    bed.configure({ s: entry });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await control.server('s', ({ catalogue }) => catalogue !== undefined);
    const read = { key: 'x' };
    assert.equal(textOf(await client.call('echo', read)), 'x');
    client.send('tools/call', { name: 'readRecord', arguments: { key: 'busy', ms: 8_000 } });
    await until('the call to reach the server', () => bed.executions('readRecord', 'busy') === 1);
    const answer = await client.request('tools/call', { name: 'echo', arguments: read });
    assert.equal(codeOf(answer), 'requestTimeout', textOf(answer.result));
    assert.match(textOf(answer.result), /was busy with other calls for 1 s/);
  });
});
