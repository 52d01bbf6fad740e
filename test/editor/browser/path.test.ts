import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEndpointFile } from '../../../src/endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient, textOf } from '../../support/lineClient.ts';
import { bridgePath, isRunning, scripted, scriptedServer } from '../../support/testEngine.ts';
import {
  extensionHostCommand,
  InstalledEditor,
  killForSure,
  until,
  type EditorWindow,
} from '../support/window.ts';

/** The windows that have an engine now. */
function windowIds(editor: InstalledEditor): string[] {
  try {
    return readdirSync(endpointsFolder(editor.lifelineHome))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length));
  } catch {
    return []; // no engine has been started yet
  }
}

async function untilWindows(editor: InstalledEditor, count: number): Promise<string[]> {
  return until(`${count} windows have an engine`, () => {
    const ids = windowIds(editor);
    return ids.length === count ? ids : undefined;
  });
}

function enginePid(editor: InstalledEditor, window: string): number | undefined {
  return readEndpointFile(endpointFile(editor.lifelineHome, window))?.pid;
}

/** A server like the scripted one that can be told from others by its command line. */
function named(name: string, env: Record<string, string> = {}): ReturnType<typeof scripted> {
  const server = scripted(env);
  return { ...server, args: [...server.args, name] };
}

/**
 * Starts a server through VS Code's own list of MCP servers.
 * @returns the processes that this led to: VS Code's own bridge and the server
 */
async function startInEditor(editor: InstalledEditor, window: EditorWindow, name: string): Promise<number[]> {
  await window.startServer(name);
  const bridge = await editor.untilProcess(new RegExp(`bridge\\.cjs .*--server ${name}\\b`));
  const server = await editor.untilProcess(new RegExp(`scripted\\.mjs ${name}\\b`));
  return [bridge, server];
}

/** All of them within 20 s, not each. */
async function untilGone(pids: readonly number[]): Promise<void> {
  await until(`of ${pids.join(', ')} none is left`, () => !pids.some(isRunning), 20_000);
}

const bridges: LineClient[] = [];
// After each: a server that a failed test leaves in use would fail the tests that count servers.
afterEach(() => Promise.all(bridges.splice(0).map((bridge) => bridge.close())));

/** A bridge that no window owns, as another MCP client would start it. */
function bridgeTo(editor: InstalledEditor, window: string, server: string): LineClient {
  const args = [bridgePath, '--server', server, '--window', window];
  const env = { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome };
  const client = new LineClient(process.execPath, args, { env });
  bridges.push(client);
  return client;
}

describe('a window with the installed extension', function () {
  this.timeout(120_000);
  let editor: InstalledEditor;
  let window: EditorWindow;
  let id: string;

  before(async function () {
    this.timeout(240_000);
    editor = await InstalledEditor.start({
      'mcpLifeline.servers': {
        scripted: scripted(),
        inEditor: named('inEditor'),
        gone: { command: 'no-such-program-anywhere' },
      },
    });
    window = await editor.openWindow();
    [id] = (await untilWindows(editor, 1)) as [string];
  });
  after(() => editor.stop());

  it('R12.1 the status bar goes to recovering when the engine is killed, and back', async () => {
    await window.untilStatus(/3 servers/);
    const pid = enginePid(editor, id);
    assert.ok(pid !== undefined);
    // Killed until it is seen: a single restart may be over before the status bar is read.
    let seen = '';
    const watching = window
      .untilStatus(/restarted|starting|recover/i, 20_000)
      .then((label) => (seen = label));
    for (let round = 0; round < 6 && seen === ''; round += 1) {
      const current = await until('an engine', () => {
        const now = enginePid(editor, id);
        return now !== undefined && isRunning(now) ? now : undefined;
      });
      await killForSure(current);
    }
    await watching;
    await window.screenshot('engine-recovering');
    await window.untilStatus(/3 servers/);
  });

  it('R12.1 R12.2 R5.6 a broken server is seen in status bar and tree, and Force Recovery says what became of it', async () => {
    const good = bridgeTo(editor, id, 'scripted');
    await good.initialize();
    await good.call('echo', { key: 'x' });
    const gone = bridgeTo(editor, id, 'gone');
    await gone.initialize();
    await window.untilStatus(/gone/);
    const rows = await until('the tree shows both', async () => {
      const now = await window.treeRows();
      return now.some((row) => /^gone.*(crash|failing)/i.test(row)) ? now : undefined;
    });
    assert.ok(
      rows.some((row) => /^scripted.*(ready|healthy|connected)/i.test(row)),
      rows.join(' | '),
    );
    await window.screenshot('broken-server');
    await window.runCommand('MCP Lifeline: Force Recovery');
    const told = await until('the result is told', async () => {
      const all = await window.notifications();
      return all.find((text) => text.includes('gone') && /does not exist|could not be started/.test(text));
    });
    assert.match(told, /gone/);
    await window.screenshot('force-recovery');
    await gone.close();
    await good.close();
  });

  it('R12.1 a click on the status bar item shows the status', async () => {
    await window.statusItem.locator('a').first().click();
    await window.quickPickRows.first().waitFor();
    await window.screenshot('show-status');
    const labels = await window.quickPickLabels();
    for (const expected of [/^gone\b/, /^scripted\b/, /^inEditor\b/, /^Open as Report/]) {
      assert.ok(
        labels.some((label) => expected.test(label)),
        `${String(expected)} is not among: ${labels.join(' | ')}`,
      );
    }
    await window.page.keyboard.press('Escape');
  });

  it('R3.4 a reload of the window in the middle of a 4 s call from a stand-alone bridge: the call is answered', async () => {
    const client = bridgeTo(editor, id, 'scripted');
    await client.initialize();
    const before = enginePid(editor, id);
    const call = client.call('record', { key: 'reload', ms: 4_000 });
    await window.reload();
    const result = await call;
    assert.equal(textOf(result), 'record reload');
    assert.equal(enginePid(editor, id), before, 'the engine outlives the reload');
    await window.untilStatus(/healthy|idle/);
    await client.close();
  });

  it('R5.4 the extension host is killed: it comes back to the same engine, and no earlier server is left', async () => {
    const client = bridgeTo(editor, id, 'scripted');
    await client.initialize();
    const led = await startInEditor(editor, window, 'inEditor');
    const before = enginePid(editor, id);
    const host = await editor.untilProcess(extensionHostCommand);
    await killForSure(host);
    const next = await editor.untilProcess(extensionHostCommand, 30_000);
    assert.notEqual(next, host);
    assert.equal(textOf(await client.call('echo', { key: 'still' })), 'still');
    assert.equal(enginePid(editor, id), before);
    // Also while somebody else still uses the engine.
    await untilGone(led);
    await client.close();
    await until(
      'no server is left',
      () => !editor.processes().some(({ command }) => command.includes(scriptedServer)),
      20_000,
    );
  });
});

