import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServerSnapshot } from '../../src/shared/model/snapshot.ts';
import { CallClient } from '../support/callClient.ts';
import { Ledger, type Told } from '../support/ledger.ts';
import { RawSession, send, StandaloneBed } from '../support/standalone.ts';
import { bridgePath, projectRoot, TestBed, until, type ControlClient } from '../support/testEngine.ts';

const countingServer = join(projectRoot, 'test', 'servers', 'counting.mjs');
/** Longer than any of these tests: whoever asks for it is gone before. */
const FOREVER_MS = 600_000;

/** What every snapshot says of itself when nothing is under way. */
function assertAddsUp({ metrics, latency }: ServerSnapshot): void {
  const { total, successful, failed, cancelled = 0, open = 0, recovery } = metrics;
  assert.equal(total, successful + failed + cancelled + open);
  assert.equal(open, metrics.inFlight + (metrics.queueDepth ?? 0));
  assert.equal(latency?.lifetime?.samples, successful - (metrics.stale ?? 0) - (metrics.remembered ?? 0));
  const underWay = recovery?.since === undefined ? 0 : 1;
  assert.equal(recovery?.outages, recovery!.successes + recovery!.abandoned + underWay);
}

describe('the counters of a real engine', () => {
  let bed: TestBed;
  let control: ControlClient;
  let ledger: Ledger;
  const clients: CallClient[] = [];
  const told: Told[] = [];
  let lists = 0;
  let kills = 0;

  beforeEach(() => {
    bed = new TestBed();
    ledger = new Ledger();
    [clients, told].forEach((list) => (list.length = 0));
    lists = kills = 0;
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await bed.dispose();
  });

  async function start(lifeline: Record<string, unknown>): Promise<{ pid: number; child: ChildProcess }> {
    const env = { RECORD: bed.record };
    bed.configure({ s: { command: process.execPath, args: [countingServer], env, lifeline } });
    const started = await bed.startEngine();
    control = started.control;
    return started;
  }
  /** A client, which has asked for one list. */
  async function open(): Promise<CallClient> {
    const args = [bridgePath, '--server', 's', '--window', bed.window];
    const client = CallClient.program(args, bed.environment);
    clients.push(client);
    await client.initialize();
    lists += 1;
    return client;
  }
  async function call(
    client: CallClient,
    tool: string,
    options: { ms?: number; never?: boolean; cancelAfterMs?: number } = {},
  ) {
    const key = ledger.begin(tool);
    const { cancelAfterMs, ...args } = options;
    const result = await client.call(tool, { key, ...args }, { cancelAfterMs });
    ledger.end(key, result);
    told.push(result);
    return result;
  }
  /** Calls that the server is at work on. */
  const executing = (count: number) => {
    const before = bed.recorded.length;
    return until('their execution', () => bed.recorded.length >= before + count);
  };
  const idle = (server: ServerSnapshot): boolean => server.metrics.open === 0;
  /** Kills the server's only process, and waits until the engine knows. */
  async function kill(): Promise<void> {
    const { pids, metrics } = await control.server('s', (server) => server.pids.length === 1);
    process.kill(pids[0]!, 'SIGKILL');
    kills += 1;
    await control.server('s', ({ metrics: now }) => now.failedConnections === metrics.failedConnections! + 1);
  }
  const lines = (word: string): number => bed.recorded.filter((line) => line.startsWith(`${word} `)).length;
  const failures = (wanted: (code: string) => boolean): number =>
    told.filter((one) => one.kind === 'failed' && wanted(one.code)).length;
  const toldAs = (kind: Told['kind']): number => told.filter((one) => one.kind === kind).length;

  it('R11.1 are what its clients were told, what its servers executed and what was done to them', async () => {
    await start({ timeouts: { idempotent: 1 }, connection: { failureThreshold: 3, recoveryTimeout: 60 } });
    const client = await open();
    for (const tool of ['safe', 'other', 'safe', 'idempotent']) await call(client, tool);

    // Killed with two calls under way: one may be repeated.
    let begun = executing(2);
    const lost = [call(client, 'safe', { ms: 2_000 }), call(client, 'other', { ms: 2_000 })];
    await begun;
    await kill();
    await Promise.all(lost);
    // Killed between calls.
    await kill();
    await call(client, 'safe');
    // Taken back while it runs.
    await call(client, 'safe', { ms: FOREVER_MS, cancelAfterMs: 300 });
    // A client that dies with its call.
    const other = await open();
    begun = executing(1);
    const left = call(other, 'other', { ms: FOREVER_MS });
    await begun;
    await other.kill();
    await left;
    await control.server('s', ({ sessions }) => sessions === 1);
    // It answers no more, until its breaker opens; then it refuses.
    for (let time = 0; time < 3; time += 1) await call(client, 'idempotent', { never: true });
    await call(client, 'safe');
    await control.recover('s');
    await call(client, 'safe');

    const server = await control.server('s', idle);
    const { metrics } = server;
    assertAddsUp(server);
    const tally = ledger.tally(bed.recorded);
    const connections = 2;
    assert.deepEqual(
      {
        total: metrics.total,
        successful: metrics.successful,
        failed: metrics.failed,
        cancelled: metrics.cancelled,
        brokenPipe: metrics.brokenPipe,
        outcomeUnknown: metrics.outcomeUnknown,
        timeouts: metrics.timeouts,
        breakerOpens: metrics.breakerOpens,
        retries: metrics.retries,
        retried: metrics.retryDelay?.count,
        restarts: metrics.restarts,
        failedConnections: metrics.failedConnections,
        recovery: [metrics.recovery?.outages, metrics.recovery?.attempts, metrics.recovery?.successes],
      },
      {
        total: told.length + lists,
        successful: toldAs('answered') + lists,
        failed: failures(() => true),
        cancelled: toldAs('cancelled') + toldAs('left'),
        // The only one whose outcome is not known was lost with its process.
        brokenPipe: failures((code) => code === 'outcomeUnknown'),
        outcomeUnknown: failures((code) => code === 'outcomeUnknown'),
        timeouts: failures((code) => code === 'requestTimeout'),
        breakerOpens: 1,
        retries: tally.repetitions,
        retried: tally.repetitions,
        restarts: lines('start') - connections,
        failedConnections: kills,
        // And the one that was forced.
        recovery: [kills + 1, kills + 1, kills + 1],
      },
    );
    // Not by being all nothing.
    assert.deepEqual([tally.repetitions, kills, toldAs('answered'), failures(() => true)], [1, 2, 7, 5]);
    const { recovery, uptime } = metrics;
    assert.ok(Math.abs(recovery!.averageMs! * recovery!.successes - uptime!.downMs) < 0.1);
    // Of times that are told to a thousandth of a millisecond.
    const ratio = uptime!.usableMs / (uptime!.usableMs + uptime!.downMs);
    assert.ok(Math.abs(uptime!.ratio! - ratio) < 0.00001, `${uptime!.ratio!} is not ${ratio}`);
  });

  it('R11.1 add up in an engine that takes the calls of a dead one over', async () => {
    const { pid, child } = await start({});
    const client = await open();
    const begun = executing(2);
    const calls = [call(client, 'safe', { ms: 1_000 }), call(client, 'other', { ms: 1_000 })];
    await begun;
    const dead = once(child, 'exit');
    process.kill(pid, 'SIGKILL');
    await dead;
    ({ control } = await bed.startEngine());
    await Promise.all(calls);
    const server = await control.server('s', idle);
    assertAddsUp(server);
    const { total, successful, failed, cancelled, outcomeUnknown, brokenPipe } = server.metrics;
    assert.deepEqual(
      { total, successful, failed, cancelled, outcomeUnknown, brokenPipe },
      { total: 2, successful: 1, failed: 1, cancelled: 0, outcomeUnknown: 1, brokenPipe: 0 },
    );
    assert.deepEqual([toldAs('answered'), failures((code) => code === 'outcomeUnknown')], [1, 1]);
  });
});

