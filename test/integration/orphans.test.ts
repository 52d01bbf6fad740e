import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

/** The guardian of an engine: its child with that name. */
function guardianOf(engine: number): number {
  const found = readdirSync('/proc').find((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return (
        parent === engine && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('mcp-lifeline-guardian')
      );
    } catch {
      return false;
    }
  });
  assert.ok(found !== undefined, 'no guardian');
  return Number(found);
}

describe('an engine and its guardian that are both killed', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R5.4 leave nothing that the next engine does not end before it starts its own', async () => {
    bed.configure({ s: scripted({ IGNORE_END: '1', IGNORE_SIGTERM: '1' }) });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    const orphan = Number(textOf(await client.call('pid')));
    process.kill(guardianOf(first.pid), 'SIGKILL');
    process.kill(first.pid, 'SIGKILL');
    await until('the end of the engine', () => !isRunning(first.pid));
    assert.equal(isRunning(orphan), true);
    await bed.startEngine();
    assert.equal(isRunning(orphan), false);
    const next = Number(textOf(await client.call('pid')));
    assert.notEqual(next, orphan);
    const [file, ...others] = readdirSync(join(bed.home, 'processes', bed.window));
    assert.deepEqual(others, []);
    const text = readFileSync(join(bed.home, 'processes', bed.window, file ?? ''), 'utf8');
    assert.match(text, new RegExp(`"pid":${next}\\b`));
    assert.doesNotMatch(text, new RegExp(`"pid":${orphan}\\b`));
  });
});
