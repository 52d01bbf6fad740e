import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isRemote, parseServerConfig, sharedProcesses, type HttpServerConfig } from './serverConfig.ts';

const parse = (entry: unknown, name = 'it') =>
  parseServerConfig(name, entry, { pathPrefix: 'mcpLifeline.servers', trustByDefault: true });
const paths = (entry: unknown): string[] =>
  parse(entry).problems.map(({ path }) => path.replace('mcpLifeline.servers.it', ''));
function http(entry: Record<string, unknown>): HttpServerConfig {
  const { config } = parse({ url: 'https://example.com/mcp', ...entry });
  assert.ok(config?.type === 'http');
  return config;
}

const usual = {
  enabled: true,
  keepWarm: false,
  tellRestarts: true,
  staleAnswers: false,
  tier: 'medium',
  trustAnnotations: true,
  connection: undefined,
  timeouts: new Map(),
  instances: 'perSession',
  pool: 1,
  endpoints: [],
};

describe('a server’s entry', () => {
  it('R1.2 is a process when it has a command, and has defaults for the rest', () => {
    const config = { type: 'stdio', name: 'it', command: 'npx', args: [], env: {}, cwd: undefined };
    for (const entry of [{ command: 'npx' }, { type: 'stdio', command: 'npx' }])
      assert.deepEqual(parse(entry), { config: { ...config, lifeline: usual }, problems: [] });
  });

  it('R1.2 is reached by HTTP when it has a URL', () => {
    const config = { type: 'http', name: 'it', url: 'https://example.com/mcp', headers: {} };
    for (const entry of [{ url: config.url }, { type: 'http', url: config.url }])
      assert.deepEqual(parse(entry), { config: { ...config, lifeline: usual }, problems: [] });
  });

  it('reads everything that may stand in it', () => {
    const lifeline = {
      enabled: false,
      keepWarm: true,
      tellRestarts: false,
      cache: { stale: true },
      tier: 'critical',
      trustAnnotations: false,
      connection: { maxRetries: 1 },
      timeouts: { slow: 300 },
      instances: 'perSession',
      pool: 3,
    };
    const { config, problems } = parse({
      command: 'node',
      args: ['a', ''],
      env: { A: 'b', N: 7, GONE: null },
      cwd: '/x',
      lifeline,
    });
    const { cache, ...same } = lifeline;
    assert.deepEqual(problems, []);
    assert.deepEqual(config, {
      type: 'stdio',
      name: 'it',
      command: 'node',
      args: ['a', ''],
      env: { A: 'b', N: '7', GONE: null },
      cwd: '/x',
      lifeline: { ...same, staleAnswers: cache.stale, timeouts: new Map([['slow', 300]]), endpoints: [] },
    });
  });

  it('believes annotations only of entries that the user wrote, unless it says so', () => {
    const believed = (entry: unknown, trustByDefault: boolean): unknown =>
      parseServerConfig('it', entry, { pathPrefix: 's', trustByDefault }).config?.lifeline.trustAnnotations;
    assert.equal(believed({ command: 'x' }, false), false);
    assert.equal(believed({ command: 'x' }, true), true);
    assert.equal(believed({ command: 'x', lifeline: { trustAnnotations: true } }, false), true);
  });

  const unusable: readonly [string, unknown, string][] = [
    ['no object', 'npx server', ''],
    ['a list', [], ''],
    ['nothing at all', null, ''],
    ['neither command nor URL', {}, '.command'],
    ['a command that is no text', { command: ['npx'] }, '.command'],
    ['an empty command', { command: '  ' }, '.command'],
    ['a command with a NUL', { command: 'a\0b' }, '.command'],
    ['a command of another type of server', { type: 'http', command: 'npx' }, '.url'],
    ['a process without a command', { type: 'stdio', url: 'https://example.com' }, '.command'],
    ['an argument that is no text', { command: 'x', args: ['a', 1] }, '.args[1]'],
    ['an argument with a NUL', { command: 'x', args: ['\0'] }, '.args[0]'],
    ['arguments that are no list', { command: 'x', args: 'a b' }, '.args'],
    ['a type nobody knows', { type: 'websocket', url: 'wss://x' }, '.type'],
    ['a type that is no text', { type: 7, command: 'x' }, '.type'],
    ['the older HTTP transport', { type: 'sse', url: 'https://example.com/sse' }, '.type'],
    ['a URL that is no text', { url: 7 }, '.url'],
    ['a URL that is none', { url: 'example.com/mcp' }, '.url'],
    ['an empty URL', { url: '' }, '.url'],
    ['a URL of nothing but a scheme', { url: 'https://' }, '.url'],
    ['a URL of another scheme', { url: 'file:///etc/passwd' }, '.url'],
    ['a URL of a socket', { url: 'unix:///run/x.sock#/mcp' }, '.url'],
    ['a URL with an impossible port', { url: 'http://localhost:99999' }, '.url'],
    ['a URL with a user name', { url: 'https://me@example.com/' }, '.url'],
    ['a URL with a password', { url: 'https://:secret@example.com/' }, '.url'],
    ['a URL without end', { url: `https://example.com/${'x'.repeat(40_000)}` }, '.url'],
  ];
  for (const [what, entry, path] of unusable) {
    it(`R2.2 is left out, with its place, when it is ${what}`, () => {
      assert.equal(parse(entry).config, undefined);
      assert.deepEqual(paths(entry), [path]);
    });
  }

  it('R2.2 is left out when its name is none', () => {
    for (const name of ['', '  ', 'a\nb', 'x'.repeat(129), 'a\ud800', '\udc00'])
      assert.equal(parse({ command: 'x' }, name).config, undefined);
  });

  it('tells no password in what is wrong with a URL', () => {
    const { problems } = parse({ url: 'https://me:hunter2@example.com/' });
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
  });

  it('R6.2 has stale answers only when it asks for them', () => {
    const stale = (cache: unknown) => parse({ command: 'x', lifeline: { cache } });
    assert.equal(stale({ stale: true }).config?.lifeline.staleAnswers, true);
    assert.deepEqual(stale({ stale: true }).problems, []);
    assert.equal(stale({}).config?.lifeline.staleAnswers, false);
    assert.equal(stale(true).problems.length, 1);
  });

  it('R2.2 is used without what is wrong in it, which is named', () => {
    const entry = {
      command: 'x',
      cwd: 7,
      env: { '': 'a', 'B=C': 'd', E: {}, F: 'g\0', OK: '1' },
      nonsense: 1,
      lifeline: {
        enabled: 'yes',
        keepWarm: 1,
        tier: 'low',
        trustAnnotations: null,
        timeouts: { a: 0, b: 601, c: '5', d: 5 },
        instances: 'one',
        pool: 2.5,
        cache: { tools: ['*'], levels: [], ttl: 5, stale: 1, size: 2 },
        speed: 9,
      },
    };
    const { config } = parse(entry);
    assert.deepEqual(config?.lifeline, { ...usual, timeouts: new Map([['d', 5]]) });
    assert.ok(config.type === 'stdio');
    assert.deepEqual(config.env, { OK: '1' });
    assert.equal(config.cwd, undefined);
    assert.deepEqual(
      paths(entry).sort(),
      [
        '.nonsense',
        '.cwd',
        '.env.',
        '.env.B=C',
        '.env.E',
        '.env.F',
        '.lifeline.cache.tools',
        '.lifeline.cache.levels',
        '.lifeline.cache.ttl',
        '.lifeline.cache.stale',
        '.lifeline.cache.size',
        '.lifeline.speed',
        '.lifeline.enabled',
        '.lifeline.keepWarm',
        '.lifeline.tier',
        '.lifeline.instances',
        '.lifeline.pool',
        '.lifeline.trustAnnotations',
        '.lifeline.timeouts.a',
        '.lifeline.timeouts.b',
        '.lifeline.timeouts.c',
      ].sort(),
    );
  });

  for (const [rateLimit, maxRate, problems] of [
    [{ max: 20 }, 20, []],
    [{ max: 1 }, 1, []],
    [{}, undefined, []],
    [{ max: 0 }, undefined, ['.lifeline.rateLimit.max']],
    [{ max: 1_001 }, undefined, ['.lifeline.rateLimit.max']],
    [{ max: '20' }, undefined, ['.lifeline.rateLimit.max']],
    [{ max: NaN, min: 1 }, undefined, ['.lifeline.rateLimit.min', '.lifeline.rateLimit.max']],
    [20, undefined, ['.lifeline.rateLimit']],
  ] as const) {
    it(`R10.2 reads the rate limit ${JSON.stringify(rateLimit)}`, () => {
      const entry = { command: 'x', lifeline: { rateLimit } };
      assert.equal(parse(entry).config?.lifeline.maxRate, maxRate);
      assert.deepEqual(paths(entry), problems);
    });
  }

  for (const [what, entry, expected, problems] of [
    ['one for all', { command: 'x', lifeline: { instances: 'single' } }, 1, []],
    ['one for all over HTTP', { url: 'http://x', lifeline: { instances: 'single', pool: 1 } }, 1, []],
    ['a pool', { command: 'x', lifeline: { pool: 10 } }, 10, []],
    ['no pool', { command: 'x', lifeline: { pool: 1 } }, 0, []],
    ['too large a pool', { command: 'x', lifeline: { pool: 11 } }, 0, ['.lifeline.pool']],
    ['a pool over HTTP', { url: 'http://x', lifeline: { pool: 2 } }, 0, ['.lifeline.pool']],
    [
      'a pool of one for all',
      { command: 'x', lifeline: { pool: 2, instances: 'single' } },
      1,
      ['.lifeline.pool'],
    ],
  ] as const) {
    it(`R4.3 may ask for ${what}`, () => {
      assert.equal(sharedProcesses(parse(entry).config), expected);
      assert.deepEqual(paths(entry), problems);
    });
  }

  it('may name a tool as JavaScript names what every object has', () => {
    const lifeline = JSON.parse('{"timeouts":{"constructor":9,"__proto__":8}}') as unknown;
    const { config } = parse({ command: 'x', lifeline });
    assert.equal(config?.lifeline.timeouts.get('constructor'), 9);
    assert.equal(config.lifeline.timeouts.get('toString'), undefined);
  });
});

