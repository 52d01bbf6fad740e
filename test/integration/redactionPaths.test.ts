import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import {
  messagesOf,
  RawSession,
  send,
  StandaloneBed,
  type ReadyLine,
  type Running,
} from '../support/standalone.ts';
import { descendants } from '../support/processTree.ts';
import { projectRoot, until } from '../support/testEngine.ts';
import { ControlListener } from '../support/controlListener.ts';

const telltale = join(projectRoot, 'test', 'servers', 'telltale.mjs');

/** Where a secret is put, and what it is; each another one, so that what leaks says where from. */
const planted = {
  'environment of an entry': 'ent1y-env-Secret-aaaa',
  'argument of an entry': 'ent1y-arg-Secret-bbbb',
  'argument with its name': 'ent1y-opt-Secret-cccc',
  'header of an entry': 'ent1y-head-Secret-dddd',
  'query of an address': 'ent1y-query-Secret-eeee',
  'user info of an address': 'ent1y-user-Secret-ffff',
  'one of several addresses': 'ent1y-others-Secret-gggg',
  'arguments of a health check': 'h3alth-args-Secret-hhhh',
  'command of a health check': 'h3alth-cmd-Secret-iiii',
  'address of a health check': 'h3alth-url-Secret-jjjj',
  'a key in the wrong place': 'wr0ng-place-Secret-kkkk',
  'an entry that cannot be used': 'wr0ng-entry-Secret-llll',
  'name of a tool': 't0ol-name-Secret-mmmm',
  'inherited environment': 'inh3rited-Secret-nnnn',
  'token of the endpoint': 'the-engines-0wn-Secret-oooo',
  'connection settings': 'c0nnection-Secret-pppp',
  'telemetry settings': 't3lemetry-Secret-qqqq',
  'header of a client': 'cl1ent-head-Secret-rrrr',
  'query of a client': 'cl1ent-query-Secret-ssss',
  'token of a client that is refused': 'cl1ent-token-Secret-tttt',
  'command line': 'ghp_0123456789abcdefghijABCDEFGHIJ012345',
} as const;
type Place = keyof typeof planted;

/** As it is, in addresses, in JSON, and a half, as it is left where a text is cut. */
function leaksIn(text: string, except: readonly Place[] = []): string[] {
  return (Object.keys(planted) as Place[])
    .filter((place) => !except.includes(place))
    .filter((place) => {
      const secret = planted[place];
      return [secret, encodeURIComponent(secret), secret.slice(0, 14), secret.slice(-12)].some((form) =>
        text.includes(form),
      );
    });
}

