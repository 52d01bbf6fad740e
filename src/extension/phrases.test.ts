import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bookOfPhrases } from './phrases.ts';
import { said, untranslated, type Translate } from './translate.ts';

const bundlePath = join(import.meta.dirname, '..', '..', 'l10n', 'bundle.l10n.pt-br.json');
const bundle = JSON.parse(readFileSync(bundlePath, 'utf8')) as Record<string, string>;
const portuguese: Translate = (message, ...args) => untranslated(bundle[message] ?? message, ...args);
portuguese.said = bookOfPhrases(portuguese);

describe('phrases of the engine', () => {
  it('R1.5 are told in the language of the window, with names, clauses and numbers in their places', () => {
    assert.equal(
      said(
        'It keeps failing and is tried again at long intervals. The MCP server "a.b" ended unexpectedly (exit code 1): port 80 is in use. Port 80 is held by "node" (process 7).',
        portuguese,
      ),
      'Continua falhando e volta a ser tentado em intervalos longos. O servidor MCP "a.b" terminou inesperadamente (código de saída 1): a porta 80 está em uso. A porta 80 está ocupada por "node" (processo 7).',
    );
    assert.equal(
      said(
        'It answers, but since a restart it lacks what it had before: 1 tool ("x"); all 2 prompts ("y", "z").',
        portuguese,
      ),
      'Ele responde, mas desde um reinício falta o que havia antes: 1 ferramenta ("x"); todos os 2 prompts ("y", "z").',
    );
  });

  it('leaves what servers and systems say as it is, and what it does not know', () => {
    assert.equal(
      said('The connection was lost. Its last output: No. The connection was lost. {0} $& "', portuguese),
      'A conexão foi perdida. Últimas linhas de saída: No. The connection was lost. {0} $& "',
    );
    const unknown = 'A sentence of tomorrow, v1.2. The connection was lost. And: more';
    assert.equal(said(unknown, portuguese), 'A sentence of tomorrow, v1.2. A conexão foi perdida. And: more');
    assert.equal(said(unknown, untranslated), unknown);
    assert.equal(said('', portuguese), '');
  });

  it('R14.3 takes no longer for what a hostile server says', () => {
    const begins = performance.now();
    for (const part of ['The MCP server "', 'Port 1 is held by ', 'The MCP server "a" (', '. ', '" ('])
      assert.equal(typeof said(part.repeat(Math.floor(4_000 / part.length)), portuguese), 'string');
    const ms = performance.now() - begins;
    assert.ok(ms < 5_000, `${ms} ms`);
  });
});
