import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { loadWithFakeVscode, shown } from '../../../test/support/fakeVscode.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { untranslated } from '../translate.ts';
import type { CommandContext } from './commandContext.ts';

describe('the recovery commands', () => {
  let recoverServers: (context: CommandContext, params: RecoverParams) => Promise<RecoverResult | undefined>;
  const requests: RecoverParams[] = [];
  before(async () => {
    ({ recoverServers } = await loadWithFakeVscode(() => import('./recoverServers.ts')));
  });
  beforeEach(() => {
    shown.length = 0;
    requests.length = 0;
  });

  const stuck = (inFlight: number) => serverSnapshot('git', { state: 'suspect', metrics: { inFlight } });

  /** @param now what the engine says when it is asked; it told last that no call runs */
  function contextWith(now: () => Promise<ServerSnapshot>): CommandContext {
    return {
      clock: new FakeClock(),
      engine: {
        status: { kind: 'running' },
        getSnapshot: async () => ({ servers: [await now()] }),
        recover: (params: RecoverParams) => {
          requests.push(params);
          return Promise.resolve({ results: [] });
        },
      },
      model: { view: viewOf([stuck(0)]) },
      t: untranslated,
    } as unknown as CommandContext;
  }

  it('R5.6 ask about a call of which no snapshot has told yet, and do nothing when nobody agrees', async () => {
    const context = contextWith(() => Promise.resolve(stuck(2)));
    for (const params of [
      { mode: 'recover' },
      { mode: 'recover', server: 'git' },
      { mode: 'restart', server: 'git' },
    ] as const) {
      assert.equal(await recoverServers(context, params), undefined);
      const { what, args } = shown.pop()!;
      assert.equal(what, 'window.showWarningMessage');
      assert.equal(args[0], 'End 2 running calls on git?');
    }
    assert.deepEqual(requests, []);
  });

  it('R5.6 "all" ends no call that nobody was asked about', async () => {
    await recoverServers(
      contextWith(() => Promise.resolve(stuck(0))),
      { mode: 'recover' },
    );
    await recoverServers(
      contextWith(() => Promise.reject(new Error('too late'))),
      { mode: 'recover' },
    );
    assert.deepEqual(
      requests.map(({ interruptCalls }) => interruptCalls),
      [false, false],
    );
  });
});
