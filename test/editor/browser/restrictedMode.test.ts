import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionStatus, ToolAnswer } from '../../../api/mcp-lifeline.d.ts';
import { scripted } from '../../support/testEngine.ts';
import { ApiUser } from '../support/apiUser.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

/** An entry whose process can be told from the others. */
const entry = (mark: string, env: Record<string, string> = {}, lifeline = {}) => {
  const server = scripted({ NAME: mark, ...env }, lifeline);
  return { ...server, args: [...server.args, mark] };
};

describe('a folder that is not trusted', function () {
  this.timeout(120_000);
  let home: string;
  let folder: string;
  let user: ApiUser;
  let editor: InstalledEditor;
  let window: EditorWindow;
  let listener: Server;
  let requests = 0;

  /** Everything by which the folder's settings could be seen to act. */
  const traces = (): string[] => [
    ...(existsSync(join(home, 'started')) ? ['a process was started'] : []),
    ...editor
      .processes()
      .flatMap(({ command }) => (command.includes('scripted.mjs theirs') ? [command] : [])),
    ...(requests > 0 ? [`${requests} requests`] : []),
    ...(existsSync(join(editor.lifelineHome, 'audit')) ? ['an audit trail'] : []),
  ];

  before(async function () {
    this.timeout(240_000);
    home = mkdtempSync(join(tmpdir(), 'lifeline-restricted-'));
    user = await ApiUser.pack();
    listener = createServer((_request, response) => {
      requests += 1;
      response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    editor = await InstalledEditor.start(
      {
        'mcpLifeline.servers': { mine: entry('mine') },
        'security.workspace.trust.banner': 'never',
      },
      {
        ...user.environment,
        HOME: home,
        USERPROFILE: home,
        CODEX_HOME: undefined,
        XDG_CONFIG_HOME: undefined,
      },
      { others: [user.vsix], workspaceTrust: true },
    );
    folder = editor.folder('stranger');
    mkdirSync(join(folder, '.vscode'));
    const warm = { keepWarm: true, healthCheck: { url: `${url}/health` } };
    writeFileSync(
      join(folder, '.vscode', 'settings.json'),
      JSON.stringify({
        'mcpLifeline.servers': {
          mine: entry('theirs-instead'),
          theirs: entry('theirs', { STARTS: join(home, 'started') }, warm),
          remote: { url: `${url}/mcp`, lifeline: { keepWarm: true } },
          asks: { command: '${input:program}', lifeline: { keepWarm: true } },
        },
        'mcpLifeline.inputs': [{ id: 'program', type: 'promptString', description: 'What to run' }],
        'mcpLifeline.connectionFile': '${workspaceFolder}/connection.json',
        'mcpLifeline.audit': true,
        'mcpLifeline.telemetry.otlp': url,
      }),
    );
    writeFileSync(join(folder, 'connection.json'), '{ "global_settings": 7 }');
    writeFileSync(
      join(folder, '.vscode', 'mcp.json'),
      JSON.stringify({ servers: { offered: entry('theirs-offered') } }, undefined, 2),
    );
    window = await editor.openWindow(folder);
    await window.untilStatus(/./);
  });
  after(async () => {
    await editor.stop();
    listener.close();
    user.dispose();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  const filesOf = (): Map<string, string> =>
    new Map(
      readdirSync(join(folder, '.vscode')).map((name) => [
        name,
        readFileSync(join(folder, '.vscode', name), 'utf8'),
      ]),
    );

  it('R1.6 R12.1 R12.2 is said to be in Restricted Mode, with what can be done; its servers are not there', async () => {
    assert.match(await window.untilStatus(/Restricted Mode/), /Restricted Mode/);
    const rows = await window.treeRows();
    await window.screenshot('restricted-tree');
    assert.match(rows[0] ?? '', /Restricted Mode/);
    assert.deepEqual(
      rows.slice(1).map((row) => /^\w+/.exec(row)?.[0]),
      ['mine'],
    );
    assert.deepEqual(traces(), []);
  });

  it('R1.6 R12.7 a server of the user works, as the user has set it, and not as the folder says', async () => {
    const status = (await user.ask(window, 'status')) as ConnectionStatus;
    assert.deepEqual(
      status.servers.map(({ id }) => id),
      ['mine'],
    );
    const call = { server: 'mine', tool: 'echo', args: { key: 'hello' } };
    assert.deepEqual(((await user.ask(window, 'call', call)) as ToolAnswer).content, [
      { type: 'text', text: 'hello' },
    ]);
    await editor.untilProcess(/scripted\.mjs mine$/);
    const theirs = (await user.ask(window, 'call', { ...call, server: 'theirs' })) as {
      error: { code: string };
    };
    assert.equal(theirs.error.code, 'unknownServer');
    await window.runCommand('MCP Lifeline: Force Recovery');
    await window.page.keyboard.press('Escape');
    assert.deepEqual(traces(), []);
  });

  it('R1.6 R1.7 what the folder has is neither adopted nor imported', async () => {
    const before = filesOf();
    await window.runCommand('MCP Lifeline: Adopt Server from mcp.json…');
    await window.pick('offered');
    await until('it is said', async () =>
      (await window.notifications()).some((text) =>
        text.includes(
          'The entry "offered" was left alone: this workspace is in Restricted Mode; trust it first.',
        ),
      ),
    );
    await window.page.keyboard.press('Escape');
    await window.runCommand('MCP Lifeline: Import Servers…');
    const labels = await until('the list is there', async () => {
      const found = await window.quickPickLabels();
      return found.some((label) => label.includes('offered')) ? found : undefined;
    });
    assert.match(
      labels.join('\n'),
      /offered.*Cannot be imported: this workspace is in Restricted Mode; trust it first\./,
    );
    await window.screenshot('restricted-import');
    await window.page.keyboard.press('Escape');
    assert.deepEqual(filesOf(), before);
    assert.deepEqual(traces(), []);
  });

  it('R1.6 once it is trusted its servers start, without a reload', async () => {
    // The last look: everything above may have needed a moment.
    assert.deepEqual(traces(), []);
    const [host] = editor.processes().filter(({ command }) => command.includes('--type=extensionHost'));
    await window.runCommand('Workspaces: Manage Workspace Trust');
    const trust = window.page
      .locator('.workspace-trust-editor')
      .getByRole('button', { name: /^Trust( \(|$)/ });
    await trust.first().waitFor();
    await window.screenshot('restricted-trust-editor');
    await trust.first().click();
    await until('the process of the folder runs', () => existsSync(join(home, 'started')), 60_000);
    await until('its address is asked', () => requests > 0, 60_000);
    const rows = await until('its servers are there', async () => {
      const found = await window.treeRows();
      return found.some((row) => row.startsWith('theirs')) ? found : undefined;
    });
    assert.ok(!rows.some((row) => row.includes('Restricted Mode')));
    assert.deepEqual(rows.filter((row) => /^(asks|mine|remote|theirs)\b/.test(row)).length, 4);
    // The file that the folder names is read now.
    assert.match(rows.join('\n'), /global_settings/);
    await window.page.keyboard.press('Escape');
    await window.screenshot('restricted-after');
    const [now] = editor.processes().filter(({ command }) => command.includes('--type=extensionHost'));
    assert.equal(now?.pid, host?.pid);
  });
});
