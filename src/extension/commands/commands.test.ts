import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { untranslated } from '../translate.ts';
import { actionMessage, noServerFor, questionFor } from './actionWords.ts';
import { interruptedServers, interruptionQuestion, recoveryMessage } from './recoveryWords.ts';
import { serverArgument } from './serverArgument.ts';
import { statusReport } from './statusReport.ts';

const busy = (id: string, inFlight: number, state: 'ready' | 'suspect' = 'ready') =>
  serverSnapshot(id, { state, metrics: { inFlight } });
const names = (servers: readonly { name: string }[]) => servers.map(({ name }) => name);

describe('force recovery', () => {
  it('R5.6 asks only about servers that it would touch', () => {
    const view = viewOf([busy('healthy', 3), busy('stuck', 2, 'suspect'), serverSnapshot('quiet')]);
    assert.deepEqual(names(interruptedServers(view, { mode: 'recover' })), ['stuck']);
    assert.deepEqual(names(interruptedServers(view, { mode: 'recover', server: 'healthy' })), ['healthy']);
    assert.deepEqual(interruptedServers(view, { mode: 'restart', server: 'quiet' }), []);
  });

  it('R5.6 asks with the number of calls and the names, and tells what it means for whoever waits', () => {
    const { servers } = viewOf([busy('a', 2), busy('b', 1)]);
    const { message, detail } = interruptionQuestion(servers, untranslated);
    assert.equal(message, 'End 3 running calls on a, b?');
    assert.match(detail, /gets an error/);
    assert.equal(interruptionQuestion(servers.slice(1), untranslated).message, 'End the running call on b?');
  });

  it('R5.6 tells the result of each server', () => {
    const result = (server: string, outcome: 'recovered' | 'failed' | 'skipped', message = '') => ({
      server,
      outcome,
      message,
      durationMs: 320,
    });
    assert.deepEqual(
      recoveryMessage(
        {
          results: [
            result('a', 'recovered'),
            result('b', 'failed', 'No such program.'),
            result('c', 'skipped'),
          ],
        },
        untranslated,
      ),
      { severity: 'warning', message: 'Recovered: a (320 ms). Failed: b. No such program.', logOf: 'b' },
    );
    const busy = { ...result('b', 'skipped'), runningCalls: 1 };
    assert.equal(
      recoveryMessage({ results: [result('a', 'skipped'), busy] }, untranslated).message,
      'Left alone, because calls are running on it: b.',
    );
    assert.match(
      recoveryMessage({ results: [result('a', 'skipped'), result('b', 'skipped')] }, untranslated).message,
      // Some may be isolated, or offer less: nothing is said of their health.
      /^No server needs a recovery\. All were left alone\.$/,
    );
  });
});

describe('actions on one server', () => {
  it('R12.4 have words for each: the question, that there is none, and that it is done', () => {
    for (const action of ['resetBreaker', 'isolate', 'rejoin', 'freePort', 'acceptChange'] as const) {
      assert.match(questionFor(action, untranslated), /^Select the server/);
      assert.match(noServerFor(action, untranslated), /\.$/);
      assert.match(actionMessage(action, 'git', untranslated), /"git"/);
    }
  });
});

describe('command argument', () => {
  it('takes a name or a tree node, and nothing else', () => {
    assert.equal(serverArgument('git'), 'git');
    assert.equal(serverArgument({ server: 'git' }), 'git');
    for (const other of [undefined, null, '', 7, {}, { server: 7 }, []]) {
      assert.equal(serverArgument(other), undefined);
    }
  });
});

describe('status report', () => {
  it('R6.3 is readable without an engine', () => {
    const view = viewOf([serverSnapshot('git')], { engine: { kind: 'stopped' } });
    assert.match(statusReport(view, untranslated), /engine is stopped/i);
  });

  it('keeps what a server says inside its cell', () => {
    const server = serverSnapshot('git', { state: 'crashLoop', sentence: 'a | b\n\n# c' });
    const report = statusReport(viewOf([server]), untranslated);
    assert.match(report, /\|\s+a \\\| b \\# c \|/);
  });
});
