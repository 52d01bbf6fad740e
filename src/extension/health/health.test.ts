import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, snapshotOf, viewOf } from '../../../test/support/healthBuilders.ts';
import { parseServerConfig } from '../../shared/settings/serverConfig.ts';
import { HealthModel } from './healthModel.ts';
import { buildHealthView, healthOf, worstFirst, type HealthView } from './healthView.ts';
import { breakerWords, escapeMarkdown, stateSentence } from './words.ts';

const { config } = parseServerConfig('x', { command: 'x' }, { pathPrefix: 's', trustByDefault: true });
const configured = [
  { name: 'b', enabled: true, config },
  { name: 'a', enabled: true, config },
  { name: 'off', enabled: false, config },
  { name: 'wrong', enabled: false, config: undefined },
];

function build(changes: Partial<Parameters<typeof buildHealthView>[0]> = {}): HealthView {
  return buildHealthView({
    engine: { kind: 'running', pid: 1 },
    trusted: true,
    configured,
    configProblems: [],
    snapshot: snapshotOf([serverSnapshot('a'), serverSnapshot('stranger')]),
    ...changes,
  });
}

describe('health view', () => {
  it('follows the settings: their servers, in their order', () => {
    assert.deepEqual(
      build().servers.map(({ name, health }) => `${name} ${health}`),
      ['b unknown', 'a healthy', 'off disabled', 'wrong invalid'],
    );
  });

  it('believes no snapshot once the engine is gone', () => {
    const { servers } = build({
      engine: { kind: 'recovering', reason: 'lost', failedTries: 0, retryAt: undefined },
    });
    assert.ok(servers.every(({ snapshot }) => snapshot === undefined));
  });

  it('shows a problem that both sides found once', () => {
    const problem = { path: 'p', message: 'm' };
    const { problems } = build({ configProblems: [problem], snapshot: snapshotOf([], [{ ...problem }]) });
    assert.deepEqual(problems, [problem]);
  });

  it('tells its listeners of several changes at once, and of none when nothing differs', async () => {
    const clock = new FakeClock();
    let view = viewOf([serverSnapshot('a')]);
    const model = new HealthModel(
      clock,
      () => view,
      () => undefined,
    );
    const told: HealthView[] = [];
    model.onDidChange((next) => told.push(next));
    model.invalidate();
    await clock.advance(1_000);
    assert.equal(told.length, 0);
    view = viewOf([serverSnapshot('a', { state: 'broken' })]);
    model.invalidate();
    model.invalidate();
    await clock.advance(1_000);
    assert.equal(told.length, 1);
    model.dispose();
    assert.equal(clock.pending, 0);
  });
});

describe('health of a server', () => {
  const recovery = { outages: 1, attempts: 1, successes: 0, abandoned: 0 };

  it('R12.1 is a start at first, a recovery after a loss, and down once a try has failed, also during the next', () => {
    for (const state of ['connecting', 'initializing', 'probing'] as const) {
      assert.equal(healthOf(serverSnapshot('a', { state })), 'busy');
      assert.equal(healthOf(serverSnapshot('a', { state, metrics: { recovery } })), 'busy');
    }
    for (const state of ['connecting', 'initializing', 'probing', 'broken', 'recovering'] as const) {
      const outage = (failures: number) =>
        serverSnapshot('a', { state, metrics: { recovery: { ...recovery, since: 1, failures } } });
      assert.equal(healthOf(outage(0)), 'recovering');
      assert.equal(healthOf(outage(1)), 'down');
      const one = serverSnapshot('a', { state, metrics: { recovery: { ...recovery, failures: 0 } } });
      assert.equal(healthOf(one), 'recovering', 'another connection is usable, but one is lost');
    }
  });

  it('R12.1 stands with the worst first, and otherwise in the order of the settings', () => {
    const { servers } = viewOf([
      serverSnapshot('a'),
      serverSnapshot('b', { state: 'recovering' }),
      serverSnapshot('c', { state: 'idle' }),
      serverSnapshot('d', { state: 'crashLoop' }),
    ]);
    assert.deepEqual(
      worstFirst(servers).map(({ name }) => name),
      ['d', 'b', 'a', 'c'],
    );
  });
});

describe('words', () => {
  it('makes foreign text harmless in Markdown', () => {
    assert.equal(escapeMarkdown('a|b\n<x> $(y)'), 'a\\|b &lt;x\\> \\$\\(y\\)');
  });
});

describe('words of the breaker', () => {
  it('R12.2 count failures as a person would', () => {
    const t = (message: string, ...values: unknown[]): string =>
      message.replaceAll(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));
    const words = (failures: number): string =>
      breakerWords(serverSnapshot('s', { breaker: { state: 'closed', failures } }), t);
    assert.deepEqual([0, 1, 2].map(words), ['closed', 'closed, one failure', 'closed, 2 failures in a row']);
  });
});

describe('the sentence of a server', () => {
  it('R12.2 does not say that one answers whose last call failed', () => {
    const t = (message: string): string => message;
    const ready = (lastCallFailed?: boolean): string =>
      stateSentence(
        serverSnapshot('s', { state: 'ready', ...(lastCallFailed === undefined ? {} : { lastCallFailed }) }),
        t,
      );
    assert.equal(ready(), 'It is connected and answers.');
    assert.equal(ready(true), 'It is connected, but the last call failed.');
  });
});
