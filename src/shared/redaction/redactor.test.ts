import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bytesOfBase64 } from './base64.ts';
import { RedactedStream, Redactor } from './redactor.ts';
import { isSecretValue, secretsIn } from './secretValues.ts';

const knowing = (...secrets: string[]): Redactor => {
  const redactor = new Redactor();
  redactor.learn(secrets);
  return redactor;
};

describe('Redactor', () => {
  it('R14.4 takes known secrets out of a text, wherever they stand', () => {
    const redactor = knowing('s3cr3t-value', 'other/one+two');
    assert.equal(redactor.redact('a s3cr3t-value b'), 'a [redacted] b');
    assert.equal(
      redactor.redact('s3cr3t-value,other/one+two.s3cr3t-value'),
      '[redacted],[redacted].[redacted]',
    );
    assert.equal(redactor.redact('s3cr3t-valu'), 's3cr3t-valu');
  });

  it('R14.4 a password that is the name of a server hides nothing, and would make that unreadable', () => {
    const key = 'Zq8wErT5yUiOp2AsDf4G';
    const redactor = knowing('postgres', 's3cr3t-value', key);
    redactor.spare(['postgres', 'other', key]);
    redactor.learn(['postgres', key]);
    const said = 'The MCP server "postgres" refused s3cr3t-value.';
    assert.equal(redactor.redact(said), 'The MCP server "postgres" refused [redacted].');
    assert.equal(redactor.redact(key), '[redacted]', 'a key in the place of a name is one all the same');
    redactor.spare(['other']);
    redactor.learn(['postgres']);
    assert.equal(redactor.redact('postgres'), '[redacted]');
  });

  it('R14.4 takes overlapping secrets out as one', () => {
    assert.equal(knowing('abcdefgh', 'efghijkl').redact('x abcdefghijkl y'), 'x [redacted] y');
    assert.equal(knowing('abcdefgh', 'abcdefghijkl').redact('abcdefghijkl'), '[redacted]');
  });

  it('R14.4 finds a secret as it is, in JSON, in an address and in base64, whatever stands around it', () => {
    const redactor = new Redactor();
    fc.assert(
      fc.property(
        fc
          .string({ unit: 'grapheme', minLength: 8, maxLength: 80 })
          .filter((text) => text.trim().length >= 8),
        fc.string({ maxLength: 20 }),
        fc.string({ maxLength: 20 }),
        (secret, before, after) => {
          redactor.learn([secret]);
          const bare = Buffer.from(before + secret + after).toString('base64');
          for (const form of [
            secret,
            JSON.stringify(secret),
            JSON.stringify(JSON.stringify({ a: secret })),
            encodeURIComponent(secret),
          ]) {
            const left = redactor.redact(`${before}${form}${after}`);
            assert.ok(!left.includes(secret), left);
            assert.ok(left.includes('[redacted]'), left);
          }
          assert.ok(redactor.redact(bare).includes('[redacted]'), bare);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('R14.4 leaves no piece of a secret at a cut', () => {
    const redactor = knowing('abcdefghijklmnop');
    assert.equal(redactor.redactCut('token abcdefgh', { end: true }), 'token [redacted]');
    assert.equal(redactor.redactCut('ijklmnop rest', { start: true }), '[redacted] rest');
    assert.equal(redactor.redactCut('token abcdefgh', {}), 'token abcdefgh');
  });

  it('R14.4 forgets the oldest secrets only when there are too many', () => {
    const redactor = new Redactor();
    redactor.learn(Array.from({ length: 8_000 }, (_, number) => `secret-number-${number}-of-many`));
    assert.equal(redactor.redact('secret-number-7999-of-many'), '[redacted]');
    assert.equal(redactor.redact('secret-number-0-of-many'), 'secret-number-0-of-many');
  });

  for (const [what, text, left] of [
    ['a GitHub token', 'using ghp_abcdefghijklmnopqrstuvwxyz0123456789 now', 'using [redacted] now'],
    ['a fine-grained one', 'github_pat_11ABCDEFG0abcdefghijkl_more', '[redacted]'],
    ['an sk- key', 'key sk-proj-abcdef0123456789abcdef!', 'key [redacted]!'],
    ['a Slack token', 'xoxb-123456789012-abcdefghij', '[redacted]'],
    ['an AWS key id', 'AKIAIOSFODNN7EXAMPLE is', '[redacted] is'],
    ['a JWT', 'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.', 'got [redacted].'],
    ['a header', 'Authorization: Bearer abc.DEF-123456', 'Authorization: Bearer [redacted]'],
    ['an assignment', 'DB_PASSWORD=hunter22 host=db', 'DB_PASSWORD=[redacted] host=db'],
    ['an assignment in JSON', '{"apiKey":"abcd1234","x":1}', '{"apiKey":"[redacted]","x":1}'],
    ['one in JSON in JSON', '{\\"token\\":\\"abcd1234\\"}', '{\\"token\\":\\"[redacted]\\"}'],
    ['a query', 'GET /x?access_key=q1w2e3r4&b=2', 'GET /x?access_key=[redacted]&b=2'],
    ['user info', 'postgres://admin:pa55@db:5432/x', 'postgres://admin:[redacted]@db:5432/x'],
    ['a password in words', 'password: hunter22', 'password: [redacted]'],
  ] as const)
    it(`R14.4 knows ${what} by its form`, () => assert.equal(new Redactor().redact(text), left));

  for (const text of [
    'invalid token: expired',
    'Error: API key is missing. Set GITHUB_TOKEN.',
    'password=undefined',
    'PWD=/home/me/work',
    'token=${TOKEN}',
    'Bearer authentication failed',
    'task-abcdefghijklmnopqrstuvwx done',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'listen EADDRINUSE: address already in use :::3000',
    "Error: Cannot find module '/srv/app/node_modules/express'",
    'see https://example.com/a:b@c',
    'The MCP server "a" ended with exit code 1.',
  ])
    it(`R14.4 leaves alone: ${text}`, () => assert.equal(new Redactor().redact(text), text));

  it('R14.4 takes a private key out, of one text and of a stream of lines', () => {
    const key = ['-----BEGIN RSA PRIVATE KEY-----', 'MIIEabc', 'def==', '-----END RSA PRIVATE KEY-----'];
    assert.equal(new Redactor().redact(`a\n${key.join('\n')}\nb`), 'a\n[redacted]\nb');
    const stream = new RedactedStream(new Redactor());
    const out = [...key, 'after'].map((line) => stream.next(`${line}\n`)).join('');
    assert.equal(out.replace(/\n+/g, '\n'), '[redacted]\nafter\n');
  });

  it('R14.4 takes no key for endless', () => {
    const stream = new RedactedStream(new Redactor());
    stream.next('-----BEGIN PRIVATE KEY-----\n');
    for (let line = 0; line < 40; line += 1) stream.next(`${'x'.repeat(1_000)}\n`);
    assert.equal(stream.next('words again\n'), 'words again\n');
  });

  it('R14.4 is not made slow by any text (linear, whatever repeats)', () => {
    const redactor = knowing('a'.repeat(30_000), `${'ab'.repeat(400)}c`, 'eyJ-secret-of-ours');
    const pieces = [
      'eyJ',
      'eyJ-',
      'a',
      'ab',
      '://',
      '://a:',
      'token=',
      'token:',
      'password ',
      'bearer ',
      'sk-',
      '-----BEGIN PRIVATE KEY-----',
      'x-----BEGIN ',
      '=',
      '"',
      'eyJaaaaaaaaa.',
    ];
    const startedAt = process.cpuUsage();
    for (const piece of pieces) redactor.redact(piece.repeat(Math.ceil(65_536 / piece.length)));
    const { user, system } = process.cpuUsage(startedAt);
    // 1 MB of the worst; a quadratic pattern takes minutes.
    assert.ok(user + system < 5_000_000, `${(user + system) / 1_000} ms`);
  });
});

describe('secretsIn', () => {
  const entry = {
    command: 'node',
    args: [
      'server.js',
      '--token',
      'arg-t0ken',
      '--api-key=arg-k3y-1',
      '--port',
      '3000',
      '--mode',
      'production',
    ],
    env: {
      GITHUB_TOKEN: 'gh-0001',
      NODE_ENV: 'production',
      DB_URL: 'postgres://me:pa%40ss-1@db/x',
      HOME: '/home/me/Projects/aB3dEf',
      PORT: '8080',
      DEBUG: 'true',
      AUTH_TYPE: 'bearer-or-so',
      TOKEN_FILE: '/run/secrets/token',
      SOMETHING: 'aB3dEfGh1JkLmN0pQrStUv',
      PRIVATE_KEY_PATH: '/home/me/.ssh/id_rsa',
    },
    headers: { Authorization: 'Bearer hdr-t0ken', 'X-Api-Key': 'hdr-k3y-22', Accept: 'application/json' },
    url: 'https://example.com/mcp?api_key=query-k3y&page=2000000',
    misplaced: { password: 'in-the-wrong-place' },
    'MY_SECRET=as-a-key-1': 1,
    lifeline: { healthCheck: { tool: 'x', arguments: { key: 'status' } } },
  };

  it('R14.4 finds what names and forms tell, and no more', () => {
    assert.deepEqual(
      secretsIn(entry).sort(),
      [
        'Bearer hdr-t0ken',
        'aB3dEfGh1JkLmN0pQrStUv',
        'arg-k3y-1',
        'arg-t0ken',
        'as-a-key-1',
        'gh-0001',
        'hdr-k3y-22',
        'hdr-t0ken',
        'in-the-wrong-place',
        'pa%40ss-1',
        'pa@ss-1',
        'query-k3y',
      ].sort(),
    );
  });

  it('R14.4 finds the password in basic credentials', () => {
    const value = `Basic ${Buffer.from('me:my-pa55word').toString('base64')}`;
    assert.ok(secretsIn({ headers: { Authorization: value } }).includes('my-pa55word'));
  });

  it('R14.4 takes trivial values for no secrets', () => {
    for (const value of ['true', 'production', '/usr/bin/node', '3000', 'localhost', 'none'])
      assert.equal(isSecretValue('API_TOKEN', value), false, value);
    for (const value of [
      'node',
      'my-service-01.internal.example.com',
      '2026-01-01T00:00:00Z',
      'v1.22.333-rc4',
    ])
      assert.equal(isSecretValue('ANYTHING', value), false, value);
  });

  it('R14.4 reads whatever it is given, within limits', () => {
    fc.assert(fc.property(fc.anything(), (value) => Array.isArray(secretsIn(value))));
    let deep: unknown = 'x';
    for (let depth = 0; depth < 10_000; depth += 1) deep = { token: deep };
    assert.deepEqual(secretsIn(deep), []);
  });

  it('R14.4 reads base64 as Node does', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        assert.deepEqual(Buffer.from(bytesOfBase64(text) ?? []), Buffer.from(bytes));
      }),
    );
  });
});