describe('R14.4 R11.4 secrets, through every path', () => {
  const bed = new StandaloneBed();
  let remote: Server;
  let listener: ControlListener;
  let ready: ReadyLine;
  let running: Running;
  /** What came out, by where. */
  const sinks = new Map<string, string>();

  before(async function () {
    this.timeout(120_000);
    // It quotes what it was given in every refusal.
    remote = createServer((request, response) => {
      request.resume();
      const status = Number(/^\/(\d+)/.exec(request.url ?? '')?.[1] ?? 500);
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(`${request.url ?? ''} ${JSON.stringify(request.headers)}`);
    }).listen(0, '127.0.0.1');
    await once(remote, 'listening');
    const address = `127.0.0.1:${(remote.address() as AddressInfo).port}`;
    const quick = { retryBackoffBase: 0.1, retryBackoffMax: 1, maxRetries: 1, healthCheckInterval: 1 };
    const local = (healthCheck: object, more: object = {}): object => ({
      command: process.execPath,
      args: [
        telltale,
        '--api-key',
        planted['argument with its name'],
        `--token=${planted['argument of an entry']}`,
      ],
      env: { MY_SECRET: planted['environment of an entry'], NAMED_AFTER: planted['name of a tool'] },
      ...more,
      lifeline: { healthCheck, connection: quick },
    });
    // What is called like a name is known by where else it stands.
    const named = { env: { NAMED_AFTER: planted['name of a tool'], TOOL_TOKEN: planted['name of a tool'] } };
    const config = {
      servers: {
        tool: local({ tool: 'sick', arguments: { token: planted['arguments of a health check'] } }, named),
        command: local({
          command: process.execPath,
          args: [
            '-e',
            'console.error(process.argv.join()); process.exit(1)',
            '--',
            '--token',
            planted['command of a health check'],
          ],
        }),
        url: local({ url: `http://${address}/503?api_key=${planted['address of a health check']}` }),
        refused: {
          url: `http://${address}/401?token=${planted['query of an address']}`,
          headers: { 'X-Api-Key': planted['header of an entry'] },
        },
        withUser: { url: `http://me:${planted['user info of an address']}@${address}/401` },
        several: {
          url: `http://${address}/500`,
          headers: { Authorization: `Bearer ${planted['header of an entry']}` },
          lifeline: {
            endpoints: [`http://${address}/503?key=${planted['one of several addresses']}`],
            connection: quick,
          },
        },
        misplaced: { command: 'no-such-program', apiToken: planted['a key in the wrong place'] },
        unusable: { command: 5, password: planted['an entry that cannot be used'] },
      },
      lifeline: {
        audit: true,
        logLevel: 'debug',
        connection: { password: planted['connection settings'] },
        telemetry: {
          otlp: `http://127.0.0.1:9/?token=${planted['telemetry settings']}`,
          password: planted['telemetry settings'],
        },
      },
    };
    const env = {
      MCP_LIFELINE_TOKEN: planted['token of the endpoint'],
      USERS_API_KEY: planted['inherited environment'],
    };
    ({ ready, running } = await bed.serve(config, { env }));
    listener = await ControlListener.connect(ready.endpoint);
    await Promise.all(Object.entries(ready.servers).map(([name, { url }]) => use(name, url)));
    for (const name of ['tool', 'command', 'url']) {
      const failed = `[${name}] its own health check failed`;
      await until(`the failed check of ${name}`, () => running.stderr.includes(failed), 60_000);
    }
    // It ends of that, so the layer answers, and names the tool.
    const answer = await session('tool').call(3, `tool_${planted['name of a tool']}`, {});
    // Its own messages before that are the user's data; in `_meta` the tool is called as the client called it.
    const told = textOf(messagesOf(answer.text).find(({ id }) => id === 3)?.result);
    assert.match(told, /the tool "tool_/);
    sinks.set('an answer of the layer', told);
    await until('its last words', () => running.stderr.includes('Its last output: '), 30_000);
    await readSinks();
  });
  after(async () => {
    listener.close();
    await bed.dispose();
    remote.closeAllConnections();
    remote.close();
  });

  const sessions = new Map<string, RawSession>();
  const session = (name: string): RawSession => sessions.get(name) ?? assert.fail(name);

  /** A client that has secrets of its own. */
  async function use(name: string, url: string): Promise<void> {
    const mine = new RawSession(`${url}?api_key=${planted['query of a client']}`, ready.token);
    sessions.set(name, mine);
    const headers = { 'x-api-key': planted['header of a client'] };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    await send(url, {
      method: 'POST',
      headers: {
        ...mine.headers(headers),
        authorization: `Bearer ${planted['token of a client that is refused']}`,
      },
      body: JSON.stringify(body),
    });
    const begun = mine.initialize().catch(() => undefined);
    const down = new RegExp(`\\[${name}\\] \\w+ -> (?:crashLoop|needsSignIn|recovering) `);
    const isUp = await Promise.race([
      begun.then(() => true),
      until(`the end of ${name}`, () => down.test(running.stderr), 60_000).then(() => false),
    ]);
    if (!isUp && mine.id === undefined) return;
    for (const tool of ['refuse', 'sick']) await mine.call(2, tool, {});
  }

  async function readSinks(): Promise<void> {
    const { endpoint, url, token } = ready;
    const runs: [string, string[]][] = [
      ['status', ['status', '--endpoint', endpoint]],
      ['status of one', ['status', 'tool', '--endpoint', endpoint]],
      ['the snapshot', ['status', '--json', '--endpoint', endpoint]],
      ['recover', ['recover', 'refused', '--endpoint', endpoint]],
      ['recover as JSON', ['recover', 'misplaced', '--json', '--endpoint', endpoint]],
      ['wrong usage', ['serve', '--config', bed.configFile, planted['command line']]],
      ['an unknown option', ['status', `--${planted['command line']}`]],
      ['an unknown command', [planted['command line']]],
      ['an unknown server', ['recover', planted['command line'], '--endpoint', endpoint]],
    ];
    for (const [what, args] of runs) {
      const { stdout, stderr } = await bed.run(args);
      assert.ok((stdout + stderr).length > 0, what);
      sinks.set(what, stdout + stderr);
    }
    const headers = { authorization: `Bearer ${token}` };
    sinks.set('/status', (await send(`${url}/status`, { headers })).text);
    sinks.set('history', JSON.stringify(await listener.history()));
    sinks.set('snapshots to the extension', JSON.stringify(listener.snapshots));
    await until('log lines', () => listener.entries.length > 50);
    sinks.set('log lines to the extension', JSON.stringify(listener.entries));
    for (const pid of [running.child.pid ?? 0, ...descendants(running.child.pid ?? 0)]) {
      const words = commandLineOf(pid);
      // What a person wrote as an argument is one; of ours nothing is added.
      const own = words.includes('telltale') || words.includes('console.error(process.argv');
      if (!own) sinks.set(`command line of ${words.slice(0, 80)} (${pid})`, words);
    }
    readFiles();
    running.child.kill('SIGTERM');
    await running.end();
    sinks.set('the log of serve', running.stderr);
    readFiles();
  }

  function readFiles(): void {
    for (const entry of readdirSync(bed.home, { withFileTypes: true, recursive: true })) {
      const file = join(entry.parentPath, entry.name);
      // What the user wrote, and what servers have listed: the user's own data.
      if (entry.isFile() && file !== bed.configFile && !file.includes(join(bed.home, 'catalogue')))
        sinks.set(file.slice(bed.home.length), readFileSync(file, 'utf8'));
    }
  }

  it('come out nowhere', () => {
    for (const [where, text] of sinks)
      assert.deepEqual(leaksIn(text, exceptIn(where)), [], `${where}\n${text.slice(0, 4_000)}`);
    const names = [...sinks.keys()].join('\n');
    for (const wanted of [
      /logs.serve-.*\.log/,
      /audit-\d+\.jsonl/,
      /journal/,
      /command line of .*engine\.cjs/,
    ])
      assert.match(names, wanted);
  });

  /** Where each must have been taken out: else the test would prove nothing. */
  const shown: [Place, RegExp][] = [
    ['environment of an entry', /\[command\] stderr: I know MY_SECRET=\[redacted\]/],
    ['argument of an entry', /\[tool\] stderr: I know --token=\[redacted\]/],
    ['argument with its name', /\[tool\] stderr: I know \[redacted\]/],
    ['header of an entry', /\[refused\] .*\[redacted\]/],
    ['query of an address', /\[refused\] .*token=\[redacted\]/],
    ['arguments of a health check', /\[tool\] its own health check failed: .*"token":"\[redacted\]/],
    ['command of a health check', /\[command\] its own health check failed: /],
    ['name of a tool', /\[tool\] .*call \w+ \(tool_\[redacted\]\)/],
    ['inherited environment', /stderr: I know USERS_API_KEY=\[redacted\]/],
  ];
  for (const [place, pattern] of shown) {
    it(`${place}: the log has the line, without it`, () =>
      assert.ok(
        pattern.test(running.stderr),
        running.stderr
          .split('\n')
          .filter((line) => !/I know|not JSON/.test(line))
          .join('\n'),
      ));
  }
});

/** The journal has to name the tool whose outcome is unknown, as its server named it. */
function exceptIn(where: string): readonly Place[] {
  return where.includes('journal') ? ['name of a tool'] : [];
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // ended meanwhile
  }
}
