import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { HealthModel } from '../health/healthModel.ts';
import { untranslated } from '../translate.ts';
import { NotificationGate, type Notice } from './gate.ts';
import { HealthWatch } from './healthWatch.ts';

function givenGate(answer?: string, muted?: unknown) {
  const shown: string[] = [];
  const written: (readonly string[])[] = [];
  const gate = new NotificationGate(
    {
      show: (_severity, message) => {
        shown.push(message);
        return Promise.resolve(answer);
      },
      readMuted: () => muted,
      writeMuted: (keys) => written.push(keys),
    },
    'Never',
  );
  return { gate, shown, written };
}

const notice = (changes: Partial<Notice> = {}): Notice => ({
  server: 'git',
  cause: 'crashLoop',
  severity: 'error',
  message: 'git keeps failing',
  actions: [],
  ...changes,
});

describe('notification gate', () => {
  it('R11.3 shows one per server and cause', async () => {
    const { gate, shown } = givenGate();
    await gate.tell(notice());
    await gate.tell(notice());
    await gate.tell(notice({ server: 'files' }));
    assert.equal(shown.length, 2);
  });

  it('runs the chosen action', async () => {
    const { gate } = givenGate('Show Log');
    let ran = 0;
    await gate.tell(notice({ actions: [{ title: 'Show Log', run: () => (ran += 1) }] }));
    assert.equal(ran, 1);
  });

  it('remembers what the user does not want to hear again', async () => {
    const { gate, written } = givenGate('Never');
    await gate.tell(notice());
    assert.deepEqual(written, [['crashLoop:git']]);
    const next = givenGate(undefined, written[0]);
    await next.gate.tell(notice());
    assert.deepEqual(next.shown, []);
  });

  it('takes saved state that is garbage for none', async () => {
    const { gate, shown } = givenGate(undefined, { not: 'a list' });
    await gate.tell(notice());
    assert.equal(shown.length, 1);
  });
});

describe('health watch', () => {
  function given(view = viewOf([])) {
    const clock = new FakeClock();
    const { gate, shown } = givenGate();
    const state = { view };
    const model = new HealthModel(
      clock,
      () => state.view,
      () => undefined,
    );
    const act = () => undefined;
    const watch = new HealthWatch(model, {
      clock,
      gate,
      t: untranslated,
      onError: () => undefined,
      actions: { showLog: act, forceRecovery: act, startEngine: act, showProblems: act },
    });
    const become = async (next: typeof view, forMs: number) => {
      state.view = next;
      model.invalidate();
      await clock.advance(forMs);
    };
    return { become, shown, watch, clock };
  }

  it('tells once of a server that keeps failing, however often it comes and goes', async () => {
    const { become, shown } = given();
    const failing = serverSnapshot('git', {
      state: 'crashLoop',
      sentence: 'It keeps failing.',
    });
    await become(viewOf([failing]), 1_000);
    await become(viewOf([serverSnapshot('git')]), 1_000);
    await become(viewOf([failing]), 1_000);
    assert.deepEqual(shown, ['MCP server "git": It keeps failing.']);
  });

  it('says nothing of one engine loss, and something of the third failed start', async () => {
    const { become, shown } = given();
    const recovering = (failedTries: number) =>
      viewOf([], {
        engine: { kind: 'recovering', reason: 'no program', failedTries, retryAt: undefined },
      });
    await become(recovering(0), 1_000);
    await become(recovering(2), 1_000);
    assert.deepEqual(shown, []);
    await become(recovering(3), 1_000);
    assert.equal(shown.length, 1);
  });

  it('tells of wrong settings only when they stay wrong', async () => {
    const { become, shown, watch, clock } = given();
    const wrong = viewOf([], { problems: [{ path: 'a.b', message: 'must be text' }] });
    await become(wrong, 4_000);
    await become(viewOf([]), 10_000);
    assert.deepEqual(shown, []);
    await become(wrong, 6_000);
    await settle();
    assert.deepEqual(shown, ['A setting of MCP Lifeline cannot be used: a.b must be text.']);
    watch.dispose();
    assert.equal(clock.pending, 0);
  });
});
