import assert from 'node:assert/strict';
import { BadServerBed, codeOf } from '../support/badServer.ts';
import { textOf } from '../support/lineClient.ts';

const MAX_ENGINE_MB = 400;
const TIMEOUT_S = 3;
const ended = /within 3 s/;

/** How the server answers everything from now on, what a call that may be repeated is told, and the state it comes to. */
const cases: readonly (readonly [
  mode: string,
  codes: readonly string[],
  words: RegExp,
  states?: readonly string[],
])[] = [
  ['400', ['sessionLost', 'requestTimeout', 'crashLoop'], /400 Bad Request/, ['recovering', 'crashLoop']],
  [
    '401',
    ['authRequired'],
    /401 Unauthorized.*needs a sign-in or a token\. Check "headers"/,
    ['needsSignIn'],
  ],
  ['403', ['forbidden'], /403 Forbidden.*Check "headers"/],
  ['404', ['sessionLost', 'requestTimeout', 'crashLoop'], /404 Not Found/, ['recovering', 'crashLoop']],
  ['429', ['rateLimited', 'requestTimeout'], /429 Too Many Requests|within 3 s/],
  ['429:60', ['rateLimited'], /429 Too Many Requests.*fewer calls/],
  ['500', ['serverError'], /500 Internal Server Error.*error of its own/],
  ['503', ['unavailable', 'circuitOpen', 'requestTimeout'], /503 Service Unavailable|within 3 s/],
  ['503:60', ['unavailable'], /503 Service Unavailable.*not available/],
  ['html', ['protocolGarbage'], /"text\/html" instead of JSON: check "url"/],
  ['redirect', ['httpError'], /307: it refers to "http:\/\/localhost:9\/elsewhere".*not sent on/],
  ['drip', ['requestTimeout'], ended],
  [
    'reset',
    ['connectionReset', 'circuitOpen', 'requestTimeout'],
    /closed before its answer was complete|within 3 s/,
  ],
  ['endlessEvents', ['requestTimeout'], ended],
  ['endlessJson', ['protocolGarbage'], /over the limit/],
  ['silent', ['requestTimeout'], ended],
];

describe('HTTP servers that turn bad', () => {
  let given: BadServerBed;
  beforeEach(() => {
    given = new BadServerBed();
  });
  afterEach(() => given.dispose());

  async function assertOthersUnharmed(): Promise<void> {
    assert.ok(await given.neighbourIsServed());
    assert.ok(given.engineMb < MAX_ENGINE_MB, `the engine has ${given.engineMb} MB`);
  }

  for (const [mode, codes, words, states] of cases) {
    it(`R2.3 R14.3 ${mode}: a call is told what happened, in time, and the lists stay`, async () => {
      await given.start('http', { timeouts: { echo: TIMEOUT_S, record: TIMEOUT_S } });
      await given.turn(mode);
      const failed = await given.call('echo', (TIMEOUT_S + 2) * 1_000);
      assert.equal(failed.isError, true);
      assert.ok(codes.includes(String(codeOf(failed))), String(codeOf(failed)));
      assert.match(textOf(failed), words);
      const { result } = await given.client.request('tools/list', undefined, 5_000);
      assert.equal((result?.['tools'] as unknown[]).length, 2);
      if (states !== undefined) await given.control.server('bad', ({ state }) => states.includes(state));
      const { servers } = await given.control.snapshot();
      assert.doesNotMatch(servers.find(({ id }) => id === 'bad')?.sentence ?? '', /connected and answers/);
      await assertOthersUnharmed();
    });
  }

  it('R14.3 what a call is tried again after is shown while it is', async () => {
    await given.start('http');
    await given.turn('503');
    const call = given.call('echo', 10_000);
    const shown = await given.control.server('bad', ({ lastError }) => lastError !== undefined, 5_000);
    assert.equal(shown.lastError?.code, 'unavailable');
    assert.match(shown.sentence, /The last call failed: .*503 Service Unavailable/);
    assert.match(textOf(await call), /503 Service Unavailable/);
  });

  it('R14.3 nothing listens any more: what could not be delivered is tried again, and told', async () => {
    await given.start('http', { timeouts: { echo: TIMEOUT_S } });
    await given.remove();
    const failed = await given.call('echo', (TIMEOUT_S + 2) * 1_000);
    assert.equal(failed.isError, true);
    assert.match(textOf(failed), /nothing listens there|within 3 s/);
    const shown = await given.control.server('bad', ({ state }) => state === 'recovering', 20_000);
    assert.match(shown.sentence, /cannot be reached: nothing listens there.*Check "url"/);
    await assertOthersUnharmed();
  });

  it('R14.3 endless events on several streams at once are read no faster than they are handled', async () => {
    await given.start('http', { timeouts: { echo: 1 } });
    await given.turn('endlessEvents');
    // Each call leaves its stream for a second, so that there are several.
    for (let call = 0; call < 3; call += 1) {
      assert.match(textOf(await given.call('echo', 5_000)), /within 1 s/);
      await assertOthersUnharmed();
    }
    assert.match(
      textOf(await given.call('echo', 5_000)),
      /held back.*The last failure, of another call: .*within 1 s/,
    );
    await given.control.server('bad', ({ state }) => state === 'initializing', 30_000);
    await given.turn('well');
    await assertOthersUnharmed();
  });

  for (const mode of ['500', '503', 'reset', 'drip', 'endlessEvents']) {
    it(`R2.4 ${mode}: a call that may not be repeated is run once at most, and its outcome unknown`, async () => {
      await given.start('http', { timeouts: { record: TIMEOUT_S } });
      await given.turn(`calls ${mode}`);
      const failed = await given.call('record', (TIMEOUT_S + 2) * 1_000);
      assert.equal(codeOf(failed), 'outcomeUnknown');
      assert.ok(given.bed.executions('record', 'k') <= 1);
      await given.turn('well');
      assert.equal(textOf(await given.call('echo')), 'k');
      assert.ok(given.bed.executions('record', 'k') <= 1);
    });
  }
});