describe('the counters of a server that HTTP clients share', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());

  it('R11.1 add up when clients close their requests, end their sessions, or ask for what is not there', async () => {
    const env = { RECORD: join(bed.home, 'record.txt') };
    const entry = {
      command: process.execPath,
      args: [countingServer],
      env,
      lifeline: { instances: 'single' },
    };
    const { ready } = await bed.serve({ servers: { s: entry } });
    const status = async (): Promise<ServerSnapshot> => {
      const headers = { authorization: `Bearer ${ready.token}` };
      const { text } = await send(new URL('/status', ready.url).href, { headers });
      return (JSON.parse(text) as { servers: ServerSnapshot[] }).servers[0]!;
    };
    const inFlight = async (count: number): Promise<void> => {
      for (let turn = 0; (await status()).metrics.inFlight !== count; turn += 1) {
        assert.ok(turn < 1_500, 'not within its time');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const sessions = [
      new RawSession(ready.servers['s']!.url, ready.token),
      new RawSession(ready.servers['s']!.url, ready.token),
    ];
    for (const session of sessions) await session.initialize();
    const [one, two] = sessions as [RawSession, RawSession];
    for (const session of sessions) await session.call(1, 'safe', { key: 'a' });
    const params = { name: 'safe', arguments: { key: 'b', ms: FOREVER_MS } };
    // The answer begins after 15 s at the latest; the request is closed before.
    const closed = new AbortController();
    const request = fetch(one.url, {
      method: 'POST',
      headers: one.headers() as Record<string, string>,
      body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params }),
      signal: closed.signal,
    }).catch(() => undefined);
    await inFlight(1);
    closed.abort();
    await request;
    await inFlight(0);
    const open = two.post({ id: 3, method: 'tools/call', params }).catch(() => undefined);
    await inFlight(1);
    await two.end();
    await open;
    await inFlight(0);
    const server = await status();
    assertAddsUp(server);
    const { total, successful, failed, cancelled } = server.metrics;
    assert.deepEqual(
      { total, successful, failed, cancelled },
      { total: 4, successful: 2, failed: 0, cancelled: 2 },
    );
  });
});
