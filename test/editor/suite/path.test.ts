import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  activateExtension,
  approveAllTools,
  callTool,
  configuredServers,
  configureServers,
  isRunning,
  killForSure,
  mcpTools,
  nodeBinary,
  pidOf,
  projectRoot,
  readSnapshot,
  startServer,
  until,
  untilServer,
  type ServerEntry,
} from '../support/host.ts';

const everythingTools = ['echo', 'get-sum', 'trigger-long-running-operation'];

/** The whole path: VS Code's MCP client → bridge → engine → server, with servers and engine killed under it. */
describe('the path through VS Code', function () {
  this.timeout(60_000);
  let folder: string;
  let record: string;
  let usual: Readonly<Record<string, ServerEntry>>;
  const executions = (tool: string, key: string): number =>
    existsSync(record)
      ? readFileSync(record, 'utf8')
          .split('\n')
          .filter((line) => line.startsWith(`${tool} ${key} `)).length
      : 0;
  const scripted = (env: Record<string, string> = {}): ServerEntry => ({
    command: nodeBinary(),
    args: [join(projectRoot(), 'test', 'servers', 'scripted.mjs')],
    env: { RECORD: record, NAME: 'Scripted', ...env },
  });
  const enginePid = async (): Promise<number> => (await until('an engine answers', readSnapshot)).engine.pid;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-path-'));
    record = join(folder, 'record.txt');
    await activateExtension();
    await approveAllTools();
    usual = configuredServers();
    await configureServers({ ...usual, scripted: scripted() });
    await startServer('everything', everythingTools);
    await startServer('scripted', ['record', 'readRecord']);
  });

  after(async () => {
    await configureServers(usual);
    rmSync(folder, { recursive: true, force: true });
  });

  it('R1.3 lists every tool of server-everything, and echo answers', async () => {
    const { catalogue } = await untilServer(
      'everything',
      'has its catalogue',
      (server) => (server.catalogue?.tools ?? 0) > 10,
    );
    await until(
      'all its tools are listed',
      () => mcpTools().filter((name) => name.startsWith('mcp_everything')).length === catalogue?.tools,
    );
    assert.equal(await callTool('echo', { message: 'hi' }, { serverPart: 'everything' }), 'Echo: hi');
  });

  it('R2.5 a server that is killed between two calls: the second answers', async () => {
    await callTool('get-sum', { a: 1, b: 2 });
    await killForSure(await pidOf('everything'));
    assert.match(await callTool('get-sum', { a: 20, b: 22 }), /42/);
  });

  it('R2.4 a server that is killed during a read-only call: it is answered', async () => {
    const call = callTool('readRecord', { key: 'vs-read', ms: 800 });
    await until('the call reaches the server', () => executions('readRecord', 'vs-read') === 1);
    await killForSure(await pidOf('scripted'));
    assert.equal(await call, 'readRecord vs-read');
  });

  it('R2.4 R5.11 a server that is killed during any other call: "outcome unknown" within a second, run once', async () => {
    const call = callTool('record', { key: 'vs-write', ms: 20_000 });
    await until('the call reaches the server', () => executions('record', 'vs-write') === 1);
    const pid = await pidOf('scripted');
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    const text = await call;
    assert.ok(performance.now() - killedAt < 1_000);
    assert.match(text, /signal SIGKILL.*unknown.*Verify its effect before retrying/s);
    const after = await callTool('record', { key: 'vs-after' }, { withNotes: true });
    assert.match(after, /^record vs-after\nNote of MCP Lifeline: the MCP server "scripted" was restarted/);
    assert.equal(await callTool('record', { key: 'vs-later' }, { withNotes: true }), 'record vs-later');
    assert.equal(executions('record', 'vs-write'), 1);
  });

  it('R3.4 an engine that is killed: the session stays, calls are answered by the rules, the next within 3 s', async () => {
    const read = callTool('readRecord', { key: 'e-read', ms: 1_000 });
    const write = callTool('record', { key: 'e-write', ms: 20_000 });
    await until(
      'both reach the server',
      () => executions('readRecord', 'e-read') + executions('record', 'e-write') === 2,
    );
    const before = await enginePid();
    process.kill(before, 'SIGKILL');
    const next = callTool('get-sum', { a: 1, b: 1 });
    const killedAt = performance.now();
    assert.match(await next, /2/);
    assert.ok(performance.now() - killedAt < 3_000, `${performance.now() - killedAt} ms`);
    assert.equal(await read, 'readRecord e-read');
    assert.match(await write, /engine was restarted.*unknown/s);
    assert.equal(executions('record', 'e-write'), 1);
    assert.notEqual(await enginePid(), before);
  });

  it('R3.4 an engine that is killed twelve times: VS Code’s session still works', async function () {
    this.timeout(120_000);
    const times: number[] = [];
    for (let round = 1; round <= 12; round += 1) {
      process.kill(await enginePid(), 'SIGKILL');
      const killedAt = performance.now();
      assert.equal(
        await callTool('echo', { key: `round ${round}` }, { serverPart: 'scripted' }),
        `round ${round}`,
      );
      times.push(Math.round(performance.now() - killedAt));
    }
    console.log(`engine kill to next answer, ms: ${times.join(' ')}`);
  });

  it('R1.3 a change of the settings during a 4 s call: the call is answered', async () => {
    const call = callTool('record', { key: 'change', ms: 4_000 });
    await until('the call reaches the server', () => executions('record', 'change') === 1);
    await configureServers({ ...configuredServers(), another: scripted({ NAME: 'Another' }) });
    await untilServer('another', 'is known', () => true);
    assert.equal(await call, 'record change');
    assert.equal(executions('record', 'change'), 1);
  });

  it('a command that does not exist shows its state and why, and costs the others nothing', async () => {
    await configureServers({ ...configuredServers(), gone: { command: 'no-such-program-anywhere' } });
    await until('the start is taken', async () => {
      void startServer('gone', ['never'], { limitMs: 1_000 }).catch(() => undefined);
      return (await readSnapshot())?.servers.some((server) => server.id === 'gone' && server.sessions > 0);
    });
    const gone = await untilServer('gone', 'is in a crash loop', (server) => server.state === 'crashLoop');
    assert.match(gone.sentence, /could not be started: its command "no-such-program-anywhere" was not found/);
    assert.equal(await callTool('echo', { key: 'fine' }, { serverPart: 'scripted' }), 'fine');
  });

  it('R2.2 settings that cannot be used are named with their path; the rest works', async () => {
    await configureServers({
      ...configuredServers(),
      broken: { args: [] },
      scripted: { ...scripted(), lifeline: { connection: { requestTimeout: 100_000 } } },
    });
    const paths = await until('the problems are known', async () => {
      const found = (await readSnapshot())?.problems.map((problem) => problem.path) ?? [];
      return found.length >= 2 ? found : undefined;
    });
    assert.deepEqual(paths.toSorted(), [
      'mcpLifeline.servers.broken.command',
      'mcpLifeline.servers.scripted.lifeline.connection.requestTimeout',
    ]);
    assert.equal(await callTool('echo', { key: 'still' }, { serverPart: 'scripted' }), 'still');
  });

  it('R3.3 a server that is removed from the settings is stopped', async () => {
    const pid = await pidOf('scripted');
    const rest = Object.fromEntries(
      Object.entries(configuredServers()).filter(([name]) => name !== 'scripted'),
    );
    await configureServers(rest);
    await until('its process is gone', () => !isRunning(pid));
  });
});
