import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { mutated } from '../../../test/support/mutatedJson.ts';
import { MAX_DOCUMENT_LENGTH, parseCodedWords } from '../../shared/protocol/languageMessages.ts';
import { missingCommands } from './commandSearch.ts';
import { proposalsAt } from './completion.ts';
import { findingsOf } from './findings.ts';
import { applied, fixOf } from './fixes.ts';
import { LanguageFeatures, type PublishedDiagnostics } from './languageFeatures.ts';
import { kindOf, readDocument, type DocumentKind } from './lifelineDocument.ts';
import { TextPlaces } from './textPlaces.ts';

const secret = 'q7Zt2LmX9vB4kN8wR1yC6dF3';

function read(entry: object | string, kind: DocumentKind = 'settings') {
  const content =
    typeof entry === 'string'
      ? entry
      : JSON.stringify(kind === 'mcp' ? entry : { 'mcpLifeline.servers': entry }, undefined, 2);
  return readDocument(kind, content);
}

function codesOf(
  entry: object | string,
  kind: DocumentKind = 'settings',
  configured: readonly string[] = [],
): string[] {
  return findingsOf(read(entry, kind), { configured }).map(({ code, args }) => [code, ...args].join(' '));
}

/** What is found in the text that the first fix of a code makes. */
async function afterFix(text: string, kind: DocumentKind, code: string) {
  const document = readDocument(kind, text);
  const finding = findingsOf(document, { configured: [] }).find((found) => found.code === code);
  assert.ok(finding !== undefined, `${code} is found`);
  const fix = await fixOf(document, finding, () => Promise.resolve(49_152));
  assert.ok(fix !== undefined, `${code} has a fix`);
  const after = applied(text, fix.edits);
  const reread = readDocument(kind, after);
  assert.ok(reread.isWhole, after);
  return { after, fix, codes: findingsOf(reread, { configured: [] }).map((found) => found.code) };
}

describe('language: documents', () => {
  it('R12.5 knows the files by their names', () => {
    assert.equal(kindOf('file:///w/.vscode/mcp.json'), 'mcp');
    assert.equal(kindOf('vscode-userdata:/home/me/User/settings.json'), 'settings');
    assert.equal(kindOf('file:///w/a.code-workspace'), 'workspace');
    assert.equal(kindOf('file:///w/package.json'), undefined);
    assert.equal(kindOf('file:///w/notmcp.json'), undefined);
  });

  it('R12.5 gives what can be given while somebody types', () => {
    const document = readDocument(
      'mcp',
      '{ // mine\n "servers": { "a": { "command": "x" }, "b": , "c": { "url": "http://example.com/", ',
    );
    assert.deepEqual(
      document.servers.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.equal(document.isWhole, false);
    assert.deepEqual(
      findingsOf(document, { configured: [] }).map(({ code }) => code),
      ['insecureUrl'],
    );
  });

  it('R12.5 looks at nothing that is too deep or too long', () => {
    for (const text of [
      `{"servers":${'['.repeat(500_000)}`,
      `{"servers":${'{"a":'.repeat(150_000)}`,
      `{"servers":{"a":{"command":"${'x'.repeat(MAX_DOCUMENT_LENGTH)}"}}}`,
    ])
      assert.deepEqual(readDocument('mcp', text).servers, []);
  });

  it('R12.5 turns offsets into places and back', () => {
    const text = 'a\r\nbc\rd\n\ne😀f';
    const places = new TextPlaces(text);
    for (let offset = 0; offset <= text.length; offset += 1) {
      // Between CR and LF is no place of its own.
      if (text.slice(offset - 1, offset + 1) !== '\r\n')
        assert.equal(places.offset(places.position(offset)), offset);
    }
    assert.deepEqual(places.position(text.indexOf('e')), { line: 4, character: 0 });
    assert.equal(places.offset({ line: 99, character: 0 }), text.length);
    assert.equal(places.offset({ line: -1, character: 5 }), 0);
  });

  it('R12.5 never throws, whatever the text is, nor does any fix', async () => {
    const texts = [
      JSON.stringify({
        servers: {
          a: {
            command: 'x',
            args: ['--port=80', '--token', secret],
            env: { TOKEN: secret },
            lifeline: { x: 1 },
          },
          A: { url: 'http://example.com:80/?key=1', headers: { Authorization: `Bearer ${secret}` } },
        },
        inputs: [{ id: 'x' }],
      }),
      JSON.stringify({ 'mcpLifeline.servers': { a: { args: ['${input:b}'] } }, 'mcpLifeline.inputs': [1] }),
      '{"settings":{"mcpLifeline.servers":{"":{}}}}',
    ];
    const kinds: readonly DocumentKind[] = ['mcp', 'settings', 'workspace'];
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        fc.constantFrom(...kinds),
        fc.nat(),
        async (numbers, kind, at) => {
          const text = mutated(texts, () => numbers.next().value as number);
          const document = readDocument(kind, text);
          proposalsAt(document, at % (text.length + 1));
          for (const finding of findingsOf(document, { configured: ['a'] })) {
            assert.ok(finding.span.offset + finding.span.length <= text.length);
            const fix = await fixOf(document, finding, () => Promise.resolve(1));
            if (fix !== undefined) applied(text, fix.edits);
          }
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(...kinds), (text, kind) => {
        findingsOf(readDocument(kind, text), { configured: [] });
      }),
    );
  });
});

