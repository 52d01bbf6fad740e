import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { pathToFileURL } from 'node:url';
import { textOf } from '../support/lineClient.ts';
import { isRunning, scripted, scriptedServer, TestBed, type ServerEntry } from '../support/testEngine.ts';

/** An MCP server that needs a port: it starts a helper that keeps it, outside its process group, and ends when somebody has it. */
function needsPort(port: number): ServerEntry {
  const helper = `require('net').createServer().listen(${port}, '127.0.0.1', () => process.send('up'))`;
  const script = `
    const probe = require('net').createServer();
    probe.on('error', (error) => { console.error(error); process.exit(1); });
    probe.listen(${port}, '127.0.0.1', () => probe.close(() => {
      const helper = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(helper)}], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      helper.once('message', () => { helper.disconnect(); helper.unref(); import(${JSON.stringify(pathToFileURL(scriptedServer).href)}); });
    }));`;
  return { command: process.execPath, args: ['-e', script] };
}

describe('a port that a server needs', () => {
  let bed: TestBed;
  let listener: Server | undefined;
  const helpers: number[] = [];
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(async () => {
    await bed.dispose();
    listener?.close();
    listener = undefined;
    for (const pid of helpers.splice(0)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended, as it should be
      }
    }
  });

  async function freePort(): Promise<number> {
    listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  }

  it('R5.5 is freed when a process that the server itself has left holds it', async () => {
    const port = await freePort();
    listener?.close();
    bed.configure({ s: needsPort(port) });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    const shown = await control.server(
      's',
      ({ state, diagnosis }) => state === 'crashLoop' && diagnosis?.holder !== undefined,
      30_000,
    );
    const holder = shown.diagnosis?.holder;
    helpers.push(holder?.pid ?? 0);
    assert.deepEqual([shown.diagnosis?.port, holder?.isStale], [port, true]);
    assert.match(
      shown.diagnosis?.sentence ?? '',
      new RegExp(`Port ${port} is held by "node\\w*" \\(process \\d+\\)`),
    );
    const result = await control.act('s', 'freePort');
    assert.match(result.message, /is free: .* was ended/);
    assert.equal(result.done, true);
    assert.equal(isRunning(holder?.pid ?? 0), false);
    const ready = await control.server('s', ({ state }) => state === 'ready');
    assert.equal(ready.diagnosis, undefined);
    const next = await control.act('s', 'freePort');
    assert.deepEqual([next.done, next.message.includes('no port to free')], [false, true]);
    const again = Number(textOf(await client.call('pid')));
    process.kill(again, 'SIGKILL');
    const last = await control.server('s', ({ diagnosis }) => diagnosis?.holder !== undefined, 30_000);
    helpers.push(last.diagnosis?.holder?.pid ?? 0);
  });

  it('R5.5 is left with whoever else holds it, who is named', async () => {
    const port = await freePort();
    bed.configure({ s: needsPort(port), good: scripted() });
    const { control } = await bed.startEngine();
    void bed
      .bridge('s')
      .initialize()
      .catch(() => undefined);
    const shown = await control.server(
      's',
      ({ state, diagnosis }) => state === 'crashLoop' && diagnosis?.holder !== undefined,
      30_000,
    );
    assert.deepEqual([shown.diagnosis?.holder?.pid, shown.diagnosis?.holder?.isStale], [process.pid, false]);
    const result = await control.act('s', 'freePort');
    assert.equal(result.done, false);
    assert.match(result.message, new RegExp(`process ${process.pid}\\).*It was not touched`));
    assert.equal(listener?.listening, true);
    const other = await control.act('good', 'freePort');
    assert.match(other.message, /no port to free/);
  });

  it('R5.5 is left with the same server when that is at work for another client', async () => {
    const port = await freePort();
    listener?.close();
    const listens = `require('net').createServer().on('error', (error) => { console.error(error); process.exit(1); })
      .listen(${port}, '127.0.0.1', () => import(${JSON.stringify(pathToFileURL(scriptedServer).href)}))`;
    bed.configure({ s: { command: process.execPath, args: ['-e', listens] } });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    void bed
      .bridge('s')
      .initialize()
      .catch(() => undefined);
    const shown = await control.server(
      's',
      ({ state, diagnosis }) => state === 'crashLoop' && diagnosis?.holder !== undefined,
      30_000,
    );
    assert.deepEqual([shown.diagnosis?.holder?.pid, shown.diagnosis?.holder?.isStale], [pid, false]);
    assert.match(shown.diagnosis?.sentence ?? '', /running for another client.*"single"/);
    const result = await control.act('s', 'freePort');
    assert.equal(result.done, false);
    assert.match(result.message, /"s" itself, which runs for another client/);
    assert.equal(Number(textOf(await client.call('pid'))), pid);
  });
});
