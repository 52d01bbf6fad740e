import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands } from '../../../src/shared/contributions.ts';
import { activateExtension } from '../support/host.ts';

describe('the extension in a real extension host', () => {
  it('activates', async () => {
    const extension = await activateExtension();
    assert.equal(extension.isActive, true);
  });

  it('registers every command', async () => {
    await activateExtension();
    const known = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(
      Object.values(commands).filter((id) => !known.has(id)),
      [],
    );
  });
});
