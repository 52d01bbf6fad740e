import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { fakeOfTests, loadWithFakeVscode, shown } from '../../../test/support/fakeVscode.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { ServerActionResult } from '../../shared/protocol/engineMessages.ts';
import type { ActionId } from '../health/conditions.ts';
import { untranslated } from '../translate.ts';
import type { CommandContext } from './commandContext.ts';

interface Progress {
  readonly title: string;
  readonly cancel: () => void;
  readonly isOver: () => boolean;
}

describe('an action on one server', () => {
  let actOnServer: (
    context: CommandContext,
    action: ActionId,
    argument: unknown,
  ) => Promise<ServerActionResult | undefined>;
  const progress: Progress[] = [];
  before(async () => {
    ({ actOnServer } = await loadWithFakeVscode(() => import('./actOnServer.ts')));
    Object.assign(fakeOfTests.window, {
      withProgress: async (
        { title }: { title: string },
        work: (report: unknown, token: object) => Promise<void>,
      ) => {
        let cancel = (): void => undefined;
        let isOver = false;
        const onCancellationRequested = (listener: () => void): object => {
          cancel = listener;
          return { dispose: () => undefined };
        };
        progress.push({ title, cancel: () => cancel(), isOver: () => isOver });
        await work({}, { onCancellationRequested });
        isOver = true;
      },
    });
  });
  after(() => Reflect.deleteProperty(fakeOfTests.window, 'withProgress'));
  const lastSaid = (): unknown => shown.at(-1)?.args[0];
  beforeEach(() => {
    shown.length = 0;
    progress.length = 0;
  });

  function given() {
    const clock = new FakeClock();
    const answer = Promise.withResolvers<ServerActionResult>();
    const context = {
      clock,
      engine: {
        status: { kind: 'running' },
        actOnServer: (_: unknown, { signal }: { signal?: AbortSignal }) => {
          signal?.addEventListener('abort', () => answer.reject(new Fault('cancelled', 'It was cancelled.')));
          return answer.promise;
        },
      },
      model: { view: viewOf([serverSnapshot('git')]) },
      t: untranslated,
    } as unknown as CommandContext;
    return { clock, answer, context };
  }

  it('R12.4 shows that it is under way only once it takes longer than a second, until it is done', async () => {
    const quick = given();
    const done = actOnServer(quick.context, 'isolate', 'git');
    await quick.clock.advance(900);
    quick.answer.resolve({ done: true, message: '' });
    await done;
    await quick.clock.advance(5_000);
    assert.equal(progress.length, 0);
    assert.equal(quick.clock.pending, 0);

    const { clock, answer, context } = given();
    const freed = actOnServer(context, 'freePort', 'git');
    await clock.advance(1_000);
    assert.deepEqual(
      progress.map(({ title }) => title),
      ['Freeing the port of "git"…'],
    );
    assert.equal(progress[0]?.isOver(), false);
    answer.resolve({ done: true, message: '' });
    assert.deepEqual(await freed, { done: true, message: '' });
    await settle();
    assert.equal(progress[0].isOver(), true);
    assert.match(String(lastSaid()), /The old process on the port of "git" was ended/);
  });

  it('R12.4 is given up quietly by who cancels it, and an engine that is lost is told', async () => {
    const { clock, context } = given();
    const freed = actOnServer(context, 'freePort', 'git');
    await clock.advance(1_000);
    progress[0]?.cancel();
    assert.equal(await freed, undefined);
    assert.deepEqual(shown, []);

    const lost = given();
    const told = actOnServer(lost.context, 'isolate', 'git');
    lost.answer.reject(new Fault('engineUnavailable', 'The engine is gone.'));
    assert.equal(await told, undefined);
    assert.equal(lastSaid(), 'The engine is gone.');
  });

  it('each action has words of its own', async () => {
    for (const action of ['resetBreaker', 'isolate', 'rejoin', 'freePort', 'acceptChange'] as const) {
      const { clock, answer, context } = given();
      const done = actOnServer(context, action, 'git');
      await clock.advance(1_000);
      answer.resolve({ done: true, message: '' });
      await done;
    }
    assert.equal(new Set(progress.map(({ title }) => title)).size, 5);
  });
});
