import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertSnapshot } from '../../src/shared/model/snapshot.ts';
import { HttpPeer } from '../support/httpPeer.ts';
import type { LineClient } from '../support/lineClient.ts';
import { until } from '../editor/support/until.ts';
import { scripted, TestBed, type ControlClient } from '../support/testEngine.ts';

/** A window that a test can wait for. */
const SECONDS = 10;

describe('alerts of real servers', function () {
  this.timeout(90_000);
  let bed: TestBed;
  let control: ControlClient;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  const alertsOf = async (server?: string): Promise<readonly AlertSnapshot[]> =>
    ((await control.snapshot()).alerts ?? []).filter((alert) => alert.server === server);
  const raised = (rule: string, server?: string): Promise<AlertSnapshot> =>
    until(
      `${rule} is raised`,
      async () => (await alertsOf(server)).find((alert) => alert.rule === rule),
      30_000,
    );
  const over = (rule: string, server?: string): Promise<true> =>
    until(
      `${rule} is over`,
      async () => (await alertsOf(server)).every((alert) => alert.rule !== rule) || undefined,
      45_000,
    );
  const pidOf = async (server: string): Promise<number> =>
    (await control.server(server, ({ pids }) => pids.length > 0)).pids[0]!;

  /** Kills the server's process when it has `calls` of this tool. */
  async function cutOff(client: LineClient, tool: string, calls: number): Promise<unknown[]> {
    const pid = await pidOf('s');
    const before = bed.recorded.length;
    const running = Array.from({ length: calls }, (_, index) =>
      client.call(tool, { key: `cut-${index}`, ms: 1_000 }),
    );
    await until('the server has them all', () => bed.recorded.length >= before + calls);
    process.kill(pid, 'SIGKILL');
    return Promise.all(running);
  }

  async function start(
    lifeline: Record<string, unknown>,
    env: Record<string, string> = {},
  ): Promise<LineClient> {
    const server = scripted({ RECORD: bed.record, ...env }, lifeline);
    bed.configure({ s: server, good: scripted() }, { retryBackoffBase: 0.1, maxRestartAttempts: 100 });
    control = (await bed.startEngine()).control;
    await bed.session('good');
    return bed.session('s');
  }

  it('R11.3 six calls that are cut off are broken pipes to be told of, five are not; over when the window is', async () => {
    const client = await start({
      connection: { failureThreshold: 100 },
      alerts: { brokenPipes: { window: SECONDS }, breakerOpen: { enabled: false } },
    });
    await cutOff(client, 'record', 5);
    await control.server('s', ({ state, metrics }) => state === 'ready' && metrics.brokenPipe === 5);
    assert.deepEqual(await alertsOf('s'), []);
    await cutOff(client, 'record', 6);
    const alert = await raised('brokenPipes', 's');
    assert.ok(alert.value === 6 || alert.value === 11, String(alert.value));
    assert.deepEqual([alert.threshold, alert.windowMs, alert.isFlapping], [5, SECONDS * 1_000, false]);
    await over('brokenPipes', 's');
    assert.deepEqual(await alertsOf('good'), []);
  });

  /** A server whose process is lost with a call, and does not come back before `heal`. Its breaker is open meanwhile. */
  function fallible(): {
    start: () => Promise<LineClient>;
    fail: (client: LineClient) => Promise<void>;
    heal: () => void;
  } {
    const trap = join(bed.home, 'trap');
    const connection = { failureThreshold: 1, recoveryTimeout: 1, successThreshold: 1, retryBackoffMax: 1 };
    return {
      start: () => start({ connection, alerts: { brokenPipes: { enabled: false } } }, { EXIT_IF: trap }),
      async fail(client) {
        writeFileSync(trap, '');
        await cutOff(client, 'record', 1);
      },
      heal: () => rmSync(trap),
    };
  }
  const isAnswered = async (client: LineClient): Promise<boolean> =>
    (await client.call('echo', { key: 'k' })).isError !== true;

  it('R11.3 an open breaker is told of, and over when it has closed', async () => {
    const server = fallible();
    const client = await server.start();
    await server.fail(client);
    await raised('breakerOpen', 's');
    server.heal();
    await until('a trial is answered', () => isAnswered(client), 30_000);
    await over('breakerOpen', 's');
  });

  it('R11.3 calls that have to be sent again are told of, and over when enough others went well', async () => {
    const client = await start({
      connection: { failureThreshold: 100 },
      alerts: {
        retryRate: { minimumCalls: 4 },
        brokenPipes: { enabled: false },
        breakerOpen: { enabled: false },
      },
    });
    await cutOff(client, 'readRecord', 4);
    const alert = await raised('retryRate', 's');
    assert.equal(alert.value, 100);
    for (let call = 0; call < 30; call += 1) await client.call('echo', { key: 'k' });
    await over('retryRate', 's');
  });

  it('R11.3 R5.5 a crash loop is told of, alone and with its cause, until the server answers again', async () => {
    const trap = join(bed.home, 'trap');
    writeFileSync(trap, '');
    bed.configure({ s: scripted({ EXIT_IF: trap }), good: scripted() }, { retryBackoffBase: 0.1 });
    control = (await bed.startEngine()).control;
    void bed.bridge('s').initialize();
    const alert = await raised('crashLoop', 's');
    assert.equal(alert.severity, 'error');
    assert.match(alert.sentence, /^It keeps failing.*exit code 4/);
    assert.deepEqual(
      (await alertsOf('s')).map(({ rule }) => rule),
      ['crashLoop'],
    );
    rmSync(trap);
    assert.equal((await control.recover('s')).results[0]?.outcome, 'recovered');
    await over('crashLoop', 's');
  });

  it('R3.8 a server that wants a sign-in is told of, until it lets us in', async () => {
    const peer = await new HttpPeer().start();
    try {
      peer.hook = (_request, response) => {
        response.writeHead(401).end();
        return true;
      };
      bed.configure({ web: { type: 'http', url: `${peer.origin}/mcp` } });
      control = (await bed.startEngine()).control;
      void bed.bridge('web').initialize();
      await raised('needsSignIn', 'web');
      assert.equal((await alertsOf('web')).length, 1);
      peer.hook = () => undefined;
      await control.recover('web');
      await over('needsSignIn', 'web');
    } finally {
      await peer.stop();
    }
  });

  it('R11.3 a server that cannot keep going is an alert that flaps, until a person brings it back', async () => {
    const server = fallible();
    const client = await server.start();
    for (let time = 0; time < 2; time += 1) {
      await server.fail(client);
      await raised('breakerOpen', 's');
      server.heal();
      await until('a trial is answered', () => isAnswered(client), 30_000);
      await over('breakerOpen', 's');
    }
    await server.fail(client);
    const alert = await raised('breakerOpen', 's');
    assert.deepEqual([alert.isFlapping, alert.count], [true, 3]);
    server.heal();
    await until('a trial is answered', () => isAnswered(client), 30_000);
    await control.server('s', ({ breaker }) => breaker.state === 'closed');
    assert.equal((await alertsOf('s'))[0]?.isFlapping, true);
    await control.recover('s', 'restart');
    await over('breakerOpen', 's');
  });

  it('R11.3 an audit trail that cannot be written is told of, and one that can again is not', async () => {
    const folder = join(bed.home, 'audit');
    writeFileSync(folder, 'a file where the folder should be');
    bed.configure({ s: scripted() });
    control = (await bed.startEngine()).control;
    await control.configure({ ...bed.configuration, audit: true });
    const alert = await raised('auditTrail');
    assert.match(alert.sentence, /^The audit trail cannot be written: .*Calls go on/);
    rmSync(folder);
    // It is tried again with the next record.
    await (await bed.session('s')).call('echo', { key: 'k' });
    await over('auditTrail');
  });

  it('R11.3 a journal that cannot be written is told of', async () => {
    writeFileSync(join(bed.home, 'journal'), 'a file where the folder should be');
    bed.configure({ s: scripted() });
    control = (await bed.startEngine()).control;
    await raised('journal');
  });
});
