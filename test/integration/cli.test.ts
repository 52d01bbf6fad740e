import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { parseSnapshot, type Snapshot } from '../../src/shared/model/snapshot.ts';
import { readEndpointFile } from '../../src/endpoint/endpointFile.ts';
import { LineClient, textOf, type Message } from '../support/lineClient.ts';
import { descendants } from '../support/processTree.ts';
import { freePort, RawSession, send, StandaloneBed, type ReadyLine } from '../support/standalone.ts';
import {
  ControlClient,
  enginePath,
  isRunning,
  projectRoot,
  scripted,
  TestBed,
  until,
} from '../support/testEngine.ts';

const text = (message: string): string => textOf((JSON.parse(message) as Message).result);
const quick = { retryBackoffBase: 0.1, retryBackoffMax: 1 };

describe('the program’s usage', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());

  it('tells its commands and its version', async () => {
    const help = await bed.run(['--help']);
    assert.equal(help.code, 0);
    for (const command of ['serve', 'bridge', 'status', 'recover', 'verify-audit'])
      assert.ok(help.stdout.includes(command));
    assert.deepEqual(await bed.run(['--version']), {
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
  });

  it('is the npm program, and can be run', () => {
    assert.deepEqual(packageJson.bin, { 'mcp-lifeline': 'dist/engine.cjs' });
    assert.ok(readFileSync(enginePath, 'utf8').startsWith('#!/usr/bin/env node\n'));
    assert.ok((statSync(enginePath).mode & 0o111) !== 0);
  });

  const good = (): string => bed.writeConfig({ servers: {} });
  const wrong: [string, () => string[], RegExp, NodeJS.ProcessEnv?][] = [
    ['no command', () => [], /command is missing/],
    ['an unknown command', () => ['fly'], /no command "fly"/],
    ['an audit that is not there', () => ['verify-audit'], /There is no audit trail/],
    ['an unknown option', () => ['serve', '--config', good(), '--bogus'], /bogus/],
    ['an argument too many', () => ['serve', 'x'], /argument/],
    ['serve without a file', () => ['serve'], /--config/],
    ['a file that is not there', () => ['serve', '--config', 'none.json'], /none\.json cannot be read/],
    ['a folder for a file', () => ['serve', '--config', '.'], /is not a file/],
    ['a port that is none', () => ['serve', '--config', good(), '--port', '70000'], /0 to 65535/],
    ['a port of words', () => ['serve', '--config', good(), '--port', '8o80'], /0 to 65535/],
    ['port and socket', () => ['serve', '--config', good(), '--port', '1', '--socket', 'x'], /exclude/],
    [
      'a socket with too long a path',
      () => ['serve', '--config', good(), '--socket', 'x'.repeat(120)],
      /100 bytes/,
    ],
    ['a short token', () => ['serve', '--config', good()], /16 to 512/, { MCP_LIFELINE_TOKEN: 'short' }],
    [
      'a token with blanks',
      () => ['serve', '--config', good()],
      /printable/,
      { MCP_LIFELINE_TOKEN: 'with a blank in the middle' },
    ],
    [
      'what is not JSON',
      () => ['serve', '--config', bed.writeConfig('{ "servers": {\n ]} }')],
      /not JSON: \w+ in line 2/,
    ],
    ['a list', () => ['serve', '--config', bed.writeConfig('[]')], /must be a JSON object/],
    ['endpoint and window', () => ['status', '--endpoint', 'x', '--window', 'y'], /exclude/],
    ['a window id that is none', () => ['status', '--window', '../x'], /not a window id/],
    ['a window engine without a window', () => ['engine'], /--window/],
  ];
  for (const [what, args, why, env] of wrong) {
    it(`${what}: a sentence and exit code 2`, async () => {
      const { code, stdout, stderr } = await bed.run(args(), env);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, why);
      assert.ok(!stderr.includes('    at '), stderr);
    });
  }

  it('status and recover without an engine: exit code 3', async () => {
    for (const args of [
      ['status'],
      ['recover'],
      ['status', '--window', 'w9'],
      ['status', '--endpoint', 'none.json', '--json'],
    ]) {
      const { code, stderr } = await bed.run(args);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /No engine/);
    }
  });
});

