import assert from 'node:assert/strict';
import { BadServerBed, codeOf } from '../support/badServer.ts';
import { textOf } from '../support/lineClient.ts';
import { until } from '../support/testEngine.ts';

/** Far above what is needed (about 150 MB), far below what it would take to keep what such a server sends. */
const MAX_ENGINE_MB = 400;

describe('servers whose next life is bad', () => {
  let given: BadServerBed;
  beforeEach(() => {
    given = new BadServerBed();
  });
  afterEach(() => given.dispose());

  async function assertOthersUnharmed(): Promise<void> {
    assert.ok(await given.neighbourIsServed());
    assert.ok(given.engineMb < MAX_ENGINE_MB, `the engine has ${given.engineMb} MB`);
  }

  for (const [what, turnBad, words] of [
    [
      'whose command is gone',
      () => given.remove(),
      /could not be started: its command ".*server" was not found.*Check "command"/,
    ],
    [
      'that exits at once',
      () => given.turn('exitAtOnce'),
      /exit code 3\).*Its last output: Error: the environment variable API_KEY is missing/,
    ],
    ['that exits a second after its start', () => given.turn('exitLater'), /exit code 5\)/],
  ] as const) {
    it(`R5.5 R14.3 one ${what} is in a crash loop that says why, and a call of a known tool fails at once with it`, async () => {
      await given.start('stdio');
      await turnBad();
      const shown = await given.control.server('bad', ({ state }) => state === 'crashLoop', 20_000);
      assert.match(shown.sentence, words);
      const failed = await given.call('echo', 2_000);
      assert.equal(codeOf(failed), 'crashLoop');
      assert.match(textOf(failed), words);
      assert.match(textOf(failed), /tried again in \d+ s; "MCP Lifeline: Force Recovery" tries at once/);
      await assertOthersUnharmed();
    });
  }

  it('R6.1 R14.3 one that never answers initialize has its tools listed, and a call is told after its time what it waits for', async () => {
    await given.start('stdio', { timeouts: { echo: 2 } });
    await given.turn('neverInitializes');
    const failed = await given.call('echo', 5_000);
    assert.equal(codeOf(failed), 'requestTimeout');
    assert.match(
      textOf(failed),
      /did not become ready within 2 s.*not carried out.*the MCP handshake is under way/,
    );
    const { result } = await given.client.request('tools/list', undefined, 5_000);
    assert.equal((result?.['tools'] as unknown[]).length, 3);
    await assertOthersUnharmed();
  });

  it('R14.3 one that writes garbage between its answers is served, and its log is bounded', async () => {
    await given.start('stdio');
    await given.turn('garbage');
    for (let call = 0; call < 20; call += 1) assert.equal(textOf(await given.call('echo')), 'k');
    await until('the log to have it', () => given.log.includes('not understood and dropped: Starting up'));
    await assertOthersUnharmed();
  });

  for (const [mode, words] of [
    [
      'glued',
      /did not answer the tool "echo" within 1 s\. Meanwhile it sent something.*"Working on it\.\.\. \{"/,
    ],
    [
      'wrongIds',
      /did not answer the tool "echo" within 1 s\. Meanwhile it answered a request that is not open \(id "wrong-/,
    ],
  ] as const) {
    it(`R14.3 a call of one that answers like "${mode}" is told what was seen instead of the answer`, async () => {
      await given.start('stdio', { timeouts: { echo: 1 } });
      await given.turn(mode);
      await given.control.server('bad', ({ state }) => state === 'ready');
      const failed = await given.call('echo', 5_000);
      assert.match(textOf(failed), words);
      // What it answers too late, or for others, is nobody's.
      const again = await given.call('echo', 5_000);
      assert.match(textOf(again), words);
      await assertOthersUnharmed();
    });
  }

  it('R14.3 an answer that comes late is not what another call is told of', async () => {
    await given.start('stdio', { timeouts: { echo: 1 } });
    await given.turn('late');
    await given.control.server('bad', ({ state }) => state === 'ready');
    assert.match(textOf(await given.call('echo', 5_000)), /within 1 s/);
    const second = textOf(await given.call('echo', 5_000)); // the first one's answer comes meanwhile
    assert.match(second, /within 1 s/);
    assert.doesNotMatch(second, /Meanwhile/);
  });

  it('R14.3 a line of 1 GB is dropped, and what follows is served', async () => {
    await given.start('stdio');
    await given.turn('hugeLine');
    assert.equal(textOf(await given.call('echo', 40_000)), 'k');
    await assertOthersUnharmed();
    assert.equal((await given.control.server('bad', ({ state }) => state === 'ready')).metrics.restarts, 1);
  });

  for (const mode of ['hugeAnswer', 'hugeAnswerIdLast']) {
    it(`R14.3 an answer of 1 GB fails its call, long before its deadline: ${mode}`, async () => {
      await given.start('stdio');
      await given.turn(mode);
      await given.control.server('bad', ({ state }) => state === 'ready');
      const failed = await given.call('echo', 40_000);
      assert.equal(failed.isError, true);
      assert.match(
        textOf(failed),
        /answer of more than \d+ MB, which is over the limit; it was dropped\. Ask for less/,
      );
      await assertOthersUnharmed();
    });
  }

  it('R14.3 one that sends 100,000 notifications a second is read more slowly, and still answers', async () => {
    await given.start('stdio');
    await given.turn('notifications');
    for (let call = 0; call < 5; call += 1) {
      assert.equal(textOf(await given.call('echo')), 'k');
      await assertOthersUnharmed();
    }
    assert.equal((await given.control.snapshot()).servers.find(({ id }) => id === 'bad')?.state, 'ready');
  });

  it('R14.3 one that sends notifications instead of its answer to initialize waits for a client that does not read', async () => {
    await given.start('stdio');
    given.client.child.stdout?.pause();
    await given.turn('notificationsInstead');
    const before = given.engineMb;
    const end = Date.now() + 4_000;
    while (Date.now() < end) assert.ok(await given.neighbourIsServed());
    assert.ok(given.engineMb < before + 100, `the engine has grown from ${before} to ${given.engineMb} MB`);
    assert.ok(given.bridgeMb < 200, `the bridge has ${given.bridgeMb} MB`);
    given.client.child.stdout?.resume();
  });

  it('R14.3 10 MB of stderr a second cost nobody anything, and hide neither the state nor the last words', async () => {
    await given.start('stdio');
    await given.turn('stderr');
    await until('the log to tell what was left out', () =>
      /\d+ bytes of its output were left out/.test(given.log),
    );
    assert.equal(textOf(await given.call('echo')), 'k');
    await given.kill();
    await until('the log to tell of the end', () => /\[bad\] \w+ -> broken .*signal SIGKILL/.test(given.log));
    const stderrLines = given.log.split('\n').filter((line) => line.includes('stderr:')).length;
    assert.ok(stderrLines < 5_000, `${stderrLines} lines`);
    await assertOthersUnharmed();
  });

  it('R14.3 one that answers twice answers once', async () => {
    await given.start('stdio');
    await given.turn('twice');
    const id = given.client.send('tools/call', { name: 'echo', arguments: { key: 'k' } });
    await given.client.answerTo(id);
    assert.equal(textOf(await given.call('echo')), 'k');
    assert.equal(given.client.answers.get(id), 1);
    assert.deepEqual(
      [...given.client.answers.values()].filter((count) => count !== 1),
      [],
    );
  });

  it('R14.3 an answer nested a million deep fails its call at once', async () => {
    await given.start('stdio');
    await given.turn('deep');
    await given.control.server('bad', ({ state }) => state === 'ready');
    const failed = await given.call('echo');
    assert.match(textOf(failed), /not JSON, or is nested too deep/);
    await assertOthersUnharmed();
  });

  it('R14.3 10,000 tools that keep changing are known, and cost their neighbours little', async () => {
    await given.start('stdio');
    await given.turn('changingTools');
    await given.control.server('bad', ({ catalogue }) => catalogue?.tools === 10_000);
    for (let call = 0; call < 10; call += 1) {
      assert.equal(textOf(await given.call('echo')), 'k');
      await assertOthersUnharmed();
    }
  });
});
