import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STALE_META } from '../../src/engine/pipeline/staleAnswers.ts';
import { textOf } from '../support/lineClient.ts';
import { scripted, TestBed } from '../support/testEngine.ts';

describe('stale answers of a server that is down', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R6.2 a read is answered with its last answer and its age, for every session; the rest is refused', async () => {
    const broken = join(bed.home, 'broken');
    const env = { RECORD: bed.record, EXIT_IF: broken };
    bed.configure({
      s: scripted(env, { cache: { stale: true } }),
      plain: scripted(env),
    });
    const { control } = await bed.startEngine();
    const [client, other, plain] = [
      await bed.session('s'),
      await bed.session('s'),
      await bed.session('plain'),
    ];
    await control.server('s', (server) => server.catalogue?.tools === 9);
    for (const one of [client, plain]) {
      await one.request('tools/list');
      assert.equal(textOf(await one.call('readRecord', { key: 'a' })), 'readRecord a');
    }
    const { pids } = await control.server('s', (server) => server.pids.length === 2);
    writeFileSync(broken, '');
    for (const pid of [...pids, Number(textOf(await plain.call('pid')))]) process.kill(pid, 'SIGKILL');
    await control.server('s', ({ state }) => state === 'crashLoop');
    await control.server('plain', ({ state }) => state === 'crashLoop');
    const executed = bed.recorded.length;
    for (const one of [client, other]) {
      const result = await one.call('readRecord', { key: 'a' });
      assert.equal(result.content[0]?.text, 'readRecord a');
      assert.match(result.content[1]?.text ?? '', /^Stale, from \d+ seconds? ago, because .*exit code 4/);
      assert.equal(result._meta?.[STALE_META]?.['because'], 'crashLoop');
    }
    for (const [one, tool, key] of [
      [client, 'readRecord', 'another'],
      [client, 'record', 'a'],
      [plain, 'readRecord', 'a'],
    ] as const)
      assert.equal((await one.call(tool, { key })).isError, true, tool);
    assert.equal(bed.recorded.length, executed);
    rmSync(broken);
    assert.equal((await control.recover('s')).results[0]?.outcome, 'recovered');
    const fresh = await client.call('readRecord', { key: 'a' });
    assert.equal(fresh._meta, undefined);
    assert.equal(bed.recorded.length, executed + 1);
  });
});