describe('windows', function () {
  this.timeout(120_000);
  let editor: InstalledEditor;
  before(async function () {
    this.timeout(240_000);
    editor = await InstalledEditor.start({ 'mcpLifeline.servers': {} });
  });
  after(() => editor.stop());

  it('R1.3 two windows with a server of the same name in two folders: each reaches its own', async () => {
    const folders = ['one', 'two'].map((name) => {
      const folder = editor.folder(name);
      mkdirSync(join(folder, '.vscode'), { recursive: true });
      const servers = { same: scripted({ NAME: `Server of ${name}` }) };
      writeFileSync(
        join(folder, '.vscode', 'settings.json'),
        JSON.stringify({ 'mcpLifeline.servers': servers }),
      );
      return folder;
    });
    const reached: string[] = [];
    for (const [index, folder] of folders.entries()) {
      const known = new Set(windowIds(editor));
      await editor.openWindow(folder);
      const id = (await untilWindows(editor, index + 1)).find((window) => !known.has(window));
      assert.ok(id !== undefined);
      const client = bridgeTo(editor, id, 'same');
      const { result } = await client.initialize();
      const { name } = result?.['serverInfo'] as { name: string };
      reached.push(`${name} in ${textOf(await client.call('cwd'))}`);
      await client.close();
    }
    assert.deepEqual(
      reached,
      folders.map((folder, index) => `Server of ${['one', 'two'][index] ?? ''} in ${realpathSync(folder)}`),
    );
  });
});

describe('when VS Code is stopped', function () {
  this.timeout(120_000);

  it('R5.4 no server and no engine is left after 20 s, also a server that ignores SIGTERM and the end of its input', async function () {
    this.timeout(240_000);
    const deaf = { IGNORE_SIGTERM: '1', IGNORE_END: '1' };
    const editor = await InstalledEditor.start({
      'mcpLifeline.servers': {
        stubborn: scripted(deaf),
        polite: scripted(),
        stubbornInEditor: named('stubbornInEditor', deaf),
        politeInEditor: named('politeInEditor'),
      },
    });
    try {
      const window = await editor.openWindow();
      const [id] = (await untilWindows(editor, 1)) as [string];
      await window.untilStatus(/4 servers/);
      const pids: number[] = [];
      for (const name of ['stubbornInEditor', 'politeInEditor']) {
        pids.push(...(await startInEditor(editor, window, name)));
      }
      await window.untilStatus(/2 healthy/);
      for (const name of ['stubborn', 'polite']) {
        const client = bridgeTo(editor, id, name);
        await client.initialize();
        pids.push(Number(textOf(await client.call('pid'))));
        // The client goes with the editor, as the editor's own bridges do.
        void client.close();
      }
      const engine = enginePid(editor, id);
      assert.ok(engine !== undefined);
      pids.push(engine);
      await editor.stop({ leaveDetached: true });
      await untilGone(pids);
    } finally {
      await editor.stop();
    }
  });
});
