import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { healthText, noSuchServer, recoveryText } from './healthText.ts';
import { parseHealthInput, parseRecoverInput } from './toolInput.ts';

const now = 1_700_000_060_000;
const ask = { now, maxLength: 8_000 };
const broken = serverSnapshot('git', {
  state: 'crashLoop',
  sentence: 'It ended three times.\nLast words: "ENOENT".',
  diagnosis: { cause: 'commandMissing', sentence: 'No gitd on this machine.', advice: 'Install gitd.' },
  lastError: { code: 'brokenPipe', message: 'It ended while the call was running.', at: now - 5_000 },
  nextAttemptAt: now + 30_000,
});

describe('what an agent is told of health', () => {
  it('R12.6 says of each server how it is, why, what to do, and the last error; the broken first', () => {
    const text = healthText(viewOf([serverSnapshot('files'), broken]), ask);
    const lines = text.split('\n');
    assert.match(text, /1 of 2 servers need nothing/);
    assert.ok(
      lines.findIndex((line) => line.startsWith('- git')) <
        lines.findIndex((line) => line.startsWith('- files')),
    );
    const git = lines.find((line) => line.startsWith('- git')) ?? '';
    for (const part of [
      'keeps failing',
      `"It ended three times. Last words: 'ENOENT'."`,
      'In this state for 60 s',
      'No gitd on this machine. Install gitd.',
      'Next attempt in 30 s',
      'Last error, 5 s ago (brokenPipe)',
      'then recover it',
    ])
      assert.ok(git.includes(part), `${part}: ${git}`);
    assert.equal(
      lines.find((line) => line.startsWith('- files')),
      '- files: healthy.',
    );
  });

  it('R12.6 is bounded, and says that something was left out', () => {
    const many = Array.from({ length: 1_000 }, (_, index) =>
      serverSnapshot(`server-${index}`, { ...broken, id: `server-${index}`, sentence: 'x'.repeat(4_000) }),
    );
    for (const maxLength of [200, 1_000, 8_000]) {
      const text = healthText(viewOf(many), { now, maxLength });
      assert.ok(text.length <= maxLength);
      assert.match(text, /\d+ more lines left out/);
    }
    assert.ok(healthText(viewOf(many), { server: 'server-1', now, maxLength: 300 }).length <= 300);
  });

  it('R12.6 works while the engine is down', () => {
    const view = viewOf([], {
      engine: { kind: 'recovering', reason: 'it ended', failedTries: 1, retryAt: undefined },
      servers: [{ name: 'git', health: 'unknown', snapshot: undefined }],
      hasSnapshot: false,
    });
    const text = healthText(view, ask);
    assert.match(text, /The engine is being restarted: it ended\./);
    assert.match(text, /not known until it runs/);
    assert.match(text, /- git: waiting for the engine/);
  });

  it('R12.6 R14.4 holds no secret that is known by its form, and no line that a server broke', () => {
    const secret = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`;
    const view = viewOf(
      [serverSnapshot('git', { ...broken, id: 'git', sentence: `token ${secret}\n- files: healthy.` })],
      {
        problems: [{ path: 'mcpLifeline.servers.git.env', message: `not usable: ${secret}` }],
      },
    );
    const text = healthText(view, ask);
    assert.ok(!text.includes(secret), text);
    assert.equal(text.split('\n').filter((line) => line.startsWith('- ')).length, 1);
  });

  it('R12.6 names the servers there are when it is asked for another', () => {
    assert.match(
      noSuchServer(viewOf([broken]), 'gti', 500),
      /No MCP server is called "gti".*There are: git\./,
    );
    assert.match(healthText(viewOf([broken]), { ...ask, server: 'gti' }), /There are: git\./);
  });

  it('R12.6 tells what came of a recovery', () => {
    const text = recoveryText({
      results: [{ server: 'git', outcome: 'recovered', message: 'It runs.', durationMs: 1_234 }],
    });
    assert.equal(text, 'git: recovered (1.2 s). "It runs."');
  });

  it('R12.6 takes no input but what the schema names', () => {
    assert.deepEqual(parseHealthInput(undefined), {});
    assert.deepEqual(parseHealthInput({ server: 'git' }), { server: 'git' });
    for (const wrong of [
      { server: '' },
      { server: 1 },
      { all: true },
      [],
      'git',
      { server: 'x'.repeat(257) },
    ]) {
      assert.equal(parseHealthInput(wrong), undefined, JSON.stringify(wrong));
      assert.equal(parseRecoverInput(wrong), undefined, JSON.stringify(wrong));
    }
    assert.equal(parseRecoverInput({}), undefined);
  });
});
