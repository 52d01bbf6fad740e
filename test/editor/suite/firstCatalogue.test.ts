import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { settingsPrefix } from '../../../src/shared/contributions.ts';
import {
  activateExtension,
  callTool,
  configuredServers,
  configureServers,
  findTool,
  killForSure,
  nextEvent,
  nodeBinary,
  projectRoot,
  readSnapshot,
  stopServer,
  until,
  untilServer,
  type ServerEntry,
} from '../support/host.ts';

/** Servers that are started before anybody uses them, in a real VS Code; and where their settings come from. */
describe('servers that nobody has used yet', function () {
  this.timeout(60_000);
  let folder: string;
  let usual: Readonly<Record<string, ServerEntry>>;
  const startsFile = (name: string): string => join(folder, `${name}.starts`);
  const starts = (name: string): number =>
    existsSync(startsFile(name))
      ? readFileSync(startsFile(name), 'utf8').split('\n').filter(Boolean).length
      : 0;
  /** A scripted server that leaves a sign at each start. */
  const scripted = (name: string, lifeline?: Record<string, unknown>): ServerEntry => ({
    command: nodeBinary(),
    args: [join(projectRoot(), 'test', 'servers', 'scripted.mjs')],
    env: { NAME: name, STARTS: startsFile(name) },
    ...(lifeline === undefined ? {} : { lifeline }),
  });
  const untilIdle = (name: string) =>
    untilServer(
      name,
      'is idle, and its tools are known',
      (server) => server.state === 'idle' && server.sessions === 0 && server.catalogue !== undefined,
      30_000,
    );
  const setSetting = async (
    name: string,
    value: unknown,
    target: vscode.ConfigurationTarget,
  ): Promise<void> => {
    const announced = nextEvent(
      vscode.workspace.onDidChangeConfiguration,
      (change) => change.affectsConfiguration(name),
      10_000,
    );
    await vscode.workspace.getConfiguration().update(name, value, target);
    await announced;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-first-'));
    await activateExtension();
    usual = configuredServers();
  });

  after(async () => {
    await configureServers(usual);
    await until('VS Code has forgotten their tools', () => findTool('record') === undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it('R5.0 are started once after activation, and are idle again', async () => {
    for (const name of Object.keys(usual)) await untilIdle(name);
    assert.ok(findTool('echo', 'everything') !== undefined);
  });

  it('R5.0 are started once when they are added: VS Code has their tools, and they are idle again', async () => {
    await configureServers({ ...configuredServers(), Added: scripted('Added') });
    await until('VS Code lists its tools', () => findTool('record', 'added'), 20_000);
    await untilIdle('Added');
    assert.equal(starts('Added'), 1);
    // The next one's turn would be this one's too, were it not remembered.
    await configureServers({ ...configuredServers(), Next: scripted('Next') });
    await untilIdle('Next');
    assert.equal(starts('Added'), 1);
    assert.equal(await callTool('echo', { key: 'used' }, { serverPart: 'added' }), 'used');
    assert.equal(starts('Added'), 2);
  });

  it('R5.0 are not tried again when they could not be started, until their settings change', async () => {
    await configureServers({ ...configuredServers(), Gone: { command: 'no-such-program-anywhere' } });
    const gone = await untilServer(
      'Gone',
      'has failed and is idle',
      (server) => server.lastError !== undefined && server.sessions === 0 && server.state === 'idle',
      30_000,
    );
    assert.equal(gone.lastError?.code, 'spawnFailed');
    await configureServers({ ...configuredServers(), Later: scripted('Later') });
    await untilIdle('Later');
    assert.equal((await readSnapshot())?.servers.find(({ id }) => id === 'Gone')?.sessions, 0);
    await configureServers({ ...configuredServers(), Gone: scripted('Gone') });
    await untilIdle('Gone');
    assert.equal(starts('Gone'), 1);
  });

  it('R5.0 are started and stay with keepWarm; a person’s stop is respected', async () => {
    await configureServers({ ...configuredServers(), Warm: scripted('Warm', { keepWarm: true }) });
    await untilServer('Warm', 'is ready', (server) => server.state === 'ready', 30_000);
    await configureServers({ ...configuredServers(), After: scripted('After') });
    await untilIdle('After');
    assert.equal((await readSnapshot())?.servers.find(({ id }) => id === 'Warm')?.state, 'ready');
    assert.equal(starts('Warm'), 1);
    await stopServer('Warm');
    await untilIdle('Warm');
    await configureServers({ ...configuredServers(), Last: scripted('Last') });
    await untilIdle('Last');
    assert.equal(starts('Warm'), 1);
  });

  it('R5.0 are started only where VS Code’s settings let them', async () => {
    const inspect = (name: string): unknown =>
      vscode.workspace.getConfiguration('chat.mcp').inspect(name)?.defaultValue;
    assert.equal(inspect('autostart'), 'newAndOutdated');
    assert.equal(inspect('access'), 'all');
    await setSetting('chat.mcp.autostart', 'never', vscode.ConfigurationTarget.Global);
    try {
      await configureServers({ ...configuredServers(), Quiet: scripted('Quiet') });
      await untilServer('Quiet', 'is known', () => true);
    } finally {
      await setSetting('chat.mcp.autostart', undefined, vscode.ConfigurationTarget.Global);
    }
    assert.equal(starts('Quiet'), 0);
    await untilIdle('Quiet');
    assert.equal(starts('Quiet'), 1);
  });

  it('R2.2 the workspace’s whole entry wins over the user’s; the two are never mixed', async () => {
    const name = 'Scoped';
    const titles = async (): Promise<string | undefined> =>
      (await readSnapshot())?.servers.find(({ id }) => id === name)?.catalogue?.serverTitle;
    const own = scripted('Mine');
    const theirs: ServerEntry = { ...scripted('Theirs'), env: { STARTS: startsFile('Theirs') } };
    await setSetting(`${settingsPrefix}.servers`, { [name]: theirs }, vscode.ConfigurationTarget.Workspace);
    try {
      await configureServers({ ...configuredServers(), [name]: own });
      const scopes = vscode.workspace.getConfiguration().inspect<object>(`${settingsPrefix}.servers`);
      assert.deepEqual(Object.keys(scopes?.workspaceValue ?? {}), [name]);
      await untilIdle(name);
      // The user's NAME is not in it: a mixed entry would have it.
      assert.equal(await titles(), 'scripted');
      assert.equal(starts('Mine'), 0);
      const place = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
      assert.equal(await callTool('cwd', {}, { serverPart: 'scripted' }), place);
    } finally {
      await setSetting(`${settingsPrefix}.servers`, undefined, vscode.ConfigurationTarget.Workspace);
    }
  });

  it('R1.3 are reached by HTTP like by a process: their tools are known, calls are answered', async () => {
    const { pid, url } = await startHttpServer();
    try {
      await configureServers({ ...configuredServers(), Web: { url, headers: { 'X-Key': 'of no matter' } } });
      await until('VS Code lists its tools', () => findTool('test_simple_text'), 20_000);
      await untilIdle('Web');
      assert.match(await callTool('test_simple_text', {}), /simple text/);
    } finally {
      await killForSure(pid);
    }
  });
});

/** A real MCP server on a free port of this machine. */
async function startHttpServer(): Promise<{ pid: number; url: string }> {
  const peer = spawn(nodeBinary(), [join(projectRoot(), 'test', 'servers', 'conformance.mjs')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { pid } = peer;
  assert.ok(pid !== undefined);
  let text = '';
  peer.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const line = await until('it tells its address', () => text.includes('\n') && text);
  return { pid, url: (JSON.parse(line) as { url: string }).url };
}