describe('serve', () => {
  let bed: StandaloneBed;
  beforeEach(() => {
    bed = new StandaloneBed();
  });
  afterEach(() => bed.dispose());

  const session = async (ready: ReadyLine, name: string): Promise<RawSession> => {
    const made = new RawSession(ready.servers[name]?.url ?? '', ready.token);
    await made.initialize();
    return made;
  };

  it('R15.1 prints one line when it is ready, and logs to stderr', async () => {
    const { ready, running } = await bed.serve({ servers: { one: scripted() } }, { args: ['--json'] });
    assert.match(ready.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(ready.servers['one']?.url, `${ready.url}/mcp/one`);
    assert.equal(ready.pid, running.child.pid);
    assert.equal(readEndpointFile(ready.endpoint)?.pid, ready.pid);
    assert.ok(ready.token.length >= 43);
    await (await session(ready, 'one')).call(1, 'echo', { key: 'x' });
    assert.equal(running.stdout.split('\n').length, 2);
    const logged = running.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(
      logged.some(
        ({ server, message }) => server === 'one' && String(message).startsWith('probing -> ready'),
      ),
    );
  });

  it('takes the token and the port that it is given', async () => {
    const port = await freePort();
    const token = 'chosen-token-0123456789';
    const { ready } = await bed.serve(
      { servers: {} },
      { args: ['--port', String(port)], env: { MCP_LIFELINE_TOKEN: token } },
    );
    assert.deepEqual([ready.url, ready.token], [`http://127.0.0.1:${port}`, token]);
    assert.equal(
      (await send(`${ready.url}/status`, { headers: { authorization: `bearer ${token}` } })).status,
      200,
    );
  });

  it('with a port that is taken: a sentence, exit code 1, and nothing left', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      const args = ['serve', '--config', bed.writeConfig({ servers: {} }), '--port', String(port)];
      const { code, stdout, stderr } = await bed.run(args);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, new RegExp(`^mcp-lifeline could not start: port ${port} .*in use.*\\n$`));
      assert.deepEqual(leftFiles(bed.home), []);
    } finally {
      holder.close();
    }
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`R14.5 R15.1 ${signal}: exit code 0, no process, no file`, async () => {
      const record = join(bed.home, 'record.txt');
      const servers = { one: scripted({ RECORD: record }), two: scripted() };
      const { ready, running } = await bed.serve({ servers });
      await (await session(ready, 'two')).call(1, 'pid');
      const made = await session(ready, 'one');
      const call = made.call(2, 'record', { key: 'open', ms: 20_000 });
      await until('the call to run', () => existsSync(record));
      const processes = descendants(ready.pid);
      assert.ok(processes.length >= 3, 'two servers and the guardian');
      running.child.kill(signal);
      assert.equal(await running.end(), 0);
      assert.match(text((await call).text), /stopping.*not known/);
      await until('all processes to end', () => processes.every((pid) => !isRunning(pid)));
      assert.deepEqual(leftFiles(bed.home), []);
    });
  }

  it('a signal while it is starting: exit code 0, nothing left', async () => {
    const running = bed.start(['serve', '--config', bed.writeConfig({ servers: {} })]);
    await until(
      'the lock',
      () => existsSync(join(bed.home, 'locks')) && readdirSync(join(bed.home, 'locks')).length > 0,
    );
    running.child.kill('SIGTERM');
    const code = await running.end();
    // Before its handlers are there, a signal ends a process by itself.
    assert.ok(code === 0 || running.child.signalCode === 'SIGTERM', String(code));
    assert.deepEqual(
      leftFiles(bed.home).filter((name) => !name.startsWith('locks')),
      [],
    );
  });

  it('reports each problem with its place, and serves the rest', async () => {
    const { ready, running } = await bed.serve({
      mcpServers: {
        good: scripted(),
        Good: scripted(),
        bad: { command: 7 },
        odd: {
          ...scripted(),
          colour: 'red',
          lifeline: { cache: { ttl: 5 }, connection: { maxRetries: 99 } },
        },
      },
      inputs: [{ id: 'x', type: 'command', command: 'y' }],
      extra: 1,
      lifeline: {
        alerts: { journal: { enabled: 1 } },
        connection: { requestTimeout: 'long', speed: 1 },
        what: 1,
      },
    });
    assert.deepEqual(Object.keys(ready.servers), ['good', 'odd']);
    for (const place of [
      'inputs[0].type: is "command"',
      'extra: is not a known setting',
      'lifeline.alerts.journal.enabled: must be true or false',
      'lifeline.what: is not a known setting',
      'lifeline.connection.requestTimeout: must be a number',
      'lifeline.connection.speed: is not a known setting',
      'mcpServers.Good: has the same name',
      'mcpServers.bad.command: must name the program',
      'mcpServers.odd.colour: is not a known setting',
      'mcpServers.odd.lifeline.cache.ttl: is not supported by this version',
      'mcpServers.odd.lifeline.connection.maxRetries: must be between',
    ])
      assert.ok(running.stderr.includes(`configuration: ${place}`), `${place}\n${running.stderr}`);
  });

  it('R2.1 R2.2 takes the global_settings of an existing deployment as they are, stronger than the environment', async () => {
    const handling = { max_connections: 7, request_timeout: 0, retry_backoff_jitter: 0.1 };
    const { ready, running } = await bed.serve(
      { mcpServers: { s: scripted() }, global_settings: { connection_handling: handling, logging: {} } },
      { env: { MCP_MAX_CONNECTIONS: '6', MCP_READ_TIMEOUT: 'long' } },
    );
    const place =
      'configuration: global_settings.connection_handling.request_timeout: must be between 1 and 600';
    await until('the problems', () => running.stderr.includes('environment.MCP_READ_TIMEOUT'));
    assert.ok(running.stderr.includes(place), running.stderr);
    assert.match(running.stderr, /global_settings: holds "logging"/);
    const { stdout } = await bed.run(['status', '--endpoint', ready.endpoint, '--json']);
    const snapshot = JSON.parse(stdout) as Snapshot;
    assert.equal(snapshot.servers[0]?.pool.max, 7);
  });

  it('R1.8 starts servers without a folder in the one it was started in', async () => {
    const { ready } = await bed.serve({ servers: { one: scripted() } });
    const made = await session(ready, 'one');
    assert.equal(text((await made.call(1, 'cwd')).text), realpathSync(bed.home));
  });

  it('reads the file again on SIGHUP; a broken one changes nothing', async () => {
    const { ready, running } = await bed.serve({ servers: { one: scripted() } });
    const made = await session(ready, 'one');
    const names = async (): Promise<string[]> => {
      const { text: body } = await send(`${ready.url}/status`, {
        headers: { authorization: `Bearer ${ready.token}` },
      });
      return (JSON.parse(body) as Snapshot).servers.map(({ id }) => id);
    };
    bed.writeConfig('{ broken');
    running.child.kill('SIGHUP');
    await until('the complaint', () => running.stderr.includes('the former configuration stays'));
    assert.deepEqual(await names(), ['one']);
    bed.writeConfig({ servers: { one: scripted(), two: scripted() } });
    running.child.kill('SIGHUP');
    await until('the new file', () => running.stderr.includes('the configuration was read again'));
    assert.deepEqual(await names(), ['one', 'two']);
    assert.equal(text((await made.call(1, 'echo', { key: 'same session' })).text), 'same session');
    const two = new RawSession(`${ready.url}/mcp/two`, ready.token);
    assert.equal((await two.initialize()).status, 200);
  });

  it('R14.2 serves a socket that only its owner can open, and replaces one that was left behind', async () => {
    const path = join(bed.home, 'http.sock');
    const first = await bed.serve({ servers: { one: scripted() } }, { args: ['--socket', 'http.sock'] });
    assert.equal(first.ready.url, `unix://${path}`);
    assert.equal(first.ready.servers['one']?.url, `unix://${path}#/mcp/one`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(await statusOver(path, first.ready.token), 200);
    assert.equal(await statusOver(path, 'wrong'), 401);
    const taken = await bed.run(['serve', '--config', bed.configFile, '--socket', path]);
    assert.deepEqual([taken.code, taken.stdout], [1, '']);
    assert.match(taken.stderr, /in use/);
    assert.equal(await statusOver(path, first.ready.token), 200);
    first.running.child.kill('SIGKILL');
    await first.running.end();
    const second = await bed.serve({ servers: {} }, { args: ['--socket', path] });
    assert.equal(await statusOver(path, second.ready.token), 200);
    second.running.child.kill('SIGTERM');
    assert.equal(await second.running.end(), 0);
    assert.ok(!existsSync(path));
  });

  it('leaves a file alone that is no socket', async () => {
    const file = join(bed.home, 'notes.txt');
    writeFileSync(file, 'mine');
    const { code, stderr } = await bed.run([
      'serve',
      '--config',
      bed.writeConfig({ servers: {} }),
      '--socket',
      file,
    ]);
    assert.equal(code, 1, stderr);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
  });

  it('keeps its state where the file says', async () => {
    const { ready } = await bed.serve({ servers: {}, lifeline: { stateFolder: 'state' } });
    assert.ok(ready.endpoint.startsWith(join(realpathSync(bed.home), 'state', 'endpoints')), ready.endpoint);
  });

  it('goes on when nobody reads its log', async () => {
    const noisy = scripted({
      STDERR: Array.from({ length: 30 }, (_, n) => `${n}${'x'.repeat(3_000)}`).join('\n'),
    });
    const { ready, running } = await bed.serve({ servers: { noisy } });
    running.child.stderr?.pause();
    for (let round = 0; round < 12; round += 1) {
      const made = await session(ready, 'noisy');
      assert.equal(text((await made.call(1, 'echo', { key: 'fine' })).text), 'fine');
    }
    running.child.stderr?.resume();
  });

  it('R15.1 serves a bridge through the printed endpoint file', async () => {
    const { ready } = await bed.serve({ servers: { one: scripted() } });
    for (const program of [enginePath, join(projectRoot, 'src', 'engine', 'main.ts')]) {
      const args = [program, 'bridge', '--server', 'one', '--endpoint', ready.endpoint];
      const client = new LineClient(process.execPath, args, { env: bed.environment() });
      await client.initialize();
      const answer = await client.request('tools/call', { name: 'echo', arguments: { key: 'bridge' } });
      assert.equal(textOf(answer.result), 'bridge');
      await client.close();
    }
  });

  it('R3.4 R15.1 a bridge goes on when the engine was killed and is started again with the same file', async () => {
    const servers = { one: scripted() };
    const first = await bed.serve({ servers });
    const args = [enginePath, 'bridge', '--server', 'one', '--endpoint', first.ready.endpoint];
    const client = new LineClient(process.execPath, args, { env: bed.environment() });
    await client.initialize();
    const pid = Number(textOf((await client.request('tools/call', { name: 'pid', arguments: {} })).result));
    first.running.child.kill('SIGKILL');
    await first.running.end();
    const second = await bed.serve({ servers });
    assert.equal(second.ready.endpoint, first.ready.endpoint);
    const answer = await client.request('tools/call', { name: 'pid', arguments: {} });
    assert.notEqual(Number(textOf(answer.result)), pid);
    await until('the old server to end', () => !isRunning(pid));
    await client.close();
  });

  it('a language client looks on and changes nothing', async () => {
    const { ready } = await bed.serve({ servers: { one: scripted() } });
    const info = readEndpointFile(ready.endpoint);
    assert.ok(info);
    const control = await ControlClient.connect(info, {
      servers: [{ name: 'other', entry: scripted(), origin: 'user' }],
      connection: { user: {}, workspace: {} },
      trusted: true,
    });
    const { servers } = await control.snapshot();
    control.close();
    assert.deepEqual(
      servers.map(({ id }) => id),
      ['one'],
    );
  });
});

