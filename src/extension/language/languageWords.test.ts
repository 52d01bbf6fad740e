import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { findingCodes, fixCodes } from '../../shared/protocol/languageMessages.ts';
import { untranslated as t } from '../translate.ts';
import { codedSentence, lensTitle, mcpEntryMarkdown, serverMarkdown } from './languageWords.ts';

describe('words of the language features', () => {
  it('R12.5 has a sentence for every finding, and a title for every fix', () => {
    for (const code of [...findingCodes, ...fixCodes]) {
      const words = codedSentence({ code, args: ['first', 'second'] }, t);
      assert.ok(words.length > 5 && !/\{\d\}/.test(words), words);
    }
    assert.equal(
      codedSentence({ code: 'badValue', args: ['tier', 'must be "high"'] }, t),
      '"tier" must be "high".',
    );
  });

  it('R12.5 a hover tells state, breaker, latency and the last error', () => {
    const server = serverSnapshot('git', {
      latency: { p50Ms: 12, p95Ms: 40, p99Ms: 50, samples: 9, lastMs: 3 },
      lastError: { code: 'requestTimeout', message: 'It was too slow.', at: 1_700_000_000_000 },
      metrics: { total: 9, successful: 8, failed: 1 },
    });
    const text = serverMarkdown('git', viewOf([server]), t);
    for (const part of [/\*\*git\*\* — healthy/, /Breaker: closed/, /p50 12 ms/, /Last error.*too slow/])
      assert.match(text, part);
  });

  it('R12.5 R14.4 what a server or a file says becomes no link and runs nothing', () => {
    const evil = '[x](command:evil) <img src=a> $(bug)\n# y';
    const server = serverSnapshot(evil, { lastError: { code: 'requestTimeout', message: evil, at: 0 } });
    for (const text of [
      serverMarkdown(evil, viewOf([server]), t),
      serverMarkdown(evil, viewOf([]), t),
      mcpEntryMarkdown(evil, true, t),
    ]) {
      assert.ok(!text.includes('](command:') && !text.includes('<img') && !text.includes('\n# '), text);
    }
  });

  it('R12.5 R1.6 says why nothing is known', () => {
    assert.match(serverMarkdown('a', viewOf([], { trusted: false }), t), /Restricted Mode/);
    assert.match(serverMarkdown('a', viewOf([]), t), /does not have this entry/);
    const unknown = { name: 'a', health: 'unknown' as const, snapshot: undefined };
    assert.match(serverMarkdown('a', viewOf([], { servers: [unknown] }), t), /The engine is running/);
  });

  it('R12.5 a lens says the state and no figures, so that it does not flicker', () => {
    const at = (p50Ms: number): string =>
      lensTitle(
        viewOf([serverSnapshot('a', { latency: { p50Ms, p95Ms: 1, p99Ms: 1, samples: 1, lastMs: 1 } })])
          .servers[0] ?? assert.fail(),
        t,
      );
    assert.equal(at(1), '$(pass-filled) healthy');
    assert.equal(at(1), at(999));
  });
});
