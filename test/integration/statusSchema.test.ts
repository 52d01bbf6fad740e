import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { schemaFile, statusSchema, undocumented } from '../../scripts/statusSchema.mjs';
import { getConnectionStatus } from '../../src/extension/commands/getConnectionStatus.ts';
import type { CommandContext } from '../../src/extension/commands/commandContext.ts';
import { RawSession, send, StandaloneBed } from '../support/standalone.ts';
import { ControlClient, scripted } from '../support/testEngine.ts';
import { readEndpointFile } from '../../src/endpoint/endpointFile.ts';

const ajv = new Ajv2020({ allErrors: true });
const isStatus = ajv.compile(statusSchema());
/** Also nothing that the schema does not have. */
const isExactly = ajv.compile(statusSchema({ strict: true }));

function assertStatus(value: unknown): void {
  for (const validate of [isStatus, isExactly]) assert.ok(validate(value), ajv.errorsText(validate.errors));
}

describe('the schema of the status', () => {
  it('R11.2 is what the engine’s own parser takes (npm run schema)', () => {
    assert.deepEqual(JSON.parse(readFileSync(schemaFile, 'utf8')), statusSchema());
  });

  it('R11.2 has every member described in docs/status.md, which has no other', () => {
    assert.deepEqual(undocumented(), { missing: [], surplus: [] });
  });

  it('R11.2 refuses what is none, and takes what a later engine adds', () => {
    const engine = { pid: 1, version: '1', startedAt: 1, journalReliable: true };
    const status = { version: 1, engine, servers: [], problems: [] };
    assert.ok(isStatus(status));
    assert.ok(isStatus({ ...status, engine: { ...engine, mood: 'good' } }));
    assert.ok(!isExactly({ ...status, engine: { ...engine, mood: 'good' } }));
    for (const wrong of [
      { ...status, version: 2 },
      { ...status, engine: null },
      { ...status, servers: [{}] },
    ])
      assert.ok(!isStatus(wrong));
  });
});

describe('the status of a real engine', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());

  it('R11.2 fits its schema, however it is asked for', async () => {
    const failing = { command: process.execPath, args: ['-e', 'process.exit(3)'] };
    const { ready } = await bed.serve({ servers: { s: scripted(), down: failing, unused: scripted() } });
    const client = new RawSession(ready.servers['s']!.url, ready.token);
    await client.initialize();
    await client.call(1, 'echo', { text: 'hello' });
    // It dies under the call, and comes back.
    await client.call(2, 'die');
    await client.call(3, 'echo', { text: 'again' });
    const other = new RawSession(ready.servers['down']!.url, ready.token);
    await other.initialize();

    const { stdout } = await bed.run(['status', '--json']);
    assertStatus(JSON.parse(stdout));
    const headers = { authorization: `Bearer ${ready.token}` };
    const { text } = await send(new URL('/status', ready.url).href, { headers });
    assertStatus(JSON.parse(text));
    const control = await ControlClient.connect(readEndpointFile(ready.endpoint)!, {
      servers: [],
      connection: { user: {}, workspace: {} },
      trusted: true,
    });
    try {
      const context = {
        engine: { status: { kind: 'running' }, getSnapshot: () => control.snapshot() },
        model: { view: { problems: [] } },
      };
      const status = await getConnectionStatus(context as unknown as CommandContext);
      assertStatus(JSON.parse(JSON.stringify(status)));
      // What is optional is there to be looked at.
      const server = status.servers.find(({ id }) => id === 's');
      assert.ok(server?.latency?.lifetime !== undefined);
      assert.ok(server.metrics.recovery?.averageMs !== undefined);
      assert.ok(server.metrics.uptime?.ratio !== undefined);
    } finally {
      control.close();
      control.destroy();
    }
  });
});
