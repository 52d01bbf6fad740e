import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until, type ControlClient } from '../support/testEngine.ts';

describe('a server that is isolated by hand', () => {
  let bed: TestBed;
  let starts: string;
  beforeEach(() => {
    bed = new TestBed();
    starts = join(bed.home, 'starts.txt');
    bed.configure({ s: scripted({ RECORD: bed.record, STARTS: starts }) });
  });
  afterEach(() => bed.dispose());

  const startCount = (): number =>
    existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).length : 0;
  const isolate = async (control: ControlClient): Promise<void> => {
    assert.equal((await control.act('s', 'isolate')).done, true);
  };

  it('R5.1 refuses calls and says how to use it again; its process ends and is not started for a call or a new client', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    await isolate(control);
    const shown = await control.server('s', ({ state }) => state === 'isolated');
    assert.equal(shown.breaker.state, 'isolated');
    const refused = await client.call('record', { key: 'a' });
    assert.equal(refused.isError, true);
    assert.match(textOf(refused), /isolated by hand; the call was not carried out\. Rejoin it/);
    assert.equal(refused._meta?.[OUTCOME_META]?.['code'], 'isolated');
    await until('its process to end', () => !isRunning(pid));
    const late = bed.bridge('s');
    assert.ok((await late.initialize()).result !== undefined);
    assert.equal((await late.call('record', { key: 'b' })).isError, true);
    assert.equal((await client.request('tools/list')).result?.['tools'] instanceof Array, true);
    assert.equal(startCount(), 1);
    assert.deepEqual(
      bed.recorded.filter((line) => line.startsWith('record ')),
      [],
    );
  });

  it('R5.1 answers what was under way when it was isolated, and is started anew when it is rejoined', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    const running = client.call('record', { key: 'slow', ms: 700 });
    await until('the call to reach the server', () => bed.executions('record', 'slow') === 1);
    await isolate(control);
    assert.deepEqual(await control.act('s', 'isolate'), { done: false, message: '"s" is isolated already.' });
    assert.equal(textOf(await running), 'record slow');
    assert.equal((await control.act('s', 'rejoin')).done, true);
    assert.equal((await control.act('s', 'rejoin')).done, false);
    const next = Number(textOf(await client.call('pid')));
    assert.notEqual(next, pid);
    assert.equal(isRunning(pid), false);
    const shown = await control.server('s', ({ state }) => state === 'ready');
    assert.deepEqual([shown.breaker.state, shown.metrics.outcomeUnknown], ['closed', 0]);
  });

  it('R5.1 stays isolated through a change of its settings, a reset of its breaker and force recovery', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    await isolate(control);
    bed.configure(
      { s: scripted({ RECORD: bed.record, STARTS: starts, NAME: 'other' }) },
      { failureThreshold: 7 },
    );
    await control.configure(bed.configuration);
    assert.equal((await control.act('s', 'resetBreaker')).done, false);
    const { results } = await control.recover('s');
    assert.equal(results[0]?.outcome, 'skipped');
    const shown = await control.server('s', ({ id }) => id === 's');
    assert.deepEqual([shown.state, shown.breaker.state], ['isolated', 'isolated']);
    assert.equal(startCount(), 1);
    await control.act('s', 'rejoin');
    assert.equal((await client.call('pid')).isError, undefined);
    assert.equal(startCount(), 2);
  });

  it('R5.1 one that nobody uses is shown as isolated, and is not started by its first client', async () => {
    const { control } = await bed.startEngine();
    await isolate(control);
    const client = bed.bridge('s');
    const { result } = await client.initialize();
    assert.match(String(result?.['instructions']), /isolated by hand/);
    assert.deepEqual((await client.request('tools/list')).result, { tools: [] });
    assert.equal((await control.server('s', ({ sessions }) => sessions === 1)).state, 'isolated');
    assert.equal(startCount(), 0);
    await control.act('s', 'rejoin');
    assert.equal((await client.call('pid')).isError, undefined);
  });

  it('R5.1 one that several clients share is isolated and rejoined for all of them', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record, STARTS: starts }, { instances: 'single' }) });
    const { control } = await bed.startEngine();
    const clients = await Promise.all([bed.session('s'), bed.session('s')]);
    const pids = await Promise.all(clients.map(async (client) => Number(textOf(await client.call('pid')))));
    await isolate(control);
    for (const client of clients) assert.match(textOf(await client.call('pid')), /isolated by hand/);
    await until('its process to end', () => !isRunning(pids[0] ?? 0));
    assert.equal((await control.server('s', ({ id }) => id === 's')).state, 'isolated');
    await control.act('s', 'rejoin');
    const again = await Promise.all(clients.map(async (client) => Number(textOf(await client.call('pid')))));
    assert.equal(again[0], again[1]);
    assert.notEqual(again[0], pids[0]);
    assert.equal(startCount(), 2);
  });

  it('R5.1 an action on a server that is not there is answered', async () => {
    const { control } = await bed.startEngine();
    const { done, message } = await control.act('nobody', 'isolate');
    assert.equal(done, false);
    assert.match(message, /no server "nobody"/);
  });
});
