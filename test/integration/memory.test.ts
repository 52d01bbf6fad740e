import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_SEMI_SPACE_MB } from '../../src/shared/model/youngGeneration.ts';
import { CallClient } from '../support/callClient.ts';
import { lookInto, probed } from '../support/engineProbe.ts';
import { bridgePath, projectRoot, TestBed } from '../support/testEngine.ts';

const countingServer = join(projectRoot, 'test', 'servers', 'counting.mjs');
const echoServer = join(projectRoot, 'bench', 'echoServer.mjs');
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
    // Pages that a collection under way still holds come on top; without the limit it grows to 64 MB and more.
    assert.ok(youngMb > 0 && youngMb <= 2 * MAX_SEMI_SPACE_MB + 8, `${youngMb.toFixed(0)} MB`);
  });

  it('R13.4 whoever has chosen a size keeps it', async () => {
    const socket = join(bed.home, 'probe.sock');
    const { nodeArgs, env } = probed(socket, { PROBE_PRESSURE: '1' });
    const engine = await bed.startEngine({ nodeArgs: ['--max-semi-space-size=32', ...nodeArgs], env });
    const { youngMb } = await lookInto(socket, engine.pid);
    assert.ok(youngMb > 2 * MAX_SEMI_SPACE_MB + 2, `${youngMb.toFixed(0)} MB`);
  });

  it('R13.5 a bridge does not keep the large results that it has passed on', async () => {
    bed.configure({ s: { command: process.execPath, args: [echoServer] } });
    await bed.startEngine();
    const args = [bridgePath, '--server', 's', '--window', bed.window];
    const client = await CallClient.program(args, bed.environment).initialize();
    const { pid } = client.child!;
    const pass = async (calls: number): Promise<number> => {
      for (let n = 0; n < calls; n += 1)
        assert.equal((await client.call('read', { size: 1_000_000 })).kind, 'answered');
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
    };
    const before = await pass(1);
    const after = await pass(150);
    await client.end();
    assert.ok(
      after - before < 45,
      `${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after 150 results of 1 MB`,
    );
  });
});