describe('HTTP headers of an entry', () => {
  it('are taken as they are', () => {
    const headers = { Authorization: 'Bearer a b', 'X-Api_Key.1': 'ü\t~', Empty: '' };
    assert.deepEqual(http({ headers }).headers, headers);
    assert.deepEqual(paths({ url: 'http://x', headers }), []);
  });

  const refused: readonly [string, string, unknown][] = [
    ['a name with a line break', 'X-A\r\nX-B', 'x'],
    ['a name with a blank', 'X A', 'x'],
    ['a name with a colon', 'X:', 'x'],
    ['an empty name', '', 'x'],
    ['a name outside ASCII', 'X-Ü', 'x'],
    ['a name without end', 'x'.repeat(300), 'x'],
    ['a value with CR LF', 'X-A', 'a\r\nX-B: c'],
    ['a value with LF', 'X-A', 'a\nb'],
    ['a value with CR', 'X-A', 'a\rb'],
    ['a value with NUL', 'X-A', 'a\0'],
    ['a value outside Latin-1', 'X-A', '→'],
    ['a value that is a number', 'X-A', 7],
    ['a value that is nothing', 'X-A', null],
    ['a value that is a list', 'X-A', ['a']],
    ['a value without end', 'X-A', 'x'.repeat(40_000)],
    ['what the transport sets', 'Content-Length', '0'],
    ['what the transport sets, in capitals', 'TRANSFER-ENCODING', 'chunked'],
    ['the host', 'host', 'example.org'],
    ['what is accepted', 'Accept', 'text/html'],
    ['the session', 'mcp-session-id', 'x'],
    ['the protocol version', 'MCP-Protocol-Version', '1'],
    ['the place in a stream', 'Last-Event-ID', '1'],
  ];
  for (const [what, name, value] of refused) {
    it(`R2.2 are left out, with their place, when they are ${what}`, () => {
      const entry = { url: 'https://example.com/mcp', headers: { [name]: value, 'X-Ok': 'yes' } };
      assert.deepEqual(http(entry).headers, { 'X-Ok': 'yes' });
      assert.deepEqual(paths(entry), [`.headers.${name}`]);
    });
  }

  it('tells no value in what is wrong with them', () => {
    const { problems } = parse({ url: 'https://example.com', headers: { 'X-Key': 'hunter2\n' } });
    assert.equal(problems.length, 1);
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
  });

  it('must be an object', () => {
    for (const headers of ['X: y', ['X: y'], null, 7]) {
      assert.deepEqual(http({ headers }).headers, {});
      assert.deepEqual(paths({ url: 'https://example.com', headers }), ['.headers']);
    }
  });
});

