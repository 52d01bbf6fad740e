import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { LineClient, type ToolResult } from '../support/lineClient.ts';
import { bridgePath, hostile, scripted, TestBed, until } from '../support/testEngine.ts';

/** R2.4: what may have been carried out is told as unknown, whatever goes wrong around the engine's death. */
describe('a call that was under way when its engine died is not run again', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
    bed.configure({ s: scripted({ RECORD: bed.record }) });
  });
  afterEach(() => bed.dispose());

  const journalFolder = (): string => join(bed.home, 'journal', bed.window);
  async function callThatStays(client: LineClient, key: string): Promise<number> {
    const id = client.send('tools/call', { name: 'record', arguments: { key, ms: 5_000 } });
    await until('the call to reach the server', () => bed.executions('record', key) === 1);
    return id;
  }
  async function assertUnknown(client: LineClient, id: number, key: string): Promise<void> {
    const result = (await client.answerTo(id)).result as unknown as ToolResult;
    assert.equal(result._meta?.[OUTCOME_META]?.['code'], 'outcomeUnknown', JSON.stringify(result));
    assert.equal(bed.executions('record', key), 1);
  }

  it('R2.4 by the engine of another window, to which a stand-alone bridge does not go over', async () => {
    const first = await bed.startEngine();
    const client = new LineClient(process.execPath, [bridgePath, '--server', 's'], { env: bed.environment });
    try {
      await client.initialize();
      const id = await callThatStays(client, 'k');
      const other = await bed.startEngine({ window: 'w2' });
      const gone = once(first.child, 'exit');
      process.kill(first.pid, 'SIGKILL');
      await gone;
      await bed.startEngine();
      await assertUnknown(client, id, 'k');
      assert.equal((await other.control.snapshot()).servers[0]?.sessions, 0);
    } finally {
      await client.close();
    }
  });

  it('R2.4 when the disk had become full during the session', async () => {
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('record', { key: 'before' });
    execFileSync('prlimit', ['--pid', String(first.pid), '--fsize=1']);
    const id = await callThatStays(client, 'k');
    process.kill(first.pid, 'SIGKILL');
    await bed.startEngine();
    await assertUnknown(client, id, 'k');
  });

  it('R2.4 when the journal of the dead engine cannot be read', async () => {
    const first = await bed.startEngine();
    const client = await bed.session('s');
    const id = await callThatStays(client, 'k');
    const gone = once(first.child, 'exit');
    process.kill(first.pid, 'SIGKILL');
    await gone;
    const [name] = readdirSync(journalFolder()).filter((file) => file.endsWith('.jsonl'));
    assert.ok(name !== undefined);
    rmSync(join(journalFolder(), name));
    mkdirSync(join(journalFolder(), name)); // stands for any error of reading
    await bed.startEngine();
    await assertUnknown(client, id, 'k');
  });

  it('R2.4 when only the former version of the server called the tool read-only', async () => {
    const updated = join(bed.home, 'updated');
    bed.configure({ s: hostile({ RECORD: bed.record, VERSION_2_IF: updated }) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const { pids } = await control.server(
      's',
      ({ state, catalogue }) => state === 'ready' && catalogue?.tools === 9,
    );
    writeFileSync(updated, '');
    process.kill(pids[0]!, 'SIGKILL');
    await control.server('s', ({ state }) => state === 'initializing');
    const id = await callThatStays(client, 'k'); // asked while the new version was not known yet
    // Its tools have been read when it has answered: they were asked for before this call.
    const pid = Number((await client.call('pid')).content[0]?.text);
    process.kill(pid, 'SIGKILL');
    await assertUnknown(client, id, 'k');
  });

  it('R2.4 by the next engine, when a slow client’s answer was on its way as the engine stopped', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    client.child.stdout!.pause(); // so the bridge reads no more of the engine
    client.send('tools/call', { name: 'readRecord', arguments: { key: 'big', size: 3_000_000 } });
    await first.control.server('s', (server) => server.metrics.successful === 2);
    const id = client.send('tools/call', { name: 'record', arguments: { key: 'pay' } });
    await first.control.server('s', (server) => server.metrics.successful === 3);
    const gone = new Promise((resolve) => first.child.once('exit', resolve));
    process.kill(first.pid, 'SIGTERM');
    await gone;
    // The bridge writes to the engine that is gone, and loses what it had not read.
    client.send('tools/call', { name: 'echo', arguments: { key: 'next' } });
    const second = await bed.startEngine();
    await second.control.server('s', (server) => server.sessions === 1);
    client.child.stdout!.resume();
    await client.answerTo(id);
    assert.equal(bed.executions('record', 'pay'), 1);
    assert.equal(client.answers.get(id), 1);
  });
});
