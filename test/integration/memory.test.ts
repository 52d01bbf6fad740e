import assert from 'node:assert/strict';
import { join } from 'node:path';
import { MAX_SEMI_SPACE_MB } from '../../src/shared/model/youngGeneration.ts';
import { CallClient } from '../support/callClient.ts';
import { lookInto, probed } from '../support/engineProbe.ts';
import { projectRoot, TestBed } from '../support/testEngine.ts';

const countingServer = join(projectRoot, 'test', 'servers', 'counting.mjs');
const CALLS = 6_000;
const CONCURRENCY = 10;

async function callOften(client: CallClient, tool: string): Promise<void> {
  let left = CALLS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      assert.equal((await client.call(tool, { key: 'k' })).kind, 'answered');
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

describe('memory of the engine', () => {
  let bed: TestBed;

  beforeEach(() => (bed = new TestBed()));
  afterEach(() => bed.dispose());

  for (const [what, tool, connection] of [
    ['that are read-only', 'safe', {}],
    ['that wait for a place', 'safe', { maxConnections: 2 }],
  ] as const) {
    it(`R13.4 calls ${what} are young when they are collected`, async () => {
      const socket = join(bed.home, 'probe.sock');
      bed.configure({ s: { command: process.execPath, args: [countingServer] } }, connection);
      const engine = await bed.startEngine(probed(socket));
      const client = await (await CallClient.socket(bed.endpoint!, 's')).initialize();
      await callOften(client, tool);
      // A full collection, from which on a chain of old tables would keep every call.
      await lookInto(socket, engine.pid);
      await callOften(client, tool);
      const { becameOldMb } = await lookInto(socket, engine.pid);
      await client.end();
      const bytes = (becameOldMb * 1_048_576) / CALLS;
      assert.ok(bytes < 700, `${bytes.toFixed(0)} bytes of each call became old`);
    });
  }

  it('R13.4 the young generation stays within its limit, also where Node was started without the flag', async () => {
    const socket = join(bed.home, 'probe.sock');
    const engine = await bed.startEngine(probed(socket, { PROBE_PRESSURE: '1' }));
    const { youngMb } = await lookInto(socket, engine.pid);
    assert.ok(youngMb > 0 && youngMb <= 2 * MAX_SEMI_SPACE_MB + 2, `${youngMb.toFixed(0)} MB`);
  });

  it('R13.4 whoever has chosen a size keeps it', async () => {
    const socket = join(bed.home, 'probe.sock');
    const { nodeArgs, env } = probed(socket, { PROBE_PRESSURE: '1' });
    const engine = await bed.startEngine({ nodeArgs: ['--max-semi-space-size=32', ...nodeArgs], env });
    const { youngMb } = await lookInto(socket, engine.pid);
    assert.ok(youngMb > 2 * MAX_SEMI_SPACE_MB + 2, `${youngMb.toFixed(0)} MB`);
  });
});
