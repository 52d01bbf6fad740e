import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_CONFIG_LENGTH, parseFileConfig, type FileConfigVerdict } from './fileConfig.ts';

const parse = (value: unknown): FileConfigVerdict => parseFileConfig(JSON.stringify(value));
function usable(verdict: FileConfigVerdict): Extract<FileConfigVerdict, { kind: 'usable' }> {
  assert.equal(verdict.kind, 'usable');
  return verdict;
}
const places = (verdict: FileConfigVerdict): string[] => usable(verdict).problems.map(({ path }) => path);

describe('the configuration file', () => {
  it('is read in either shape, a byte order mark allowed', () => {
    for (const key of ['servers', 'mcpServers'] as const) {
      const { config, problems } = usable(
        parseFileConfig(`\ufeff{"${key}":{"a":{"command":"x"},"__proto__":{}}}`),
      );
      assert.deepEqual(
        config.servers.map(({ name }) => name),
        ['a', '__proto__'],
      );
      assert.deepEqual([config.serversKey, problems], [key, []]);
    }
  });

  it('may hold comments and trailing commas, as the editor’s own may', () => {
    const text = '// mine\n{ "servers": { /* one */ "a": { "args": ["//no", "/*no*/",], }, }, }';
    assert.deepEqual(usable(parseFileConfig(text)).config.servers, [
      { name: 'a', entry: { args: ['//no', '/*no*/'] } },
    ]);
  });

  it('gives connection settings and the state folder', () => {
    const { config } = usable(
      parse({ servers: {}, lifeline: { connection: { maxRetries: 1 }, stateFolder: './x' } }),
    );
    assert.deepEqual([config.connection, config.stateFolder], [{ maxRetries: 1 }, './x']);
    const told = usable(parse({ servers: {}, lifeline: { tellRestarts: false } }));
    assert.deepEqual([config.tellRestarts, told.config.tellRestarts, told.problems], [undefined, false, []]);
  });

  it('R2.1 may have the connection settings of an existing deployment, in snake case', () => {
    const handling = { request_timeout: 45, max_retries: 2 };
    const { config, problems } = usable(
      parse({ mcpServers: { a: { command: 'x' } }, global_settings: { connection_handling: handling } }),
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(config.globalSettings, {
      place: 'global_settings.connection_handling',
      values: handling,
    });
    assert.equal(config.servers.length, 1);
    assert.deepEqual(places(parse({ servers: {}, global_settings: { logging: {} } })), ['global_settings']);
  });

  it('tells the place of what it does not use, and uses the rest', () => {
    const verdict = parse({
      servers: { a: {} },
      mcpServers: {},
      inputs: [{ id: 'x', type: 'command' }],
      other: 1,
      lifeline: {
        alerts: 1,
        telemetry: { otlp: true },
        connection: 1,
        stateFolder: '',
        tellRestarts: 1,
        audit: 1,
        colour: 1,
      },
    });
    assert.deepEqual(places(verdict).sort(), [
      'inputs[0].type',
      'lifeline.alerts',
      'lifeline.audit',
      'lifeline.colour',
      'lifeline.connection',
      'lifeline.stateFolder',
      'lifeline.tellRestarts',
      'mcpServers',
      'other',
    ]);
    assert.equal(usable(verdict).config.servers.length, 1);
    assert.deepEqual(places(parse({})), ['servers']);
    assert.deepEqual(places(parse({ servers: [] })), ['servers']);
    assert.deepEqual(places(parse({ servers: {}, lifeline: [] })), ['lifeline']);
    assert.deepEqual(places(parse({ servers: {}, lifeline: { stateFolder: 'a\0b' } })), [
      'lifeline.stateFolder',
    ]);
  });

  it('R14.3 is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`s${n}`, {}]));
    const verdict = usable(parse({ servers: many, mcpServers: undefined }));
    assert.deepEqual([verdict.config.servers.length, places(verdict)], [1_000, ['servers']]);
    assert.equal(usable(parse({ servers: { ['n'.repeat(300)]: {} } })).config.servers.length, 0);
    const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 1]));
    assert.equal(usable(parse({ ...unknown, servers: {} })).problems.length, 100);
    assert.equal(parseFileConfig(' '.repeat(MAX_CONFIG_LENGTH + 1)).kind, 'unusable');
  });

  it('R14.4 says where it is not JSON, and quotes nothing of it', () => {
    const text = '{\n  "servers": {\n    "s": { "headers": {\n      "X-Key": SECRETTOKEN123\n} } } }';
    const table: [string, RegExp][] = [
      [text, /^It is not JSON: InvalidSymbol in line 4\.$/],
      ['SECRET', /: InvalidSymbol in line 1\.$/],
      ['{\n"a": "SECRET"\n"b": 1}', /: CommaExpected in line 3\.$/],
      ['{"a": "SECRET', /: UnexpectedEndOfString in line 1\.$/],
      ['', /: ValueExpected in line 1\.$/],
    ];
    for (const [broken, why] of table) {
      const verdict = parseFileConfig(broken);
      assert.ok(verdict.kind === 'unusable');
      assert.match(verdict.reason, why);
      assert.doesNotMatch(verdict.reason, /ECRE/);
    }
  });

  it('never throws, and says why it is unusable', () => {
    // A value that can be read, and then neither be written into a text nor sent.
    const depth = 100_000;
    const deep = `{"servers":{"s":{"lifeline":{"healthCheck":{"tool":"t","arguments":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}}}}}`;
    for (const text of ['', 'null', '[]', '"x"', '{', '{"servers":{},,}', '[['.repeat(50_000), deep]) {
      const verdict = parseFileConfig(text);
      assert.ok(verdict.kind === 'unusable' && verdict.reason.startsWith('It '), text.slice(0, 80));
    }
    fc.assert(fc.property(fc.json(), (text) => ['usable', 'unusable'].includes(parseFileConfig(text).kind)));
    const key = fc.constantFrom('servers', 'mcpServers', 'lifeline', 'connection', 'stateFolder', 'x');
    const tree = fc.dictionary(key, fc.dictionary(key, fc.jsonValue()));
    fc.assert(fc.property(tree, (value) => parse(value).kind === 'usable'));
  });
});
