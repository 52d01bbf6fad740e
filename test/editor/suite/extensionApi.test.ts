import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../../api/mcp-lifeline.d.ts';
import {
  activateExtension,
  configuredServers,
  configureServers,
  killForSure,
  nodeBinary,
  pidOf,
  projectRoot,
  readSnapshot,
  until,
  type ServerEntry,
} from '../support/host.ts';

/** What another extension gets: the tests are not a part of ours. */
describe('the API for other extensions', function () {
  this.timeout(60_000);
  let usual: Readonly<Record<string, ServerEntry>>;
  let api: McpLifelineApi;

  before(async () => {
    const extension = await activateExtension();
    api = extension.exports as McpLifelineApi;
    usual = configuredServers();
    await configureServers({
      ...usual,
      called: {
        command: nodeBinary(),
        args: [join(projectRoot(), 'test', 'servers', 'scripted.mjs')],
        env: { NAME: 'Called' },
      },
    });
    await until('the server is known', async () =>
      (await api.getConnectionStatus()).servers.some(({ id }) => id === 'called'),
    );
  });
  after(() => configureServers(usual));
  const rejectedWith = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

  it('R12.7 has a version, tells the status, and when it changes', async () => {
    assert.equal(api.version, 1);
    const changed = new Promise<void>((resolve) => {
      const listener = api.onDidChangeStatus(() => {
        listener.dispose();
        resolve();
      });
    });
    const answer = await api.requestWithRetry('called', 'readRecord', {});
    assert.ok(answer.content.length > 0);
    await changed;
    assert.ok((await api.getConnectionStatus()).engine !== null);
  });

  it('R12.7 calls survive the death of the server', async () => {
    await killForSure(await pidOf('called'));
    assert.notEqual(
      (await api.requestWithRetry('called', 'readRecord', {}, { timeoutMs: 30_000 })).isError,
      true,
    );
  });

  it('R12.7 calls survive the death of the engine', async () => {
    await killForSure((await until('an engine answers', readSnapshot)).engine.pid);
    const answer = await api.requestWithRetry('called', 'readRecord', {}, { timeoutMs: 30_000 });
    assert.notEqual(answer.isError, true);
  });

  it('R12.7 end when they are cancelled, and name what is not there', async () => {
    const source = new vscode.CancellationTokenSource();
    source.cancel();
    await assert.rejects(
      api.requestWithRetry('called', 'readRecord', {}, { token: source.token }),
      rejectedWith('cancelled'),
    );
    await assert.rejects(api.requestWithRetry('nobody', 'x'), rejectedWith('unknownServer'));
    await assert.rejects(api.requestWithRetry('called', 'nothing'), rejectedWith('unknownTool'));
  });

  it('R12.7 recovers a server', async () => {
    await assert.rejects(api.forceRecovery(''), TypeError);
    const results = await api.forceRecovery('called');
    assert.equal(results?.[0]?.server, 'called');
    await vscode.commands.executeCommand('notifications.clearAll');
  });
});
