import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readEndpointFile } from '../../../src/endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient, textOf } from '../../support/lineClient.ts';
import { bridgePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, killForSure, until, type EditorWindow } from '../support/window.ts';

const value = 'sk-4f9a8b7c6d5e4f3a2b1c0d9e';
const serverCommand = /scripted\.mjs asks\b/;

/** Which window has an engine now; there is one window. */
function endpointOf(editor: InstalledEditor): { readonly window: string; readonly pid: number } | undefined {
  for (const name of readdirSync(endpointsFolder(editor.lifelineHome))) {
    const window = name.replace(/\.json$/, '');
    const pid = readEndpointFile(endpointFile(editor.lifelineHome, window))?.pid;
    if (name.endsWith('.json') && pid !== undefined) return { window, pid };
  }
  return undefined;
}

describe('a server that needs a value', function () {
  this.timeout(120_000);
  let editor: InstalledEditor;
  let window: EditorWindow;
  const clients: LineClient[] = [];
  /** A client of its own that calls the server, as an agent would. */
  const call = async (key: string): Promise<string> => {
    const { window: id } = await until('an engine', () => endpointOf(editor));
    const client = new LineClient(process.execPath, [bridgePath, '--server', 'asks', '--window', id], {
      env: { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome },
    });
    clients.push(client);
    await client.initialize({}, 60_000);
    return textOf(await client.call('echo', { key }, 60_000));
  };
  const prompt = () => window.page.locator('.quick-input-widget:visible input[type="password"]');
  const environmentOf = async (): Promise<string> =>
    readFileSync(`/proc/${await editor.untilProcess(serverCommand)}/environ`, 'utf8');

  before(async function () {
    this.timeout(240_000);
    const server = scripted({ TOKEN: '${input:token}' });
    editor = await InstalledEditor.start({
      // Nothing is started before somebody calls.
      'chat.mcp.autostart': 'never',
      'mcpLifeline.servers': { asks: { ...server, args: [...server.args, 'asks'] } },
      'mcpLifeline.inputs': [
        { id: 'token', type: 'promptString', description: 'The token of the test', password: true },
      ],
    });
    window = await editor.openWindow();
    await window.untilStatus(/server/i);
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await editor.stop();
  });

  it('R1.4 is asked for once by a call, and the value is kept as a secret', async () => {
    const answered = call('first');
    await prompt().waitFor({ timeout: 30_000 });
    await window.screenshot('input-prompt');
    await prompt().fill(value);
    await window.page.keyboard.press('Enter');
    assert.match(await answered, /first/);
    assert.match(await environmentOf(), new RegExp(`TOKEN=${value}`));
    // It fades; a second question would stay.
    await prompt().waitFor({ state: 'hidden', timeout: 30_000 });
    assert.ok(!editor.settingsText().includes(value));
  });

  it('R1.4 is not asked for again by a new engine, which knows nothing of it', async () => {
    // No reload of the page: the secret storage of an editor in a browser lives as long as the page.
    const old = endpointOf(editor);
    assert.ok(old !== undefined);
    await killForSure(old.pid);
    await until('a new engine', () => {
      const now = endpointOf(editor);
      return now !== undefined && now.pid !== old.pid;
    });
    assert.match(await call('second'), /second/);
    assert.equal(await prompt().count(), 0);
  });

  it('R1.4 is asked for again once the stored values are cleared', async () => {
    await window.runCommand('MCP Lifeline: Clear Stored Inputs');
    await until('it is said', async () =>
      (await window.notifications()).some((text) => text.includes('deleted: 1')),
    );
    // Each client has a process of its own, and a new one is started for this call.
    const answered = call('third');
    await prompt().waitFor({ timeout: 30_000 });
    await prompt().fill('another-value-7f3c');
    await window.page.keyboard.press('Enter');
    assert.match(await answered, /third/);
  });

  it('R1.4 is not asked for again after a reload of the window, while its engine lives', async () => {
    const old = endpointOf(editor);
    await window.reload();
    await window.untilStatus(/server/i);
    await until('the engine is the same', () => endpointOf(editor)?.pid === old?.pid);
    // The engine has outlived the reload, with the values of the servers that run: nobody is asked again.
    assert.match(await call('fourth'), /fourth/);
    assert.equal(await prompt().count(), 0);
  });
});
