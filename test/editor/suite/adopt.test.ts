import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../../src/shared/contributions.ts';
import { activateExtension, nodeBinary, projectRoot, readSnapshot, until } from '../support/host.ts';

/** Answers the question that follows the diff, as a person would. */
async function answerQuestion(button: 'Apply' | 'Cancel'): Promise<void> {
  await until('the diff is shown', () =>
    vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .some(
        ({ input }) =>
          input instanceof vscode.TabInputTextDiff && input.modified.scheme === 'mcp-lifeline-preview',
      ),
  );
  // The first button is Apply; without one the notification is dismissed.
  await until('the question is there', async () => {
    if (button === 'Cancel') {
      await vscode.commands.executeCommand('notifications.clearAll');
      return true;
    }
    await vscode.commands.executeCommand('notification.acceptPrimaryAction');
    return true;
  });
}

describe('adopting from mcp.json', function () {
  this.timeout(60_000);
  let mcp: string;
  let settings: string;
  const written = (): string =>
    `{\r\n\t// mine\r\n\t"servers": {\r\n\t\t"adoptee": { "command": ${JSON.stringify(nodeBinary())}, /* as it is */ "args": [${JSON.stringify(
      join(projectRoot(), 'test', 'servers', 'scripted.mjs'),
    )}] },\r\n\t\t"old": { "type": "sse", "url": "https://example.com/sse" }\r\n\t}\r\n}\r\n`;

  before(async () => {
    await activateExtension();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    mcp = join(folder, '.vscode', 'mcp.json');
    settings = join(folder, '.vscode', 'settings.json');
    writeFileSync(mcp, written());
    writeFileSync(settings, '{\n  // kept\n  "editor.tabSize": 3\n}\n');
  });
  after(() => {
    rmSync(mcp, { force: true });
    rmSync(settings, { force: true });
  });
  const run = (command: string, name: string): Promise<unknown> =>
    Promise.resolve(vscode.commands.executeCommand(command, name));
  /** Until it has settled, tries the button: a notification appears a moment after it was asked for. */
  const decide = async (work: Promise<unknown>, button: 'Apply' | 'Cancel'): Promise<unknown> => {
    let isOver = false;
    const settled = work.finally(() => (isOver = true));
    await answerQuestion(button);
    await until('it is decided', async () => {
      if (!isOver) await answerOnce(button);
      return isOver;
    });
    return settled;
  };
  const answerOnce = async (button: 'Apply' | 'Cancel'): Promise<void> => {
    const command = button === 'Apply' ? 'notification.acceptPrimaryAction' : 'notifications.clearAll';
    await vscode.commands.executeCommand(command);
  };

  it('R1.7 changes nothing unless the preview is confirmed', async () => {
    assert.equal(await decide(run(commands.adoptServer, 'adoptee'), 'Cancel'), false);
    assert.equal(readFileSync(mcp, 'utf8'), written());
    assert.ok(!readFileSync(settings, 'utf8').includes('adoptee'));
  });

  it('R1.7 takes the entry over, and gives it back byte for byte', async () => {
    assert.equal(await decide(run(commands.adoptServer, 'adoptee'), 'Apply'), true);
    assert.ok(!readFileSync(mcp, 'utf8').includes('adoptee'));
    assert.match(readFileSync(settings, 'utf8'), /\/\/ kept[\s\S]*"adoptee"/);
    await until('the setting is known', () =>
      Object.keys(vscode.workspace.getConfiguration('mcpLifeline').get<object>('servers') ?? {}).includes(
        'adoptee',
      ),
    );
    assert.equal(await run(commands.giveBackServer, 'adoptee'), true);
    assert.equal(readFileSync(mcp, 'utf8'), written());
    assert.ok(!readFileSync(settings, 'utf8').includes('adoptee'));
    assert.ok(readFileSync(settings, 'utf8').includes('// kept'));
  });

  it('R1.7 keeps what else changed in the file meanwhile', async () => {
    await until('it is gone from the settings', async () => {
      const servers = (await readSnapshot())?.servers;
      return servers !== undefined && !servers.some(({ id }) => id === 'adoptee');
    });
    assert.equal(await decide(run(commands.adoptServer, 'adoptee'), 'Apply'), true);
    writeFileSync(mcp, readFileSync(mcp, 'utf8').replace('// mine', '// ours'));
    await until('the setting is known', () =>
      Object.keys(vscode.workspace.getConfiguration('mcpLifeline').get<object>('servers') ?? {}).includes(
        'adoptee',
      ),
    );
    assert.equal(await run(commands.giveBackServer, 'adoptee'), true);
    const text = readFileSync(mcp, 'utf8');
    assert.ok(text.includes('// ours') && text.includes('/* as it is */'), text);
    writeFileSync(mcp, written());
  });

  it('R1.7 leaves alone what the engine cannot serve', async () => {
    assert.equal(await run(commands.adoptServer, 'old'), false);
    assert.equal(readFileSync(mcp, 'utf8'), written());
  });
});
