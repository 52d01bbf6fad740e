import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bookOfPhrases, phraseTexts } from '../../src/extension/phrases.ts';
import { said, untranslated, type Translate } from '../../src/extension/translate.ts';
import { describeEmpty } from '../../src/engine/catalogue/emptyAnswers.ts';
import { describeMissing } from '../../src/engine/catalogue/shrinkage.ts';
import { convictionFault } from '../../src/engine/health/verdict.ts';
import { diagnose } from '../../src/engine/recovery/diagnosis/diagnose.ts';
import { exitFault } from '../../src/engine/recovery/diagnosis/exitFault.ts';
import { awaitsInputSentence } from '../../src/engine/servers/inputDesk.ts';
import { networkFailure, statusFailure } from '../../src/engine/upstream/http/httpFaults.ts';
import { goneFault, startTimeoutFault } from '../../src/engine/upstream/launchFaults.ts';

const root = join(import.meta.dirname, '..', '..');

/** A language in which every text of the book is empty, so that what is left is what the book does not know, and what servers say. */
const blank: Translate = (message, ...args) =>
  `«${args.filter((_, index) => !message.includes(`"{${index}}"`)).join('|')}»`;
blank.said = bookOfPhrases(blank);
/** Names of HTTP are the same everywhere. */
const unknownWords = (text: string): string =>
  said(text, blank).replace(/"[^"]*"|\b\d{3}(?: [A-Z][a-z]+)+/g, '');

const outputs = [
  'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080',
  "Error: Cannot find module 'left-pad'",
  'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
  'sh: 1: uvx: not found',
  'Error: Invalid API key provided',
  'Error: connect ECONNREFUSED 127.0.0.1:5432',
];
const exits = [
  ...[0, 1, 126, 127, 134, 137, 139, 143].map((code) => ({ code })),
  ...['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGABRT', 'SIGSYS'].map((signal) => ({ signal })),
];

/** What the engine really says of servers that are down or not as before. */
function sentencesOfTheEngine(): string[] {
  const exitFaults = exits.flatMap((exit) =>
    ['', ...outputs].flatMap((output) =>
      [true, false].map((wasUp) => ({
        fault: exitFault({ server: 'a', exit, output, wasUp }),
        output,
        wasUp,
      })),
    ),
  );
  const others = [
    goneFault('a'),
    ...[true, false].flatMap((isHttp) =>
      [true, false].map((isInitialized) =>
        startTimeoutFault('a', { limitMs: 60_000, isHttp, isInitialized }),
      ),
    ),
    ...(['silence', 'deadline', 'unreachable', 'network'] as const).map((cause) =>
      convictionFault(cause, { server: 'a', pid: 1 }, 5_000),
    ),
    ...['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].map(
      (code) => networkFailure('a', 'x.test', Object.assign(new Error('no'), { code }), false).fault,
    ),
    ...[400, 401, 403, 404, 429, 500, 503].map(
      (status) =>
        statusFailure({
          server: 'a',
          status,
          contentType: '',
          body: new Uint8Array(),
          hasSession: false,
        } as never).fault,
    ),
  ].map((fault) => ({ fault, output: '', wasUp: false }));
  const diagnoses = [...exitFaults, ...others].map(diagnose);
  const missing = ['tools', 'prompts', 'resources'].flatMap((kind) =>
    [['x'], ['x', 'y'], ['p', 'q', 'r', 's', 'u', 'v', 'w', 'x', 'y', 'z']].flatMap((names) =>
      [0, 3].map((left) => describeMissing({ [kind]: names }, () => left)),
    ),
  );
  return [
    ...diagnoses.flatMap(({ sentence, advice }) => [sentence, advice]),
    ...[...missing, describeEmpty(['x'])].map((degraded) => degraded?.sentence ?? ''),
    awaitsInputSentence(['token']),
    awaitsInputSentence(['a', 'b']),
    // As `serverWatch.ts` words it; a part of a larger object there.
    'The watched value "phi" is 0.021, below its threshold of 0.03.',
    'The watched value "phi" is 2, above its threshold of 1.5.',
  ];
}

describe('the book of phrases', () => {
  it('R1.5 knows what the engine says of servers that are down, or not as before', () => {
    const unknown = sentencesOfTheEngine().filter((text) =>
      /[A-Za-z]{2,} [A-Za-z]{2,}/.test(unknownWords(text)),
    );
    assert.deepEqual([...new Set(unknown)], []);
  });

  it('has no phrase that the engine does not say any more', () => {
    const source = ['engine', 'shared']
      .flatMap((part) =>
        readdirSync(join(root, 'src', part), { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
          .map((name) => readFileSync(join(root, 'src', part, name), 'utf8')),
      )
      .join('\n')
      .replaceAll("\\'", "'");
    const madeUp = new Set(['It keeps failing.']);
    const stale = phraseTexts.filter((text) => {
      // Of what is put together in the source each word has to be there.
      const words = text.replace(/\{\d\}/g, ' ').match(/[A-Za-z]{3,}/g) ?? [];
      return !madeUp.has(text) && !words.every((word) => source.includes(word));
    });
    assert.deepEqual(stale, []);
  });

  it('translates nothing into English', () => {
    assert.equal(said('The connection was lost.', untranslated), 'The connection was lost.');
  });
});
