import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { loadWithFakeVscode } from '../../../test/support/fakeVscode.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { RecoverParams } from '../../shared/protocol/engineMessages.ts';
import { untranslated } from '../translate.ts';
import type { RecoverTool } from './recoverTool.ts';
import type { ToolContext } from './toolContext.ts';

describe('the tool that recovers a server', () => {
  let Tool: typeof RecoverTool;
  const requests: RecoverParams[] = [];
  before(async () => {
    ({ RecoverTool: Tool } = await loadWithFakeVscode(() => import('./recoverTool.ts')));
  });
  beforeEach(() => void (requests.length = 0));

  const busy = serverSnapshot('git*', { state: 'suspect', metrics: { inFlight: 2 } });
  const toolWith = (changes: Partial<ToolContext['engine']> = {}) =>
    new Tool({
      clock: new FakeClock(),
      engine: {
        status: { kind: 'running', pid: 1 },
        getSnapshot: () => Promise.resolve({ servers: [busy] }),
        recover: (params: RecoverParams) => {
          requests.push(params);
          return Promise.reject(new Fault('engineUnavailable', 'The engine ended.'));
        },
        ...changes,
      } as unknown as ToolContext['engine'],
      model: { view: viewOf([serverSnapshot('git*')]) },
      t: untranslated,
    });
  const token = {
    isCancellationRequested: false,
    onCancellationRequested: () => ({ dispose: () => undefined }),
  };
  const invoke = async (tool: RecoverTool, input: unknown): Promise<string> =>
    JSON.stringify(await tool.invoke({ input, toolInvocationToken: undefined }, token));

  it('R12.6 asks a person first, names the server and says what ends', async () => {
    const prepared = await toolWith().prepareInvocation({ input: { server: 'git*' } });
    assert.equal(prepared.confirmationMessages?.title, 'Recover the MCP server "git*"?');
    const [text] = (prepared.confirmationMessages.message as unknown as { args: [string] }).args;
    assert.match(text, /"git\\\*" is now: not answering on time/);
    assert.match(text, /2 calls are running on it and end with an error/);
    assert.deepEqual(requests, []);
  });

  it('R12.6 asks even when nobody knows the server, or whether calls run', async () => {
    const tool = toolWith({ getSnapshot: () => Promise.reject(new Error('too late')) });
    for (const input of [{ server: 'nobody' }, {}, undefined, { server: 'git*' }])
      assert.ok((await tool.prepareInvocation({ input })).confirmationMessages !== undefined);
  });

  it('R12.6 recovers the one that it was asked for, and says when the engine was lost meanwhile', async () => {
    assert.match(await invoke(toolWith(), { server: 'git*' }), /not finished\. The engine ended\./);
    assert.deepEqual(requests, [{ mode: 'recover', server: 'git*' }]);
  });

  it('R12.6 asks nothing of an engine that is down, nor for a server that is not there', async () => {
    const status = { kind: 'starting' } as const;
    assert.match(
      await invoke(toolWith({ status }), { server: 'git*' }),
      /Nothing can be recovered until it runs/,
    );
    assert.match(await invoke(toolWith(), { server: 'gti' }), /There are: git\*\./);
    await assert.rejects(invoke(toolWith(), { server: 'git*', all: true }), /The input is/);
    assert.deepEqual(requests, []);
  });
});