describe('language: findings', () => {
  it('R12.5 finds secrets in the open, wherever an entry may hold one', () => {
    const codes = codesOf({
      a: {
        command: 'x',
        args: ['--token', secret, `--api-key=${secret}`, '--name', 'plain'],
        env: {
          GITHUB_TOKEN: 'ghp_0123456789abcdef0123456789abcdef',
          LEVEL: 'debug',
          X: 'sk-aaaaaaaaaaaaaaaaaaaa',
        },
      },
      b: {
        url: `https://example.com/mcp?key=${secret}`,
        headers: { Authorization: 'Bearer hunter2hunter2' },
      },
    });
    assert.deepEqual(codes, [
      'plainSecret GITHUB_TOKEN',
      'plainSecret X',
      'plainSecret token',
      'plainSecret api-key',
      'plainSecret Authorization',
      'plainSecret url',
    ]);
  });

  it('R12.5 R14.4 leaves variables alone, and never repeats a secret', () => {
    const inputs = '"mcpLifeline.inputs":[{"id":"t","type":"promptString"}]';
    const entry = {
      a: {
        command: 'x',
        args: ['--token=${input:t}', '--token', '${env:T}'],
        env: { TOKEN: '${input:t}' },
        type: 'stdio',
      },
      b: { url: 'https://x.org', headers: { Authorization: 'ApiKey ${input:t}' } },
    };
    assert.deepEqual(codesOf(`{${inputs},"mcpLifeline.servers":${JSON.stringify(entry)}}`), []);
    const all = JSON.stringify(
      findingsOf(read({ a: { command: 'x', env: { TOKEN: secret } } }), { configured: [] }).map(
        ({ args }) => args,
      ),
    );
    assert.ok(!all.includes(secret));
  });

  it('R12.5 finds addresses in the clear, but none of this machine', () => {
    const codes = codesOf({
      far: { url: 'http://mcp.example.com/a', lifeline: { endpoints: ['http://b.example.com/'] } },
      near: { url: 'http://localhost:1/' },
      six: { url: 'http://[::1]:2/' },
      four: { url: 'http://127.0.0.9:3/' },
      safe: { url: 'https://mcp.example.com/' },
    });
    assert.deepEqual(codes, ['insecureUrl mcp.example.com', 'insecureUrl b.example.com']);
  });

  it('R12.5 finds a port that two servers open, and not one that they connect to', () => {
    const collisions = (servers: object): string[] => codesOf({ servers }, 'mcp');
    assert.deepEqual(
      collisions({
        a: { command: 'x', args: ['--port', '3000'] },
        b: { command: 'y', env: { PORT: '3000' } },
      }),
      ['portCollision 3000 b', 'portCollision 3000 a'],
    );
    assert.deepEqual(
      collisions({ a: { command: 'x', args: ['--port=3000'] }, b: { url: 'http://localhost:3000/mcp' } }),
      ['portCollision 3000 b', 'portCollision 3000 a'],
    );
    assert.deepEqual(
      collisions({
        a: { command: 'docker', args: ['run', '-p', '127.0.0.1:8080:80'] },
        b: { command: 'y', args: ['--http-port=8080'] },
      }),
      ['portCollision 8080 b', 'portCollision 8080 a'],
    );
    assert.deepEqual(
      collisions({
        a: { command: 'x', args: ['--db-port=5432', '--port', '1'] },
        b: { command: 'y', args: ['--db-port=5432'], env: { PORT: 1 + 1 } },
        c: { url: 'http://localhost:9/a' },
        d: { url: 'http://localhost:9/b' },
        e: { command: 'x', args: ['--port=7'], env: { PORT: '7' } },
        f: { command: 'x', args: ['--port=1'], lifeline: { enabled: false } },
      }),
      [],
    );
  });

  it('R12.5 finds names that differ in case only, and those of the settings', () => {
    assert.deepEqual(codesOf({ git: { command: 'x' }, Git: { command: 'x' } }), ['nameClash git']);
    assert.deepEqual(codesOf({ servers: { Git: { command: 'x' } } }, 'mcp', ['git']), ['nameTaken git']);
    assert.deepEqual(codesOf({ Git: { command: 'x' } }, 'settings', ['git']), []);
  });

  it('R12.5 finds inputs that the file does not define, at their place', () => {
    const text =
      '{"servers":{"a":{"command":"x","args":["--t=${input:no}","${input:yes}"]}},"inputs":[{"id":"yes"}]}';
    const [finding, ...more] = findingsOf(readDocument('mcp', text), { configured: [] });
    assert.deepEqual([finding?.code, more.length], ['undefinedInput', 0]);
    const { offset = 0, length = 0 } = finding?.span ?? {};
    assert.equal(text.slice(offset, offset + length), '${input:no}');
  });

  it('R12.5 tells what the parser of the settings says, at the place it says it of', () => {
    const document = read({
      'my.server': { command: 'x', lifeline: { tier: 'low', pool: 99, connection: { maxRetries: 'many' } } },
    });
    const shown = findingsOf(document, { configured: [] }).map(({ code, span, args }) => [
      code,
      document.text.slice(span.offset, span.offset + span.length),
      args[0],
    ]);
    assert.deepEqual(shown, [
      ['badValue', '"low"', 'tier'],
      ['badValue', '99', 'pool'],
      ['badValue', '"many"', 'maxRetries'],
    ]);
  });

  it('R12.5 leaves unknown members of settings to the schema, and those of an mcp.json but for ours to VS Code', () => {
    assert.deepEqual(codesOf({ a: { command: 'x', nonsense: 1, lifeline: { nonsense: 1 } } }), []);
    assert.deepEqual(
      codesOf({ servers: { a: { command: 'x', nonsense: 1, lifeline: { nonsense: 1 } } } }, 'mcp'),
      ['badValue nonsense is not a known setting; it is ignored'],
    );
  });
});

