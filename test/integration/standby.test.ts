import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSnapshot, type ServerSnapshot } from '../../src/shared/model/snapshot.ts';
import type { Message } from '../support/lineClient.ts';
import { textOf } from '../support/lineClient.ts';
import { messagesOf, RawSession, send, StandaloneBed, type ReadyLine } from '../support/standalone.ts';
import { isRunning, scripted, until } from '../support/testEngine.ts';

describe('servers that nobody uses yet, without an editor', () => {
  let bed: StandaloneBed;
  let starts: string;
  beforeEach(() => {
    bed = new StandaloneBed();
    starts = join(bed.home, 'starts');
  });
  afterEach(() => bed.dispose());

  const started = (): number[] =>
    existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  const server = async (ready: ReadyLine, name = 's'): Promise<ServerSnapshot> => {
    const headers = { authorization: `Bearer ${ready.token}` };
    const { text } = await send(`${ready.url}/status`, { headers });
    return parseSnapshot(JSON.parse(text)).servers.find(({ id }) => id === name) ?? assert.fail(text);
  };
  /** Polls the status until a server is as wanted. */
  const shown = async (
    ready: ReadyLine,
    wanted: (server: ServerSnapshot) => boolean,
    name = 's',
  ): Promise<ServerSnapshot> => {
    const end = performance.now() + 15_000;
    for (;;) {
      const now = await server(ready, name);
      if (wanted(now)) return now;
      assert.ok(performance.now() < end, JSON.stringify(now));
    }
  };
  const session = (ready: ReadyLine, name = 's'): RawSession =>
    new RawSession(ready.servers[name]?.url ?? '', ready.token);
  const call = async (client: RawSession, tool: string): Promise<string> => {
    const { text } = await client.call(1, tool, { key: 'k' });
    const messages = text.startsWith('{') ? [JSON.parse(text) as Message] : messagesOf(text);
    return textOf(messages.find(({ id, result }) => id === 1 && result !== undefined)?.result);
  };

  it('R5.0 a new server is started once, so that its tools are known, and then idle; not again by the next engine', async () => {
    const servers = { s: scripted({ STARTS: starts }) };
    const first = await bed.serve({ servers });
    const idle = await shown(
      first.ready,
      ({ state, catalogue }) => state === 'idle' && catalogue !== undefined,
    );
    assert.equal(idle.catalogue?.tools, 9);
    assert.equal(idle.sessions, 0);
    assert.equal(started().length, 1);
    await until('its process is gone', () => started().every((pid) => !isRunning(pid)));
    first.running.child.kill('SIGTERM');
    assert.equal(await first.running.end(), 0);
    const second = await bed.serve({ servers });
    const client = session(second.ready);
    await client.initialize();
    assert.equal(await call(client, 'echo'), 'k');
    assert.equal(started().length, 2);
  });

  it('R5.0 one that does not come up is tried no more than its start allows, and then left alone', async () => {
    const { ready } = await bed.serve({ servers: { s: scripted({ STARTS: starts, EXIT_AT_START: '3' }) } });
    await shown(ready, ({ state, lastError }) => state === 'idle' && lastError?.code === 'exited');
    assert.equal(started().length, 3);
  });

  it('R5.0 keepWarm keeps a server running, brings it back, and gives it to the first client', async () => {
    const entry = scripted({ STARTS: starts }, { keepWarm: true });
    const { ready, running } = await bed.serve({ servers: { s: entry } });
    await shown(ready, ({ state }) => state === 'ready');
    process.kill(started()[0] ?? 0, 'SIGKILL');
    await until('it is started again', () => started().length === 2);
    await shown(ready, ({ state }) => state === 'ready');
    // The first client says something else than we did, so it gets a process of its own, once the other one is gone.
    const first = session(ready);
    await first.initialize({ roots: {} });
    assert.equal(await call(first, 'pid'), String(started()[2]));
    assert.equal(isRunning(started()[1] ?? 0), false);
    await first.end();
    // From now on the server is kept warm as that client wanted it.
    await until('it is kept warm again', () => started().length === 4);
    await shown(ready, ({ state, sessions }) => state === 'ready' && sessions === 0);
    const second = session(ready);
    await second.initialize({ roots: {} });
    assert.equal(await call(second, 'pid'), String(started()[3]));
    assert.equal((await server(ready)).sessions, 1);
    running.child.kill('SIGTERM');
    assert.equal(await running.end(), 0);
    assert.deepEqual(started().filter(isRunning), []);
  });

  it('R5.0 R3.5 a warm server that has asked its client for something is not given away', async () => {
    const entry = scripted({ STARTS: starts, ASK_ROOTS: '1' }, { keepWarm: true });
    const { ready } = await bed.serve({ servers: { s: entry } });
    await shown(ready, ({ state }) => state === 'ready');
    const client = session(ready);
    await client.initialize();
    assert.equal(await call(client, 'pid'), String(started()[1]));
  });

  it('R5.0 keepWarm that is taken back ends the server', async () => {
    const warm = { s: scripted({ STARTS: starts }, { keepWarm: true }) };
    const { ready, running } = await bed.serve({ servers: warm });
    await shown(ready, ({ state }) => state === 'ready');
    writeFileSync(bed.configFile, JSON.stringify({ servers: { s: scripted({ STARTS: starts }) } }));
    running.child.kill('SIGHUP');
    await shown(ready, ({ state }) => state === 'idle');
    await until('its process is gone', () => !isRunning(started()[0] ?? 0));
  });
});
