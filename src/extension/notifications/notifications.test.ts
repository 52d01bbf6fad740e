import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import type { AlertSnapshot, Diagnosis } from '../../shared/model/snapshot.ts';
import { alertRuleIds } from '../../shared/settings/alertSettings.ts';
import { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import { untranslated } from '../translate.ts';
import { alertNotices, type NoticeActions } from './alertNotices.ts';
import { alertWords, causeTitle } from './alertWords.ts';
import { NotificationGate } from './gate.ts';
import { MuteList } from './muteList.ts';
import type { Notice } from './notice.ts';
import { NoticeWatch } from './noticeWatch.ts';
import { windowNotices } from './windowNotices.ts';

const rethrow = (error: unknown): never => {
  throw error;
};

interface Shown {
  readonly severity: string;
  readonly message: string;
  readonly titles: readonly string[];
  readonly answer: (title: string | undefined) => Promise<void>;
}

/** A gate whose messages stay open until a test answers them. */
function givenGate(muted?: unknown) {
  const clock = new FakeClock();
  const shown: Shown[] = [];
  const saved = { muted };
  const state = { details: 0 };
  const mutes = new MuteList({
    read: () => saved.muted,
    write: (keys) => Promise.resolve(void (saved.muted = keys)),
  });
  const gate = new NotificationGate({
    clock,
    mutes,
    t: untranslated,
    showDetails: () => (state.details += 1),
    onError: rethrow,
    show: (severity, message, titles) =>
      new Promise((resolve) => {
        const answer = async (title: string | undefined): Promise<void> => {
          resolve(title);
          await settle();
        };
        shown.push({ severity, message, titles, answer });
      }),
  });
  const update = async (...notices: Notice[]): Promise<void> => {
    gate.update('alerts', notices);
    await clock.advance(1_000);
  };
  const messages = (): string[] => shown.map(({ message }) => message);
  return { clock, gate, shown, messages, saved, mutes, state, update };
}

const notice = (changes: Partial<Notice> = {}): Notice => ({
  server: 'git',
  cause: 'crashLoop',
  severity: 'warning',
  message: `${changes.server ?? 'git'} keeps failing`,
  title: 'keeps failing',
  actions: [],
  ...changes,
});

describe('notification gate', () => {
  it('R11.3 tells once while it lasts, and again when it comes again', async () => {
    const { update, messages, shown } = givenGate();
    await update(notice());
    await update(notice({ message: 'git keeps failing, otherwise' }));
    assert.deepEqual(messages(), ['git keeps failing']);
    assert.deepEqual(shown[0]?.titles, ['Mute']);
    await shown[0].answer(undefined);
    await update();
    await update(notice());
    assert.equal(shown.length, 2);
  });

  it('R11.3 tells what comes together in one notification, worded as it is then', async () => {
    const { update, gate, messages, shown, state, clock } = givenGate();
    gate.update('alerts', [notice({ server: 'a' })]);
    await clock.advance(500);
    gate.update('window', [
      notice({ server: undefined, cause: 'engine', title: 'no engine', severity: 'error' }),
    ]);
    const servers = ['a', 'b', 'c', 'd'].map((server) => notice({ server }));
    await update(...servers);
    assert.deepEqual(messages(), [
      '5 alerts of MCP Lifeline: "a" keeps failing; no engine; "b" keeps failing and 2 more.',
    ]);
    assert.deepEqual([shown[0]?.severity, shown[0]?.titles], ['error', ['Show Details']]);
    await shown[0]?.answer('Show Details');
    assert.equal(state.details, 1);
    await update(...servers);
    assert.equal(shown.length, 1);
  });

  it('tells nothing of what is over before it was told', async () => {
    const { gate, shown, clock } = givenGate();
    gate.update('alerts', [notice()]);
    gate.update('alerts', []);
    await clock.advance(5_000);
    assert.deepEqual(shown, []);
    assert.equal(clock.pending, 0);
  });

  it('says of an open notification that it is over, and of an answered one nothing', async () => {
    const { update, messages, shown } = givenGate();
    await update(notice());
    await update();
    assert.deepEqual(messages().slice(1), ['No longer the case: "git" keeps failing.']);
    assert.deepEqual([shown[1]?.severity, shown[1]?.titles], ['info', []]);
    await update(notice());
    await shown[2]?.answer(undefined);
    await update();
    assert.equal(shown.length, 3);
  });

  it('R11.3 what goes and comes again within a second is told once: alone or among others, open or closed', async () => {
    for (const isClosed of [false, true])
      for (const others of [[], [notice({ server: 'files' })]]) {
        const { update, gate, shown, clock } = givenGate();
        await update(notice(), ...others);
        if (isClosed) await shown[0]?.answer(undefined);
        for (let round = 0; round < 3; round += 1) {
          gate.update('alerts', others);
          await clock.advance(500);
          await update(notice(), ...others);
        }
        assert.equal(shown.length, 1);
        await update(...others);
        assert.equal(shown.length, isClosed || others.length > 0 ? 1 : 2);
        await update(notice(), ...others);
        assert.match(shown.at(-1)?.message ?? '', /keeps failing$/);
        assert.equal(clock.pending, 0);
      }
  });

  it('a button of a notification works after its alert went and came', async () => {
    const { update, gate, shown } = givenGate();
    const ran: string[] = [];
    const now = (what: string): Notice =>
      notice({ actions: [{ title: 'Free the Port', run: () => ran.push(what) }] });
    await update(now('first'));
    gate.update('alerts', []);
    await update(now('second'));
    await shown[0]?.answer('Free the Port');
    assert.deepEqual([ran, shown.length], [['first'], 1]);
    await update();
    assert.equal(shown.length, 1);
  });

  it('R5.6 says nothing more of what a recovery by hand has told already', async () => {
    const { update, gate, shown, clock } = givenGate();
    await update(notice());
    gate.noteTold(['git']);
    await update();
    await update(notice({ server: 'files' }));
    gate.update('alerts', []);
    gate.noteTold(['files', 'other']);
    await clock.advance(1_000);
    assert.equal(shown.length, 2);
  });

  it('R5.6 a recovery by hand of one server leaves what is over of another to be told', async () => {
    const { update, gate, messages, clock } = givenGate();
    await update(notice());
    await update(notice(), notice({ server: 'files' }));
    gate.update('alerts', []);
    gate.noteTold(['git']);
    await clock.advance(1_000);
    assert.deepEqual(messages().slice(2), ['No longer the case: "files" keeps failing.']);
  });

  it('runs the chosen action, but not one that nobody needs any more', async () => {
    const { update, shown, messages } = givenGate();
    const ran: string[] = [];
    const actions = [
      { title: 'Force Recovery', run: () => ran.push('recover') },
      { title: 'Show Log', run: () => ran.push('log'), isForLater: true },
    ];
    await update(notice({ actions }));
    assert.deepEqual(shown[0]?.titles, ['Force Recovery', 'Show Log', 'Mute']);
    await shown[0].answer('Force Recovery');
    assert.deepEqual(ran, ['recover']);
    for (const title of ['Force Recovery', 'Show Log']) {
      await update();
      await update(notice({ actions }));
      const open = shown.at(-1);
      await update();
      await open?.answer(title);
    }
    assert.deepEqual(ran, ['recover', 'log']);
    assert.equal(messages().at(-1), 'No longer the case: "git" keeps failing.');
  });

  it('R11.3 a muted cause of a server is told no more, here and after a restart, until it is undone', async () => {
    const { update, shown, saved, mutes } = givenGate();
    await update(notice());
    await shown[0]?.answer('Mute');
    assert.deepEqual(saved.muted, ['crashLoop:git']);
    await update();
    await update(notice());
    assert.equal(shown.length, 1);
    const next = givenGate(saved.muted);
    await next.update(notice(), notice({ cause: 'breakerOpen', message: 'another cause' }));
    assert.deepEqual(next.messages(), ['another cause']);
    await mutes.remove(mutes.all);
    await update();
    await update(notice());
    assert.equal(shown.length, 2);
  });

  it('a gate that is disposed leaves no timer', () => {
    const { gate, clock } = givenGate();
    gate.update('alerts', [notice()]);
    gate.dispose();
    assert.equal(clock.pending, 0);
  });
});

describe('muted alerts', () => {
  it('takes saved state that is garbage for none, and is bounded', async () => {
    const saved: { keys: unknown } = { keys: undefined };
    const mutes = new MuteList({
      read: () => saved.keys,
      write: (keys) => Promise.resolve(void (saved.keys = keys)),
    });
    for (const garbage of [undefined, { not: 'a list' }, [1, null, 'no colon', 'x'.repeat(9_999)]]) {
      saved.keys = garbage;
      assert.deepEqual(mutes.all, []);
    }
    for (let index = 0; index < 1_100; index += 1)
      await mutes.add({ cause: 'crashLoop', server: `s:${index}` });
    await mutes.add({ cause: 'journal', server: undefined });
    await mutes.add({ cause: 'journal', server: undefined });
    assert.equal(mutes.all.length, 1_000);
    assert.equal((saved.keys as unknown[]).length, 1_000);
    assert.deepEqual(mutes.all.slice(-2), [
      { cause: 'crashLoop', server: 's:1099' },
      { cause: 'journal', server: undefined },
    ]);
    await mutes.remove([{ cause: 'crashLoop', server: 's:1099' }]);
    assert.equal(mutes.has({ cause: 'crashLoop', server: 's:1099' }), false);
    assert.equal(mutes.all.length, 999);
  });
});

const alert = (rule: string, changes: Partial<AlertSnapshot> = {}): AlertSnapshot => ({
  rule,
  server: 'git',
  severity: 'warning',
  sentence: 'The engine’s words.',
  since: 0,
  count: 1,
  isFlapping: false,
  ...changes,
});

describe('notices of alerts', () => {
  const ran: string[] = [];
  const note = (what: string) => (server?: string) => void ran.push(`${what} ${server ?? ''}`);
  const actions: NoticeActions = {
    showLog: note('log'),
    forceRecovery: note('recover'),
    freePort: note('freePort'),
    openSettings: note('settings'),
    showDetails: note('details'),
    startEngine: note('start'),
  };
  const noticesOf = (alerts: AlertSnapshot[], diagnosis?: Partial<Diagnosis>) => {
    const whole = {
      cause: 'unknown',
      sentence: 'The MCP server "git" found port 8123 in use.',
      advice: 'Free it.',
      ...diagnosis,
    } as const;
    const server = serverSnapshot('git', {
      state: 'crashLoop',
      sentence: 'It keeps failing.',
      ...(diagnosis === undefined ? {} : { diagnosis: whole }),
    });
    return alertNotices(viewOf([server], { alerts }), actions, untranslated);
  };
  const titlesOf = (...args: Parameters<typeof noticesOf>): string[] =>
    noticesOf(...args)[0]?.actions.map(({ title }) => title) ?? [];

  it('R11.3 says what is the case, with the cause and what can be done', () => {
    const [told] = noticesOf([alert('crashLoop')], { cause: 'portInUse' });
    assert.equal(told?.message, 'MCP server "git": It keeps failing. It found port 8123 in use. Free it.');
    assert.equal(noticesOf([alert('crashLoop')])[0]?.message, 'MCP server "git": It keeps failing.');
    const counted = alert('brokenPipes', { value: 7, threshold: 5, windowMs: 60_000 });
    assert.equal(
      noticesOf([counted])[0]?.message,
      'MCP server "git": 7 calls were cut off by a broken pipe within 60 seconds.',
    );
    const { rule, severity, sentence, since, count, isFlapping } = alert('auditTrail');
    const ownTrouble = { rule, severity, sentence, since, count, isFlapping };
    assert.equal(noticesOf([ownTrouble])[0]?.message, 'MCP Lifeline: The engine’s words.');
  });

  it('R11.3 says of a server that is back not what it does now, but what was the case', () => {
    const server = serverSnapshot('git', { sentence: 'It is connected and answers.' });
    assert.equal(alertWords(alert('crashLoop'), server, untranslated), 'It kept failing until a moment ago.');
  });

  it('R11.3 offers what helps against the cause', () => {
    const loop = [alert('crashLoop')];
    assert.deepEqual(titlesOf(loop), ['Force Recovery', 'Show Log']);
    assert.deepEqual(titlesOf(loop, { cause: 'outOfMemory' }), ['Force Recovery', 'Show Log']);
    assert.deepEqual(titlesOf(loop, { cause: 'commandMissing' }), [
      'Fix in Settings',
      'Force Recovery',
      'Show Log',
    ]);
    const holder = { pid: 1, program: 'node', isStale: true };
    assert.deepEqual(titlesOf(loop, { cause: 'portInUse', holder }), [
      'Free the Port',
      'Force Recovery',
      'Show Log',
    ]);
    assert.deepEqual(titlesOf([alert('needsSignIn')]), ['Fix in Settings', 'Force Recovery', 'Show Log']);
    assert.deepEqual(titlesOf([alert('retryRate')]), ['Show Log']);
    const [told] = noticesOf(loop, { cause: 'portInUse', holder });
    for (const action of told?.actions ?? []) action.run();
    assert.deepEqual(ran, ['freePort git', 'recover git', 'log git']);
    ran.length = 0;
    const ofAll = alert('continuity', { value: 0.9, threshold: 0.95 });
    Reflect.deleteProperty(ofAll, 'server');
    const others = noticesOf([alert('needsSignIn'), alert('watchedValue', { subject: 'phi' }), ofAll]);
    for (const action of others.flatMap((other) => other.actions)) action.run();
    assert.deepEqual(ran, ['settings ', 'recover git', 'log git', 'details ', 'log git', 'details ']);
  });

  it('R6.3 what this window tells by itself has buttons that do what they say', () => {
    ran.length = 0;
    const view = viewOf([], {
      engine: { kind: 'recovering', reason: 'no program', failedTries: 3, retryAt: undefined },
      problems: [{ path: 'a.b', message: 'must be text' }],
    });
    const [engine, settings] = windowNotices(view, { haveProblemsStood: true }, actions, untranslated);
    for (const action of [...(engine?.actions ?? []), ...(settings?.actions ?? [])]) action.run();
    assert.deepEqual(ran, ['log ', 'start ', 'details ']);
    // Trying is of no use any more when the engine runs; its log is.
    assert.deepEqual(
      engine?.actions.map(({ isForLater }) => isForLater === true),
      [true, false],
    );
  });

  it('R11.3 an alert that comes and goes makes no notification', () => {
    assert.deepEqual(noticesOf([alert('breakerOpen', { isFlapping: true })]), []);
  });

  it('R1.4 a value that is asked for anyway is no sign-in to be told of', () => {
    const server = serverSnapshot('git', { state: 'needsSignIn', needsInput: ['key'] });
    const view = viewOf([server], { alerts: [alert('needsSignIn')] });
    assert.deepEqual(alertNotices(view, actions, untranslated), []);
  });

  it('a rule of a newer engine is told in the engine’s words', () => {
    const [told] = noticesOf([alert('moonPhase')]);
    assert.equal(told?.message, 'MCP server "git": The engine’s words.');
    assert.equal(told.title, 'moonPhase');
  });

  it('every rule has words of its own', () => {
    for (const rule of alertRuleIds) assert.notEqual(causeTitle(rule, untranslated), rule);
  });
});

describe('notice watch', () => {
  function given(first: HealthView = viewOf([])) {
    const clock = new FakeClock();
    const told = new Map<string, readonly string[]>();
    const state = { view: first };
    const model = new HealthModel(clock, () => state.view, rethrow);
    const act = () => undefined;
    const watch = new NoticeWatch(model, {
      clock,
      gate: {
        update: (source, notices) =>
          told.set(
            source,
            notices.map(({ message }) => message),
          ),
      },
      t: untranslated,
      actions: {
        showLog: act,
        forceRecovery: act,
        freePort: act,
        openSettings: act,
        showDetails: act,
        startEngine: act,
      },
    });
    const become = async (next: HealthView, forMs: number): Promise<void> => {
      state.view = next;
      model.invalidate();
      await clock.advance(forMs);
    };
    return { become, told, watch, clock };
  }
  const recovering = (failedTries: number): HealthView =>
    viewOf([], {
      engine: { kind: 'recovering', reason: 'no program', failedTries, retryAt: undefined },
      hasSnapshot: false,
    });

  it('R6.3 an engine that is down ends no alert: nobody knows', async () => {
    const { become, told } = given();
    await become(viewOf([serverSnapshot('git')], { alerts: [alert('breakerOpen')] }), 1_000);
    assert.equal(told.get('alerts')?.length, 1);
    await become(recovering(1), 1_000);
    assert.equal(told.get('alerts')?.length, 1);
    await become(viewOf([serverSnapshot('git')]), 1_000);
    assert.deepEqual(told.get('alerts'), []);
  });

  it('R6.3 says nothing of one engine loss, and something of the third failed start, until it runs', async () => {
    const { become, told } = given();
    await become(recovering(2), 1_000);
    assert.deepEqual(told.get('window'), []);
    await become(recovering(3), 1_000);
    assert.equal(told.get('window')?.length, 1);
    await become(viewOf([]), 1_000);
    assert.deepEqual(told.get('window'), []);
  });

  it('tells of wrong settings only when they stay wrong', async () => {
    const { become, told, watch, clock } = given();
    const wrong = viewOf([], { problems: [{ path: 'a.b', message: 'must be text' }] });
    await become(wrong, 4_000);
    await become(viewOf([]), 10_000);
    assert.deepEqual(told.get('window'), []);
    await become(wrong, 1_000);
    assert.deepEqual(told.get('window'), []);
    await become(wrong, 5_000);
    assert.deepEqual(told.get('window'), ['A setting of MCP Lifeline cannot be used: a.b must be text.']);
    await become(viewOf([]), 1_000);
    await become(wrong, 1_000);
    assert.deepEqual(told.get('window'), []);
    assert.equal(clock.pending, 1);
    watch.dispose();
    assert.equal(clock.pending, 0);
    await become(viewOf([]), 1_000);
    await become(wrong, 6_000);
    assert.deepEqual(told.get('window'), []);
    assert.equal(clock.pending, 0);
  });
});