describe('the address of an entry', () => {
  it('is kept whole, but for a fragment', () => {
    assert.equal(http({ url: 'HTTPS://Example.com/a?b=c#d' }).url, 'https://example.com/a?b=c');
  });

  it('R4.4 may have further ones, each once, and what is none is named', () => {
    const lifeline = {
      endpoints: ['https://b.example/x#y', 'https://example.com/mcp', 'https://b.example/x', 'ftp://c', 7],
    };
    assert.deepEqual(http({ lifeline }).lifeline.endpoints, ['https://b.example/x']);
    assert.deepEqual(paths({ url: 'https://example.com/mcp', lifeline }), [
      '.lifeline.endpoints[3]',
      '.lifeline.endpoints[4]',
    ]);
    for (const wrong of ['https://b.example', {}, null])
      assert.deepEqual(paths({ url: 'https://a.example', lifeline: { endpoints: wrong } }), [
        '.lifeline.endpoints',
      ]);
    assert.deepEqual(paths({ command: 'x', lifeline }), ['.lifeline.endpoints']);
    const many = Array.from({ length: 30 }, (_, n) => `https://e${n}.example/`);
    assert.equal(http({ lifeline: { endpoints: many } }).lifeline.endpoints.length, 16);
    assert.equal(isRemote(http({ url: 'http://localhost', lifeline: { endpoints: [many[0]] } })), true);
  });

  it('R14.4 tells no password in what is wrong with one of several', () => {
    const lifeline = { endpoints: ['https://me:hunter2@example.com/'] };
    assert.doesNotMatch(JSON.stringify(parse({ url: 'https://a.example', lifeline }).problems), /hunter2/);
  });

  it('is of this machine or of another', () => {
    const remote = (url: string): boolean => isRemote(http({ url }));
    for (const url of [
      'http://localhost:3000/mcp',
      'http://LOCALHOST',
      'http://a.localhost',
      'http://127.0.0.1:1',
      'http://127.1.2.3',
      'http://[::1]:80/',
    ])
      assert.equal(remote(url), false, url);
    for (const url of [
      'https://example.com',
      'http://localhost.example.com',
      'http://10.0.0.1',
      'http://[::2]',
    ])
      assert.equal(remote(url), true, url);
  });

  it('does not matter for a process', () => {
    const { config } = parse({ command: 'x' });
    assert.ok(config !== undefined);
    assert.equal(isRemote(config), false);
  });
});

