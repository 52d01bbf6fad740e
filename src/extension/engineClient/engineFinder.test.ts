import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineConnection } from '../../endpoint/connect.ts';
import { endpointFile, endpointsFolder } from '../../endpoint/location.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { MAX_SEMI_SPACE_MB } from '../../shared/model/youngGeneration.ts';
import { openEngine } from './engineFinder.ts';
import { reconnectDelayMs } from './reconnectDelay.ts';
import { windowIdOf } from './windowId.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'test', 'support', 'fakeEngine.ts');

describe('engine finder', () => {
  let home: string;
  const log: string[] = [];
  const opened: EngineConnection[] = [];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-find-'));
    process.env['MCP_LIFELINE_HOME'] = home;
    log.length = 0;
  });

  afterEach(() => {
    // The program ends with its connection.
    for (const { socket } of opened.splice(0)) socket.destroy();
    delete process.env['MCP_LIFELINE_HOME'];
    delete process.env['FAKE_ENGINE'];
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  const open = async (
    changes: Partial<Parameters<typeof openEngine>[0]> = {},
    signal = new AbortController().signal,
  ): Promise<EngineConnection> => {
    const options = {
      clock: systemClock,
      home,
      window: 'w1',
      execPath: process.execPath,
      enginePath: program,
      limitMs: 5_000,
      log: (message: string) => log.push(message),
    };
    const connection = await openEngine({ ...options, ...changes }, signal);
    opened.push(connection);
    return connection;
  };

  it('starts an engine where there is none', async () => {
    const { welcome } = await open();
    assert.equal(welcome.engineVersion, 'fake');
    assert.notEqual(welcome.pid, process.pid);
  });

  it('R13.4 starts it with the limit of its young generation, which is Node’s to keep', async () => {
    await open();
    const given = readFileSync(join(home, 'nodeArgs.json'), 'utf8');
    assert.deepEqual(JSON.parse(given), [`--max-semi-space-size=${MAX_SEMI_SPACE_MB}`]);
  });

  it('takes the engine that is there', async () => {
    const first = await open();
    const second = await open();
    assert.equal(second.welcome.pid, first.welcome.pid);
  });

  it('never takes another window’s engine', async () => {
    const first = await open({ window: 'w1' });
    const second = await open({ window: 'w2' });
    assert.notEqual(second.welcome.pid, first.welcome.pid);
  });

  it('waits for one that comes up late', async () => {
    process.env['FAKE_ENGINE'] = 'late';
    const { welcome } = await open();
    assert.equal(welcome.engineVersion, 'fake');
  });

  it('takes a file that a dead engine, another program or garbage left behind for none', async () => {
    mkdirSync(endpointsFolder(home), { recursive: true });
    const stale = { version: 1, window: 'w1', token: '0'.repeat(64), startedAt: 1, engineVersion: 'old' };
    const left = [
      '{"version":',
      JSON.stringify({ ...stale, socket: join(home, 'gone'), pid: 2_147_483_646 }),
      // This process lives, and nobody listens there.
      JSON.stringify({ ...stale, socket: join(home, 'gone'), pid: process.pid }),
    ];
    for (const text of left) {
      writeFileSync(endpointFile(home, 'w1'), text);
      const { welcome, socket } = await open();
      assert.equal(welcome.engineVersion, 'fake');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      await closed;
    }
  });

  it('says that the engine ended, at once', async () => {
    process.env['FAKE_ENGINE'] = 'fail';
    await assert.rejects(open(), /ended before it could be reached \(exit code 1\)/);
  });

  it('goes on looking when another engine owns the window', async () => {
    process.env['FAKE_ENGINE'] = 'taken';
    await assert.rejects(open({ limitMs: 600 }), /did not come up within 0.6 s/);
    assert.ok(log.some((line) => line.includes('Another engine owns this window')));
  });

  it('says that the program could not be started', async () => {
    await assert.rejects(open({ execPath: join(home, 'no-such-program') }), /could not be started/);
  });

  it('R2.6 ends at once when it is aborted', async () => {
    process.env['FAKE_ENGINE'] = 'late';
    const stop = new AbortController();
    const opening = open({}, stop.signal);
    stop.abort();
    await assert.rejects(opening, { name: 'AbortError' });
  });
});

describe('window id', () => {
  it('is the same for the same storage, and differs otherwise', () => {
    assert.equal(windowIdOf('file:///a'), windowIdOf('file:///a'));
    assert.notEqual(windowIdOf('file:///a'), windowIdOf('file:///b'));
    assert.match(windowIdOf('file:///a'), /^[A-Za-z0-9_-]{1,64}$/);
  });

  it('is nobody else’s where there is no storage', () => {
    assert.notEqual(windowIdOf(undefined), windowIdOf(undefined));
    assert.match(windowIdOf(undefined), /^[A-Za-z0-9_-]{1,64}$/);
  });
});

describe('reconnect delay', () => {
  it('is the table, and its last value for ever', () => {
    assert.deepEqual(
      [-1, 0, 1, 2, 3, 4, 5, 6, 1_000].map(reconnectDelayMs),
      [0, 0, 250, 500, 1_000, 2_000, 5_000, 5_000, 5_000],
    );
  });
});