describe('status and recover', () => {
  const bed = new StandaloneBed();
  const flag = join(bed.home, 'broken');
  let ready: ReadyLine;
  before(async () => {
    ({ ready } = await bed.serve({
      servers: {
        well: scripted(),
        ill: scripted({ EXIT_IF: flag }, { connection: quick }),
      },
    }));
  });
  after(() => bed.dispose());

  it('R15.1 0 while everything is well: a table, or the snapshot as JSON', async () => {
    const named = await bed.run(['status', '--endpoint', ready.endpoint]);
    assert.equal(named.code, 0, named.stderr);
    assert.match(named.stdout, /^SERVER +STATE +BREAKER +CALLS +FAILED .*LAST ERROR$/m);
    assert.match(named.stdout, /^ill +idle +closed +0 +0 .* -$/m);
    assert.ok(!named.stdout.includes('\u001b'), 'no colours into a pipe');
    const only = await bed.run(['status', '--json']);
    assert.equal(only.code, 0);
    assert.equal(parseSnapshot(JSON.parse(only.stdout)).engine.pid, ready.pid);
  });

  it('R15.1 1 when a server is not; recover tells what became of it', async () => {
    writeFileSync(flag, '');
    const ill = new RawSession(ready.servers['ill']?.url ?? '', ready.token);
    await ill.initialize();
    const status = await bed.run(['status']);
    assert.equal(status.code, 1);
    assert.match(status.stdout, /^ill +crashLoop, next try in \d+s /m);
    const failed = await bed.run(['recover', 'ill']);
    assert.deepEqual(
      [failed.code, /^ill +failed +\S/m.test(failed.stdout)],
      [1, true],
      failed.stdout + failed.stderr,
    );
    rmSync(flag);
    const recovered = await bed.run(['recover', 'ill', '--json']);
    assert.equal(recovered.code, 0, recovered.stdout);
    assert.match(recovered.stdout, /^\{"results":\[\{"server":"ill","outcome":"recovered"/);
    const all = await bed.run(['recover']);
    assert.deepEqual([all.code, /^ill +skipped +It is healthy/m.test(all.stdout)], [0, true], all.stdout);
    assert.equal((await bed.run(['status'])).code, 0);
  });

  it('2 for a server that the engine does not have, with the names of those it has', async () => {
    const { code, stderr } = await bed.run(['recover', 'none']);
    assert.equal(code, 2);
    assert.match(stderr, /no server "none".*ill/);
  });

  it('2 when several engines run and none is named; each can be named', async () => {
    const second = await bed.serve(JSON.parse(readFileSync(bed.configFile, 'utf8')));
    assert.notEqual(
      second.ready.endpoint,
      ready.endpoint,
      'a second engine of the file has files of its own',
    );
    const { code, stderr } = await bed.run(['status']);
    assert.equal(code, 2);
    for (const { pid } of [ready, second.ready])
      assert.match(stderr, new RegExp(`--window serve-\\S+ +\\(pid ${pid}\\)`));
    const [, window = ''] = /--window (\S+)/.exec(stderr) ?? [];
    assert.equal((await bed.run(['status', '--window', window])).code, 0);
    second.running.child.kill('SIGTERM');
    assert.equal(await second.running.end(), 0);
  });

  it('leave the settings of a window’s engine as they are', async () => {
    const window = new TestBed('w7');
    try {
      const { control } = await window.configure({ one: scripted() }).startEngine();
      const env = { MCP_LIFELINE_HOME: window.home };
      const { code, stdout } = await bed.run(['status', '--window', 'w7'], env);
      assert.equal(code, 0);
      assert.match(stdout, /^one /m);
      assert.equal((await bed.run(['recover'], env)).code, 0);
      assert.equal((await control.snapshot()).servers.length, 1);
    } finally {
      await window.dispose();
    }
  });
});

/** Files of engines that should not be there any more; logs and what was learned may stay. */
function leftFiles(home: string): string[] {
  return ['endpoints', 'locks', 'run', 'journal'].flatMap((folder) => {
    const path = join(home, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => !statSync(join(path, name)).isDirectory())
      .map((name) => join(folder, name));
  });
}

function statusOver(socketPath: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, host: 'localhost' };
    const request = httpRequest({ socketPath, path: '/status', headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.setTimeout(10_000, () => request.destroy(new Error('no answer in 10 s')));
    request.on('error', reject);
    request.end();
  });
}