describe('language: commands', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeline-language-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let asked = 0;
  const missing = async (entry: object, shellPath?: string): Promise<number> => {
    const found = await missingCommands(read({ a: entry }), {
      environment: { PATH: join(folder, 'bin') },
      loginShell: {
        environment: () => {
          asked += 1;
          return Promise.resolve(shellPath === undefined ? undefined : { PATH: shellPath });
        },
      },
      workspaceFolder: folder,
    });
    return found.length;
  };
  before(() => {
    for (const path of ['bin', 'shell', 'own']) {
      mkdirSync(join(folder, path));
      writeFileSync(join(folder, path, `in-${path}`), '', { mode: 0o755 });
    }
    writeFileSync(join(folder, 'bin', 'data'), '', { mode: 0o644 });
    mkdirSync(join(folder, 'bin', 'folder'));
  });

  it('R12.5 R1.8 looks where a start of the server would look', async () => {
    assert.equal(await missing({ command: 'in-bin' }), 0);
    assert.equal(await missing({ command: 'nowhere' }), 1);
    assert.equal(await missing({ command: 'folder' }), 1);
    if (process.platform !== 'win32') assert.equal(await missing({ command: 'data' }), 1);
    assert.equal(await missing({ command: 'in-shell' }), 1);
    assert.equal(await missing({ command: 'in-shell' }, join(folder, 'shell')), 0);
    assert.equal(await missing({ command: 'in-own', env: { PATH: join(folder, 'own') } }), 0);
    // An entry that sets PATH has said where to look: no shell is asked.
    asked = 0;
    assert.equal(
      await missing({ command: 'in-shell', env: { PATH: join(folder, 'own') } }, join(folder, 'shell')),
      1,
    );
    assert.equal(asked, 0);
    assert.equal(await missing({ command: './own/in-own' }), 0);
    assert.equal(await missing({ command: '${workspaceFolder}/own/in-own' }), 0);
    assert.equal(await missing({ command: './in-own', cwd: 'own' }), 0);
    assert.equal(await missing({ command: './in-own', cwd: 'bin' }), 1);
  });

  it('R12.5 does not miss what is not known yet', async () => {
    assert.equal(await missing({ command: '${input:which}' }), 0);
    assert.equal(await missing({ command: './x', cwd: '${input:where}' }), 0);
    assert.equal(await missing({ command: '' }), 0);
    assert.equal(await missing({ command: 5 }), 0);
    assert.equal(await missing({ url: 'https://example.com' }), 0);
  });
});

