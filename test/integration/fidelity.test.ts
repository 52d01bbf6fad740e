import assert from 'node:assert/strict';
import { converseWithEverything, fullCapabilities, transcriptOf } from '../support/conversation.ts';
import { LineClient } from '../support/lineClient.ts';
import { everythingServer, TestBed } from '../support/testEngine.ts';

const entry = { command: process.execPath, args: [everythingServer, 'stdio'] };

describe('fidelity', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
    bed.configure({ everything: entry });
  });
  afterEach(() => bed.dispose());

  it('R3.5 a conversation with server-everything is the same directly and through the bridge', async () => {
    const direct = new LineClient(entry.command, entry.args, { cwd: bed.home });
    await converseWithEverything(direct);
    await direct.close();
    bed.workspaceFolder = bed.home;
    await bed.startEngine();
    const bridged = bed.bridge('everything');
    await converseWithEverything(bridged);
    const [expected, actual] = [transcriptOf(direct), transcriptOf(bridged)];
    assert.ok(expected.messages.length > 30, `only ${expected.messages.length} messages`);
    assert.deepEqual(actual.messages, expected.messages);
    assert.deepEqual(Object.keys(actual.listChanged).sort(), Object.keys(expected.listChanged).sort());
  });

  it('R3.5 log messages of the server reach the client', async () => {
    await bed.startEngine();
    const client = await bed.session('everything', fullCapabilities);
    await client.request('logging/setLevel', { level: 'debug' });
    await client.call('toggle-simulated-logging');
    const message = await client.next('log message', ({ method }) => method === 'notifications/message');
    assert.equal(typeof message.params?.['level'], 'string');
  });

  it('R3.5 a 5 MB argument and a 5 MB result pass unchanged', async () => {
    await bed.startEngine();
    const client = await bed.session('everything');
    const message = 'é"\\\n'.repeat(1_000_000);
    const result = await client.call('echo', { message });
    assert.equal(result.content[0]?.text, `Echo: ${message}`);
  });
});