describe('entries full of garbage', () => {
  const keys = ['type', 'command', 'args', 'env', 'cwd', 'url', 'headers', 'lifeline'] as const;
  const value = fc.oneof(
    fc.anything(),
    fc.constantFrom('stdio', 'http', 'sse', 'node', 'https://example.com'),
    fc.webUrl(),
    fc.dictionary(fc.string(), fc.anything()),
    fc.array(fc.string()),
  );
  const entry = fc.oneof(
    fc.anything(),
    fc.record(Object.fromEntries(keys.map((key) => [key, value])), { requiredKeys: [] }),
  );

  it('R14.3 never throw; each is used or has a reason, and what is used is what its type says', () => {
    fc.assert(
      fc.property(fc.string(), entry, (name, garbage) => {
        const { config, problems } = parse(garbage, name);
        assert.ok(problems.length <= 50);
        if (config === undefined) {
          assert.ok(problems.length > 0);
          return;
        }
        if (config.type === 'stdio') {
          assert.ok(config.command.trim() !== '');
          assert.ok(config.args.every((arg) => typeof arg === 'string'));
          return;
        }
        assert.match(config.url, /^https?:\/\//);
        // What Node's own HTTP client would throw on must not get there.
        assert.doesNotThrow(() => new Headers(config.headers));
        isRemote(config);
      }),
      { numRuns: 500 },
    );
  });
});