describe('language: fixes', () => {
  const commented = (servers: string, rest = ''): string =>
    `{\r\n\t// mine\r\n\t"mcpLifeline.servers": ${servers},${rest}\r\n}\r\n`;

  it('R12.5 puts a secret into an input that the file gets', async () => {
    const text = commented(`{ "git": { "command": "x", "env": { "TOKEN": "Bearer ${secret}" } } }`);
    const { after, codes } = await afterFix(text, 'settings', 'plainSecret');
    assert.deepEqual(codes, []);
    assert.ok(!after.includes(secret) && after.includes('// mine'), after);
    assert.ok(after.includes('"TOKEN": "Bearer ${input:git-token}"'), after);
    assert.match(after, /"id": "git-token",\s+"type": "promptString"[\s\S]*"password": true/);
  });

  it('R12.5 takes every secret of an address, and ids that are free', async () => {
    const other = 'Xk29dkKd82mMs01kQpW7aZ55';
    const text = JSON.stringify({
      servers: { a: { url: `https://x.org/?key=${secret}&token=${other}` } },
      inputs: [{ id: 'a-url', type: 'promptString' }],
    });
    const { after, codes } = await afterFix(text, 'mcp', 'plainSecret');
    assert.deepEqual(codes, []);
    const { servers, inputs } = JSON.parse(after) as {
      servers: { a: { url: string } };
      inputs: { id: string }[];
    };
    assert.equal(servers.a.url, 'https://x.org/?key=${input:a-url-2}&token=${input:a-url-3}');
    assert.deepEqual(
      inputs.map(({ id }) => id),
      ['a-url', 'a-url-2', 'a-url-3'],
    );
  });

  it('R12.5 every fix gives a file without the finding', async () => {
    const cases: readonly [string, DocumentKind, string][] = [
      [
        commented(`{ "a": { "command": "x", "args": ["--token", "${secret}",] } }`),
        'settings',
        'plainSecret',
      ],
      [`{"servers":{"a":{"command":"x","args":["--token=${secret}"]}}}`, 'mcp', 'plainSecret'],
      [
        `{"settings":{"mcpLifeline.servers":{"a":{"url":"https://x.org","headers":{"X-Key":"${secret}"}}}}}`,
        'workspace',
        'plainSecret',
      ],
      [commented('{ "a": { "url": "HTTP://example.com/" } }'), 'settings', 'insecureUrl'],
      [commented('{ "git": { "command": "x" }, "Git": { "command": "x" } }'), 'settings', 'nameClash'],
      ['{"servers":{"a":{"command":"x","args":["${input:api-key}"]}}}', 'mcp', 'undefinedInput'],
      [
        commented('{ "a": { "command": "${input:x}" } }', '\r\n\t"mcpLifeline.inputs": [],'),
        'settings',
        'undefinedInput',
      ],
      [
        '{"servers":{"a":{"command":"x","args":["--port=80"]},"b":{"command":"x","env":{"PORT":80}}}}',
        'mcp',
        'portCollision',
      ],
      [
        '{"servers":{"b":{"command":"x","env":{"PORT":80}},"a":{"command":"x","args":["--port=8\\u0030"]}}}',
        'mcp',
        'portCollision',
      ],
      [
        '{"servers":{"a":{"command":"x","args":["--port=8\\u0030"]},"b":{"command":"x","env":{"PORT":80}}}}',
        'mcp',
        'portCollision',
      ],
    ];
    for (const [text, kind, code] of cases) {
      const { codes, after } = await afterFix(text, kind, code);
      assert.ok(!codes.some((found) => found === code), after);
    }
  });

  it('R12.5 adds nothing to a file that is being typed, and changes no port of an address', async () => {
    const typed = readDocument('mcp', `{"servers":{"a":{"command":"x","env":{"TOKEN":"${secret}"}`);
    const [finding] = findingsOf(typed, { configured: [] });
    assert.ok(finding !== undefined);
    assert.equal(await fixOf(typed, finding, () => Promise.resolve(1)), undefined);
    const address = read(
      { servers: { a: { url: 'http://localhost:80/' }, b: { command: 'x', args: ['--port=80'] } } },
      'mcp',
    );
    for (const found of findingsOf(address, { configured: [] }))
      assert.equal(
        (await fixOf(address, found, () => Promise.resolve(1))) === undefined,
        found.server === 'a',
      );
  });
});

