import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { textOf, type Message } from '../support/lineClient.ts';
import { messagesOf, RawSession, StandaloneBed } from '../support/standalone.ts';
import { projectRoot, until } from '../support/testEngine.ts';

const leakingServer = join(projectRoot, 'test', 'servers', 'leaking.mjs');

const secrets = {
  chatty: 'ch4tty "quoted"/+ s3cret',
  crash: 'cr4sh-Secret-0f-the-server',
  refuse: 'refus3d-Secret-0f-the-server',
  garbage: 'g4rbage-Secret-0f-the-server',
  flood: 'fl00d-Secret-0f-the-server',
  header: 'he4der-Secret-0f-the-server',
  query: 'qu3ry-Secret-0f-the-server',
  misplaced: 'mispl4ced-Secret-0f-the-server',
  inherited: 'inh3rited-Secret-0f-the-user',
  token: 'the-engines-0wn-bearer-token',
} as const;
const wellKnown = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';

/** What must be found nowhere: each secret as it is, and as it is written in addresses, JSON and base64. */
const forbidden: readonly string[] = [
  wellKnown,
  ...Object.values(secrets).flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    encodeURIComponent(secret),
    Buffer.from(`me:${secret}`).toString('base64').replace(/=+$/, '').slice(0, -2),
    // Half of it, as it is left where a text is cut.
    secret.slice(0, 12),
    secret.slice(-12),
  ]),
];

function leaksIn(text: string): string[] {
  return forbidden.filter((secret) => text.includes(secret));
}

