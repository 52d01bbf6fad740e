import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import { scripted, TestBed, type ServerEntry } from '../support/testEngine.ts';

/** The shortest interval, so that tests need not wait for half a minute. */
const eager = { connection: { healthCheckInterval: 1 } };
const node = process.execPath;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('health of real processes', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  async function given(entry: ServerEntry) {
    bed.configure({ s: entry });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    const pid = Number(textOf(await client.call('pid')));
    return { control, client, pid };
  }

  it('R5.3 a server that is stopped during a call goes on with it: no suspicion, no restart', async () => {
    const { control, client, pid } = await given(scripted({ RECORD: bed.record }, eager));
    const call = client.call('record', { key: 'k', ms: 500 });
    await control.server('s', ({ metrics }) => metrics.inFlight === 1);
    process.kill(pid, 'SIGSTOP');
    await wait(7_000); // the stop itself is what is tested
    process.kill(pid, 'SIGCONT');
    assert.equal(textOf(await call), 'record k');
    assert.equal(textOf(await client.call('pid')), String(pid));
    assert.ok(control.snapshots.every(({ servers }) => servers[0]?.state !== 'suspect'));
    assert.equal(bed.executions('record', 'k'), 1);
  });

  it('R5.3 a server that is stopped with nothing to do is suspect, and well when it goes on', async () => {
    const { control, client, pid } = await given(scripted({}, eager));
    process.kill(pid, 'SIGSTOP');
    const shown = await control.server('s', ({ state }) => state === 'suspect', 30_000);
    assert.ok((shown.suspicion ?? 0) >= 1, String(shown.suspicion));
    await wait(7_000); // beyond the verdict for one that hangs
    process.kill(pid, 'SIGCONT');
    await control.server('s', ({ state }) => state === 'ready');
    assert.equal(textOf(await client.call('pid')), String(pid));
  });

  it('R5.3 a server that hangs with nothing to do is given up and started afresh', async () => {
    // It answers everything until the file is there, then nothing any more.
    const file = join(bed.home, 'hang');
    const wrapper = `
      const { spawn } = require('node:child_process');
      const { existsSync } = require('node:fs');
      const child = spawn(process.execPath, [${JSON.stringify(scripted().args[0])}], { stdio: ['pipe', 'inherit', 'inherit'] });
      process.stdin.on('data', (data) => { if (!existsSync(${JSON.stringify(file)} + process.pid)) child.stdin.write(data); });
      process.stdin.on('end', () => child.stdin.end());
      child.on('exit', () => process.exit());`;
    const { control, client } = await given({ command: node, args: ['-e', wrapper], lifeline: eager });
    const { pids } = await control.server('s', ({ state }) => state === 'ready');
    writeFileSync(`${file}${pids[0] ?? ''}`, '');
    await control.server('s', ({ metrics, state }) => metrics.restarts === 1 && state === 'ready', 40_000);
    assert.match(
      String((await control.snapshot()).servers[0]?.lastError?.message),
      /had nothing to do, was silent for \d+ s, and answered no ping/,
    );
    assert.notEqual(textOf(await client.call('echo', { key: 'again' })), '');
  });

  describe('R5.7 own checks', () => {
    let http: Server;
    let status = 200;
    const asked: string[] = [];
    before(async () => {
      http = createServer((request, response) => {
        asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
        response.writeHead(status).end('x');
      });
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    });
    after(() => http.close());
    const url = (): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}/health`;

    it('R5.7 a URL that fails degrades the server, and one that is well again ends that', async () => {
      status = 200;
      const { control } = await given(scripted({}, { ...eager, healthCheck: { url: url() } }));
      status = 503;
      const shown = await control.server('s', ({ degraded }) => degraded !== undefined);
      assert.equal(shown.degraded?.reason, 'failedCheck');
      assert.match(shown.degraded.sentence, /own health check fails.*answered 503/);
      assert.equal(shown.state, 'ready');
      status = 200;
      await control.server('s', ({ degraded }) => degraded === undefined);
      assert.ok(asked.length >= 2 && asked.every((line) => line === 'GET /health'));
    });

    it('R5.7 three failures in a row start the server afresh, once', async () => {
      const check = { command: node, args: ['-e', 'process.exit(3)'] };
      const { control, client, pid } = await given(scripted({}, { ...eager, healthCheck: check }));
      await control.server('s', ({ metrics, state }) => metrics.restarts === 1 && state === 'ready', 30_000);
      const { lastError, degraded } = await control.server('s', (server) => server.degraded !== undefined);
      assert.match(String(lastError?.message), /failed its own health check 3 times in a row.*exit code 3/);
      assert.equal(degraded?.reason, 'failedCheck');
      assert.notEqual(Number(textOf(await client.call('pid'))), pid);
    });

    it('R5.7 a tool is called only when the server declares it read-only', async () => {
      const record = bed.record;
      const check = (tool: string) => ({ tool, arguments: { key: 'check' } });
      bed.configure({
        good: scripted({ RECORD: record }, { ...eager, healthCheck: check('readRecord') }),
        bad: scripted({ RECORD: record }, { ...eager, healthCheck: check('record') }),
      });
      const { control } = await bed.startEngine();
      await bed.session('bad');
      await bed.session('good');
      const isChecked = (): boolean => bed.executions('readRecord', 'check') >= 2;
      while (!isChecked()) await wait(50);
      assert.equal(bed.executions('record', 'check'), 0);
      const { servers } = await control.snapshot();
      assert.ok(servers.every(({ degraded, state }) => degraded === undefined && state === 'ready'));
    });
  });
});