describe('language: proposals', () => {
  const at = (marked: string): string[] => {
    const offset = marked.indexOf('|');
    return proposalsAt(readDocument('mcp', marked.replace('|', '')), offset).map(({ text }) => text);
  };

  it('R12.5 R1.4 proposes variables where an entry may hold them', () => {
    const inputs = '"inputs":[{"id":"key"}]';
    assert.deepEqual(at(`{"servers":{"a":{"args":["--k=$|"]}},${inputs}}`), [
      '${input:key}',
      '${workspaceFolder}',
      '${userHome}',
      '${env:}',
    ]);
    assert.equal(at(`{"servers":{"a":{"env":{"K":"\${inp|}"}}},${inputs}}`).length, 4);
    assert.deepEqual(at(`{"servers":{"a":{"env":{"K":"inp|"}}},${inputs}}`), []);
    assert.deepEqual(at(`{"servers":{"a":{"type":"$|"}},${inputs}}`), []);
    assert.deepEqual(at(`{"other":{"a":{"env":{"K":"$|"}}},${inputs}}`), []);
  });

  it('R12.5 replaces what was typed, with the brace that the editor has closed', () => {
    const text = '{"servers":{"a":{"command":"${wor}"}}}';
    const offset = text.indexOf('${wor') + 5;
    const [first] = proposalsAt(readDocument('mcp', text), offset);
    const { offset: from = 0, length = 0 } = first?.span ?? {};
    assert.equal(text.slice(from, from + length), '${wor}');
  });
});

