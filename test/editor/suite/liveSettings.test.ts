import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { settingsPrefix } from '../../../src/shared/contributions.ts';
import {
  activateExtension,
  approveAllTools,
  callTool,
  configuredServers,
  configureServers,
  findTool,
  killForSure,
  nodeBinary,
  pidOf,
  projectRoot,
  readSnapshot,
  startServer,
  until,
  type ServerEntry,
} from '../support/host.ts';

describe('settings that change while servers run', function () {
  this.timeout(60_000);
  let folder: string;
  let usual: Readonly<Record<string, ServerEntry>>;
  const set = (name: string, value: unknown): Thenable<void> =>
    vscode.workspace.getConfiguration(settingsPrefix).update(name, value, vscode.ConfigurationTarget.Global);
  const call = (tool: string, input: Record<string, unknown> = {}): Promise<string> =>
    callTool(tool, input, { serverPart: 'live', withNotes: true });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-settings-'));
    await activateExtension();
    await approveAllTools();
    usual = configuredServers();
    const args = [join(projectRoot(), 'test', 'servers', 'scripted.mjs')];
    await configureServers({ ...usual, live: { command: nodeBinary(), args, env: { NAME: 'Live' } } });
    await startServer('live', ['pid', 'cwd']);
  });

  after(async () => {
    await set('connectionFile', undefined);
    await set('tellRestarts', undefined);
    await configureServers(usual);
    // The suites after this one look for tools by their names, and another server may have the same.
    await until('its tools are not listed any more', () => findTool('pid', 'live') === undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it('R2.1 mcpLifeline.connectionFile: the file counts once it is named, when it changes, and no more when it is not', async () => {
    const file = join(folder, 'connection.json');
    const write = (seconds: number): void =>
      writeFileSync(
        file,
        JSON.stringify({ global_settings: { connection_handling: { request_timeout: seconds } } }),
      );
    const slow = (): Promise<string> => call('echo', { key: 'slow', ms: 1_500 });
    write(1);
    await set('connectionFile', file);
    await until('the deadline is that of the file', async () => (await slow()).includes('within 1 s'));
    write(600.5);
    const problems = async (): Promise<string> => JSON.stringify((await readSnapshot())?.problems);
    await until('what is wrong in the file is told', async () =>
      (await problems()).includes('request_timeout'),
    );
    assert.equal(await slow(), 'slow');
    await set('connectionFile', '');
    await until('it is not told any more', async () => !(await problems()).includes('request_timeout'));
  });

  it('R5.11 mcpLifeline.tellRestarts: a restart is told, or not, as the setting says then', async () => {
    const afterRestart = async (): Promise<string> => {
      await call('pid');
      await killForSure(await pidOf('live'));
      return call('pid');
    };
    await set('tellRestarts', false);
    // The settings are read a moment after they were written.
    await until('a restart is not told', async () => /^\d+$/.test(await afterRestart()));
    await set('tellRestarts', true);
    await until('a restart is told', async () => /restarted|in memory/.test(await afterRestart()));
  });
});
