import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../../src/shared/contributions.ts';
import {
  activateExtension,
  configuredServers,
  configureServers,
  killForSure,
  nodeBinary,
  projectRoot,
  readSnapshot,
  until,
  untilServer,
  type ServerEntry,
} from '../support/host.ts';

const secrets = ['planted-env-4711-Xy', 'planted-arg-4711-Xy', 'planted-header-4711-Xy'];

describe('the diagnostics', function () {
  this.timeout(60_000);
  let usual: Readonly<Record<string, ServerEntry>>;

  before(async () => {
    await activateExtension();
    usual = configuredServers();
    await configureServers({
      ...usual,
      diagnosed: {
        command: nodeBinary(),
        args: [join(projectRoot(), 'test', 'servers', 'scripted.mjs'), '--token', secrets[1] ?? ''],
        env: { SECRET_KEY: secrets[0] ?? '' },
      },
      remote: {
        type: 'http',
        url: 'http://127.0.0.1:9/mcp',
        headers: { Authorization: `Bearer ${secrets[2]}` },
      },
    });
    await untilServer('diagnosed', 'is known', () => true);
  });
  after(() => configureServers(usual));

  /** Runs the command, and reads what it shows. */
  async function exported(): Promise<string> {
    await vscode.commands.executeCommand(commands.exportDiagnostics);
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.scheme, 'mcp-lifeline-diagnostics');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    await vscode.commands.executeCommand('notifications.clearAll');
    return document.getText();
  }

  it('R12.4 R14.4 are shown before they are saved, without the secrets of the settings', async () => {
    const text = await exported();
    for (const secret of secrets) assert.ok(!text.includes(secret), secret);
    for (const part of [
      '## Environment',
      '## Settings',
      '## Snapshot',
      '## Events',
      '## Log ',
      '"diagnosed"',
      'SECRET_KEY',
    ])
      assert.ok(text.includes(part), part);
    assert.match(text, /"version": 1/);
  });

  it('R12.4 are there while the engine is down', async () => {
    const before = (await until('an engine answers', readSnapshot)).engine.pid;
    await killForSure(before);
    const text = await exported();
    for (const part of ['## Settings', '"diagnosed"', '## Log ']) assert.ok(text.includes(part), part);
    for (const secret of secrets) assert.ok(!text.includes(secret), secret);
    await until('another engine answers', async () => {
      const pid = (await readSnapshot())?.engine.pid;
      return pid !== undefined && pid !== before;
    });
  });
});
