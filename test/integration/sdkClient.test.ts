import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { bridgePath, everythingServer, TestBed } from '../support/testEngine.ts';

describe('the official SDK’s client', () => {
  const bed = new TestBed();
  after(() => bed.dispose());

  it('R3.5 works through the bridge, with its own validation, across a SIGKILL of the server', async () => {
    bed.configure({ everything: { command: process.execPath, args: [everythingServer, 'stdio'] } });
    const { control } = await bed.startEngine();
    const client = new Client({ name: 'sdk', version: '1.0.0' }, { capabilities: {} });
    const env = Object.fromEntries(
      Object.entries(bed.environment).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    );
    const args = [bridgePath, '--server', 'everything', '--window', bed.window];
    await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
    try {
      const { tools } = await client.listTools();
      assert.ok(tools.length > 10);
      const before = await client.callTool({
        name: 'get-structured-content',
        arguments: { location: 'Chicago' },
      });
      const [pid] = (await control.snapshot()).servers[0]!.pids;
      process.kill(pid!, 'SIGKILL');
      const after = await client.callTool({
        name: 'get-structured-content',
        arguments: { location: 'Chicago' },
      });
      assert.deepEqual(after.structuredContent, before.structuredContent);
    } finally {
      await client.close();
    }
  });
});