describe('language: features', () => {
  const uri = 'file:///w/.vscode/settings.json';
  const given = () => {
    const clock = new FakeClock();
    const published: PublishedDiagnostics[] = [];
    const features = new LanguageFeatures({
      clock,
      environment: {},
      loginShell: { environment: () => Promise.resolve(undefined) },
      workspaceFolder: () => undefined,
      configured: () => [],
      publish: (params) => published.push(params),
      onError: (error) => assert.fail(String(error)),
    });
    return { clock, published, features };
  };
  const text = (url: string): string => `{\n  "mcpLifeline.servers": {\n    "a": { "url": "${url}" }\n  }\n}`;
  const settled = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
  };

  it('R12.5 tells with the version what was found in it, and nothing of a version that is gone', async () => {
    const { clock, published, features } = given();
    features.open(uri, 1, text('http://example.com'));
    features.change(uri, 2, text('http://example.com/2'));
    features.change(uri, 3, text('https://example.com/3'));
    await clock.advance(150);
    features.change(uri, 4, text('http://example.org/4'));
    await clock.advance(150);
    assert.equal(published.length, 0);
    await clock.advance(50);
    await settled(() => published.length > 0);
    assert.equal(published.length, 1);
    assert.ok(published[0] !== undefined);
    assert.equal(published[0].version, 4);
    const [diagnostic] = published[0].diagnostics;
    assert.deepEqual(parseCodedWords(diagnostic?.data), { code: 'insecureUrl', args: ['example.org'] });
    assert.equal(diagnostic?.range.start.line, 2);
    features.close(uri);
    assert.deepEqual(published[1], { uri, diagnostics: [] });
    assert.equal(clock.pending, 0);
  });

  it('R12.5 knows the server whose name stands somewhere, and has a lens for each', () => {
    const { features } = given();
    features.open(uri, 1, text('https://example.com'));
    assert.equal(features.hover(uri, { line: 2, character: 6 })?.server.server, 'a');
    assert.equal(features.hover(uri, { line: 2, character: 14 }), null);
    assert.equal(features.hover('file:///w/settings.json', { line: 0, character: 0 }), null);
    assert.deepEqual(features.lenses(uri), [
      {
        range: { start: { line: 2, character: 4 }, end: { line: 2, character: 7 } },
        data: { server: 'a', isOurs: true },
      },
    ]);
    features.dispose();
  });

  it('R12.5 offers a fix at its place, for that version only', async () => {
    const { features } = given();
    features.open(uri, 7, text('http://example.com'));
    const line = { start: { line: 2, character: 0 }, end: { line: 2, character: 40 } };
    const [action] = (await features.actions(uri, line)) as { title: string; edit: unknown }[];
    assert.ok(action !== undefined);
    assert.equal(action.title, 'useHttps');
    assert.match(JSON.stringify(action.edit), /"version":7.*https:\/\/example.com/);
    const elsewhere = { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } };
    assert.deepEqual(await features.actions(uri, elsewhere), []);
    const asked = features.actions(uri, line);
    features.change(uri, 8, text('https://example.com'));
    assert.deepEqual(await asked, []);
    features.dispose();
  });

  it('R12.5 stays bounded: few documents, no large ones', async () => {
    const { features, published } = given();
    for (let number = 0; number < 60; number += 1)
      features.open(`file:///w/${number}/mcp.json`, 1, '{"servers":{"a":{"url":"http://x.org"}}}');
    await settled(() => published.length >= 50);
    assert.equal(published.length, 50);
    assert.deepEqual(features.lenses('file:///w/59/mcp.json'), []);
    features.change('file:///w/0/mcp.json', 2, ' '.repeat(MAX_DOCUMENT_LENGTH + 1));
    assert.deepEqual(features.lenses('file:///w/0/mcp.json'), []);
    features.dispose();
  });
});
