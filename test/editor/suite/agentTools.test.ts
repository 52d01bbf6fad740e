import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { agentTools } from '../../../src/shared/contributions.ts';
import {
  activateExtension,
  approveAllTools,
  configuredServers,
  configureServers,
  killForSure,
  nodeBinary,
  pidOf,
  projectRoot,
  readSnapshot,
  startServer,
  until,
  untilServer,
  type ServerEntry,
} from '../support/host.ts';

async function invoke(name: string, input: object, token?: vscode.CancellationToken): Promise<string> {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined }, token);
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('');
}

describe('the tools for agents', function () {
  this.timeout(60_000);
  let usual: Readonly<Record<string, ServerEntry>>;

  before(async () => {
    await activateExtension();
    await approveAllTools();
    usual = configuredServers();
    // They are started once, after activation. When the engine dies meanwhile, as it does below, they stay instead of being idle again.
    for (const name of Object.keys(usual))
      await untilServer(
        name,
        'has been started once, and is idle',
        ({ state, sessions, catalogue }) => state === 'idle' && sessions === 0 && catalogue !== undefined,
        30_000,
      );
    await configureServers({
      ...usual,
      agented: {
        command: nodeBinary(),
        args: [join(projectRoot(), 'test', 'servers', 'scripted.mjs')],
        env: { NAME: 'Agented', API_TOKEN: 'hush-hush-4711-planted' },
      },
    });
    await startServer('agented', ['record']);
  });
  after(() => configureServers(usual));

  it('R12.6 are listed, with their schemas', () => {
    for (const name of Object.values(agentTools)) {
      const tool = vscode.lm.tools.find((each) => each.name === name);
      assert.equal(
        (tool?.inputSchema as { additionalProperties?: boolean } | undefined)?.additionalProperties,
        false,
      );
    }
  });

  it('R12.6 read the health of all servers, and of one', async () => {
    await untilServer('agented', 'is ready', ({ state }) => state === 'ready');
    const all = await invoke(agentTools.health, {});
    assert.match(all, /^MCP Lifeline\. The engine is running/);
    for (const name of Object.keys(configuredServers())) assert.ok(all.includes(`- ${name}: `), all);
    const one = await invoke(agentTools.health, { server: 'agented' });
    assert.match(one, /- agented: healthy/);
    assert.ok(!`${all}${one}`.includes('hush-hush'));
    assert.match(await invoke(agentTools.health, { server: 'nobody' }), /No MCP server is called "nobody"/);
  });

  it('R12.6 recover a server', async () => {
    const pid = await pidOf('agented');
    const text = await invoke(agentTools.recover, { server: 'agented' });
    assert.match(text, /^agented: recovered/);
    await untilServer(
      'agented',
      'has another process',
      ({ state, pids }) => state === 'ready' && !pids.includes(pid),
    );
  });

  it('R12.6 refuse what the schema does not name', async () => {
    await assert.rejects(invoke(agentTools.recover, {}));
    await assert.rejects(invoke(agentTools.recover, { server: 'agented', all: true }));
  });

  it('R12.6 answer while the engine is down', async () => {
    const before = (await until('an engine answers', readSnapshot)).engine.pid;
    await killForSure(before);
    const [health, recovery] = await Promise.all([
      invoke(agentTools.health, {}),
      invoke(agentTools.recover, { server: 'agented' }),
    ]);
    // It may be back already.
    assert.match(health, /- agented: /);
    assert.match(recovery, /engine|agented: (recovered|skipped)/);
    await until('another engine answers', async () => {
      const pid = (await readSnapshot())?.engine.pid;
      return pid !== undefined && pid !== before;
    });
  });
});
