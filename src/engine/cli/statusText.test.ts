import assert from 'node:assert/strict';
import { serverSnapshot, snapshotOf } from '../../../test/support/healthBuilders.ts';
import { isUnhealthy, serverText, statusText } from './statusText.ts';

const now = 1_700_000_100_000;
const shown = (...args: Parameters<typeof serverSnapshot>): string =>
  statusText(snapshotOf([serverSnapshot(...args)]), { now, isColoured: false });

describe('status on the command line', () => {
  it('R5.3 says how long a server has been busy, which is no failure', () => {
    const busySince = now - 23_400;
    assert.match(shown('s', { busySince }), /ready, busy for 23s/);
    assert.equal(isUnhealthy(serverSnapshot('s', { busySince })), false);
  });

  it('R5.10 says what is missing, and that something is', () => {
    const degraded = {
      reason: 'fewerTools',
      sentence: 'It lists 2 of 4 tools.',
      missing: ['a', 'b\u001b'],
    } as const;
    const server = { degraded: { ...degraded, missing: [...degraded.missing] } };
    assert.match(shown('s', server), /ready, degraded[\s\S]*s: It lists 2 of 4 tools\. Missing: a, b\s?\./);
    assert.equal(isUnhealthy(serverSnapshot('s', server)), true);
  });

  it('R5.5 says why a server is down, and what can be done', () => {
    const diagnosis = { cause: 'portInUse', sentence: 'Port 80 is taken.', advice: 'Free it.' } as const;
    assert.match(shown('s', { state: 'crashLoop', diagnosis }), /s: Port 80 is taken\. Free it\./);
  });

  it('R1.4 R12.4 says what to do at a terminal, not in VS Code', () => {
    const failed = (
      code: 'inputNeeded' | 'circuitOpen' | 'crashLoop',
      message: string,
      id = 's',
    ): Parameters<typeof serverSnapshot> => [
      id,
      { state: 'needsSignIn', sentence: message, lastError: { code, message, at: now } },
    ];
    const both = (...given: ReturnType<typeof failed>): string => {
      const server = serverSnapshot(...given);
      const view = { now, isColoured: false };
      return `${statusText(snapshotOf([server]), view)}\n${serverText(snapshotOf([server]), server, view)}`;
    };
    const needed = 'The MCP server "s" needs the value of the input "key".';
    const set = 'Set "MCP_LIFELINE_INPUT_KEY" in the environment of the engine, and start it again.';
    const missing = both(...failed('inputNeeded', `${needed} ${set}`));
    assert.ok(missing.includes(set));
    assert.doesNotMatch(missing, /MCP Lifeline:/);
    const wrong = both(...failed('inputNeeded', `${needed} With the value that was given, "url" is no URL.`));
    assert.match(
      wrong,
      /Set its "MCP_LIFELINE_INPUT_…" anew .* in VS Code use "MCP Lifeline: Enter Input Value"/,
    );
    const inWindow = 'It was not entered. "MCP Lifeline: Enter Input Value" asks for it again.';
    assert.doesNotMatch(both(...failed('inputNeeded', `${needed} ${inWindow}`)), /MCP_LIFELINE_INPUT/);
    const tries = 'It is tried again in 20 s; "MCP Lifeline: Force Recovery" tries at once.';
    const recovery = both(...failed('circuitOpen', tries));
    assert.match(
      recovery,
      /in 20 s; "mcp-lifeline recover s" tries at once\. Wait, or use "mcp-lifeline recover s"/,
    );
    assert.doesNotMatch(recovery, /MCP Lifeline:/);
    assert.match(
      both(...failed('crashLoop', 'x', 'my $& server')),
      /use "mcp-lifeline recover 'my \$& server'"/,
    );
    const alert = {
      rule: 'retryRate',
      server: 's',
      severity: 'warning',
      sentence: tries,
      since: 0,
      count: 1,
      isFlapping: false,
    } as const;
    const text = statusText(
      { ...snapshotOf([serverSnapshot('s')]), alerts: [alert] },
      { now, isColoured: false },
    );
    assert.match(text, /"mcp-lifeline recover s" tries at once/);
  });

  it('R4 says who waits only when somebody does, and the address in use where there are several', () => {
    const pool = { available: 0, max: 10, limit: 4, queued: 3 };
    assert.match(
      shown('s', { pool, endpoint: 'https://b' }),
      /wait for a place: 3, .*: 4\ns: address in use: https:\/\/b/,
    );
    assert.doesNotMatch(shown('s', { pool: { ...pool, queued: 0 } }), /wait for a place/);
  });

  it('R10.2 says how often a server is asked only while that is limited', () => {
    const rate = { current: 4.5, max: 1_000, queued: 3, rejected: 2 };
    assert.match(shown('s', { rate }), /s: requests per second at most: 4\.5, waiting: 3, turned away: 2/);
    assert.doesNotMatch(shown('s', {}), /requests per second/);
  });
});