/** Every file below a folder but those that hold secrets because they are for that. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/servers\.json$|[\\/]endpoints[\\/]/.test(file));
}

describe('R14.4 secrets', () => {
  let bed: StandaloneBed;
  let http: Server;
  let address: string;
  beforeEach(async () => {
    bed = new StandaloneBed();
    http = createServer((request, response) => {
      const told = `${'.'.repeat(180)} ${request.headers['x-api-key'] as string} ${request.url ?? ''}`;
      request.resume();
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      if (path === '/401') response.writeHead(401, { 'content-type': 'text/plain' }).end(told);
      else if (path === '/500')
        response
          .writeHead(500, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: { message: told } }));
      else
        response.writeHead(302, { location: `/elsewhere/${request.headers['x-api-key'] as string}` }).end();
    }).listen(0, '127.0.0.1');
    await once(http, 'listening');
    address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await bed.dispose();
    http.closeAllConnections();
    http.close();
  });

  const leaking = (mode: 'chatty' | 'crash' | 'refuse' | 'garbage' | 'flood', more: object = {}): object => ({
    command: process.execPath,
    args: [leakingServer],
    env: { MODE: mode, LEAK_TOKEN: secrets[mode] },
    ...more,
  });

  it('of a server are told nowhere: not in files, not by the program, not to clients', async () => {
    const remote = (path: string): object => ({
      url: `${address}${path}?api_key=${secrets.query}`,
      headers: { 'X-Api-Key': secrets.header },
      lifeline: { connection: { maxRetries: 0 } },
    });
    const config = {
      servers: {
        chatty: leaking('chatty', {
          lifeline: {
            healthCheck: { tool: 'sick' },
            connection: { healthCheckInterval: 1, retryBackoffBase: 0.1, retryBackoffMax: 1 },
          },
        }),
        crash: leaking('crash'),
        refuse: leaking('refuse'),
        garbage: leaking('garbage'),
        flood: leaking('flood'),
        r401: remote('/401'),
        r500: remote('/500'),
        r302: remote('/302'),
        wrong: {
          command: `API_TOKEN=${secrets.misplaced} node`,
          apiToken: secrets.misplaced,
          env: { [`MY_TOKEN=${secrets.misplaced}`]: 'x', [wellKnown]: ['x'] },
          lifeline: { [wellKnown]: true, password: secrets.misplaced },
        },
        [`unusable`]: { command: 5, token: secrets.misplaced, [wellKnown]: 1 },
      },
      lifeline: {
        audit: true,
        connection: { retryBackoffBase: 0.1, retryBackoffMax: 1, maxRetries: 1 },
      },
      [wellKnown]: true,
    };
    const env = { MCP_LIFELINE_TOKEN: secrets.token, USERS_API_KEY: secrets.inherited };
    const { ready, running } = await bed.serve(config, { env });
    const said: string[] = [];
    const answers: Record<string, string> = {};
    await Promise.all(
      Object.entries(ready.servers).map(async ([name, { url }]) => {
        const session = new RawSession(url, ready.token);
        // Whoever cannot be started answers nothing for long; what is told of it is in the log and the snapshot.
        const begun = await Promise.race([
          session.initialize(),
          until(
            `the end of ${name}`,
            () => new RegExp(`\\[${name}\\] \\w+ -> crashLoop `).test(running.stderr),
            60_000,
          ),
        ]);
        if (typeof begun === 'object') said.push(begun.text);
        const first = await session.post({
          id: 1,
          method: 'tools/call',
          params: { name: 'boom', arguments: {} },
        });
        said.push(first.text);
        const second = await session.post({
          id: 2,
          method: 'tools/call',
          params: { name: 'tell', arguments: {} },
        });
        answers[name] = second.text;
      }),
    );
    await until('the failed health check', () => running.stderr.includes('own health check failed'), 30_000);
    await until('the crash loop', () => /\[crash\] \w+ -> crashLoop /.test(running.stderr), 60_000);
    await until('the words of the flood', () => running.stderr.includes('were left out here'), 30_000);
    const { endpoint } = ready;
    for (const args of [
      ['status'],
      ['status', '--json'],
      ['recover', 'crash'],
      ['recover', 'refuse', '--json'],
    ]) {
      const done = await bed.run([...args, '--endpoint', endpoint]);
      assert.ok(done.stdout.length > 0, `${args.join(' ')}: ${done.stderr}`);
      said.push(done.stdout, done.stderr);
    }
    const misused = await bed.run(['serve', '--config', bed.configFile, wellKnown]);
    said.push(misused.stderr);
    running.child.kill('SIGTERM');
    await running.end();

    // What the servers answered is the user's, and went through as it was.
    const data = (name: string): string =>
      textOf(
        (JSON.parse(answers[name] ?? '') as Message).result ?? messagesOf(answers[name] ?? '')[0]?.result,
      );
    assert.equal(data('garbage'), `the user's own data: ${secrets.garbage}`);
    // Something was redacted, of each of them.
    const log = running.stderr;
    for (const name of ['chatty', 'crash', 'refuse', 'garbage', 'flood', 'r401', 'r500'])
      assert.match(log, new RegExp(`\\[${name}\\] .*\\[redacted\\]`), name);
    assert.deepEqual(leaksIn(log), [], 'the log of the program');
    for (const text of said) assert.deepEqual(leaksIn(text), [], text);
    const files = filesBelow(bed.home);
    assert.ok(files.some((file) => file.endsWith('.log')));
    assert.ok(files.some((file) => /audit-\d+\.jsonl$/.test(file)));
    for (const file of files) assert.deepEqual(leaksIn(readFileSync(file, 'utf8')), [], file);
  });

  it('that only the login shell knows are told nowhere either', async function () {
    if (process.platform === 'win32') this.skip();
    const program = (name: string, text: string): string => {
      const file = join(bed.home, name);
      writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      return file;
    };
    program('leaking-server', `exec '${process.execPath}' '${leakingServer}'`);
    const profile = `export PATH="${bed.home}:$PATH" LEAK_TOKEN='${secrets.chatty}'`;
    const shell = program('bash', `${profile}\nexec /bin/sh -c "$4"`);
    const servers = { chatty: { command: 'leaking-server' } };
    const { ready, running } = await bed.serve({ servers }, { env: { SHELL: shell } });
    await new RawSession(ready.servers['chatty']?.url ?? '', ready.token).initialize();
    await until('its words', () => running.stderr.includes('in JSON in JSON'), 30_000);
    running.child.kill('SIGTERM');
    await running.end();
    assert.match(running.stderr, /\[chatty\] .*\[redacted\]/);
    assert.deepEqual(leaksIn(running.stderr), []);
  });
});
