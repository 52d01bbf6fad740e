import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import { diagnosticsText, type Facts } from './diagnosticsText.ts';
import { readLogTails } from './logTails.ts';

const home = '/home/somebody';
const factsOf = (changes: Partial<Facts> = {}): Facts => ({
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  environment: [['MCP Lifeline', '0.1.0']],
  engine: 'The engine is stopped.',
  settings: {},
  parts: [{ title: 'Snapshot', value: 'Not available: the engine is not running' }],
  logs: [],
  ...changes,
});

describe('the text of the diagnostics', () => {
  it('R12.4 R14.4 holds none of the secrets that are planted everywhere', () => {
    const settings = {
      servers: [
        {
          name: 'git',
          entry: {
            command: `${home}/bin/gitd`,
            args: ['--api-key', 'arg-secret-Zq81xx'],
            env: { API_TOKEN: 'env-secret-Kp92yy', HARMLESS: 'quiet-value-77' },
            headers: { Authorization: 'Bearer header-secret-Lm03zz', 'X-Tenant': 'tenant-value-88' },
            url: 'https://user:url-secret-Wr14@example.com/mcp?api_key=query-secret-Ht25',
          },
        },
      ],
    };
    const stored = ['stored-secret-Bv36'];
    const known = [
      'arg-secret-Zq81xx',
      'env-secret-Kp92yy',
      'header-secret-Lm03zz',
      'url-secret-Wr14',
      'query-secret-Ht25',
      ...stored,
    ];
    const byForm = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`;
    const everywhere = [...known, byForm].join(' ');
    const text = diagnosticsText(
      factsOf({
        settings,
        engine: everywhere,
        environment: [[everywhere, everywhere]],
        parts: [
          { title: everywhere, value: { quoted: everywhere, "with's": [everywhere] } },
          { title: 'Events', value: known.map((secret) => ({ call: secret })), isList: true },
        ],
        logs: [
          { name: 'w.log', tail: `${everywhere}\n${Buffer.from('env-secret-Kp92yy').toString('base64')}` },
        ],
      }),
      { secrets: [...secretsIn(settings), ...stored], home },
    );
    for (const secret of [...known, byForm, 'quiet-value-77', 'tenant-value-88', home])
      assert.ok(!text.includes(secret), secret);
    assert.ok(!text.includes(Buffer.from('env-secret-Kp92yy').toString('base64')));
    for (const kept of ['"git"', '~/bin/gitd', 'API_TOKEN', 'HARMLESS', 'X-Tenant', 'example.com'])
      assert.ok(text.includes(kept), `${kept}\n${text}`);
  });

  it('R12.4 says what is in it before anything else, and what could not be had', () => {
    const text = diagnosticsText(factsOf(), { secrets: [], home });
    assert.match(
      text,
      /^# Diagnostics of MCP Lifeline\n\nMade at 2026-01-02T03:04:05\.000Z\. The engine is stopped\./,
    );
    assert.match(text, /Contents: Environment \(\d+ characters\), Settings \(2 characters\), Snapshot/);
    assert.match(text, /## Snapshot\n\n```text\nNot available: the engine is not running\n```/);
  });

  it('R12.4 is bounded, and cannot be ended by what a server wrote', () => {
    const tail = `\`\`\`\`\n# Not a heading\n${'x '.repeat(400_000)}`;
    const text = diagnosticsText(factsOf({ logs: [{ name: 'w.log', tail }] }), { secrets: [], home });
    assert.ok(text.length < 210_000);
    assert.match(text, /`````text\n````\n# Not a heading/);
    assert.match(text, /… cut at 200000 characters/);
  });
});

describe('the ends of the log files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-tails-'));
    mkdirSync(join(folder, 'logs'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('R12.4 are read without an engine: of this window only, the newest first, whole lines', async () => {
    for (const name of ['w.log', 'w.log.1', 'w.log.2', 'w.log.10', 'other.log'])
      writeFileSync(join(folder, 'logs', name), `${name}\n`);
    appendFileSync(join(folder, 'logs', 'w.log'), `${'half a secret '.repeat(20_000)}\nlast line\n`);
    const tails = await readLogTails(folder, 'w');
    assert.deepEqual(
      tails.map(({ name }) => name),
      ['w.log', 'w.log.10', 'w.log.2'],
    );
    assert.equal(tails[0]?.tail, 'last line\n');
    assert.equal(tails[1]?.tail, 'w.log.10\n');
  });

  it('R12.4 say so when there are none', async () => {
    const [only] = await readLogTails(join(folder, 'nowhere'), 'w');
    assert.match(only?.tail ?? '', /none that can be read \(ENOENT\)/);
  });
});
