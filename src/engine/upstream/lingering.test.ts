import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { ScriptedTransport, type Script } from '../../../test/support/scriptedTransport.ts';
import { seededRandom } from '../../shared/base/random.ts';
import { scanFrame } from '../../shared/protocol/frameScanner.ts';
import { HealthMonitor } from '../health/healthMonitor.ts';
import { Deadline, type Call, type Outcome } from '../pipeline/call.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { Connection } from './connection.ts';
import type { TransportListener } from './transport.ts';

const script: Script = { start: 'good', fault: 'exited', startMs: 10, stopMs: 10, callMs: undefined };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A connection over HTTP whose server answers no call; `launches` are its sessions, as they were made. */
async function given() {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const onError = (error: unknown): void => assert.fail(String(error));
  const launches: { readonly transport: ScriptedTransport; readonly listener: TransportListener }[] = [];
  const asked: number[] = [];
  const toClient: string[] = [];
  const connection = new Connection({
    key: 'k',
    server: 's',
    clock,
    policy: () => ({
      backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 },
      maxRestartAttempts: 3,
      startTimeoutMs: 30_000,
      staysConnected: true,
      healthCheckIntervalMs: 30_000,
      isRemote: true,
      tier: 'medium',
    }),
    recovery: new RecoveryQueue({ clock, random, intervalMs: () => 10_000, onError }),
    serverRecovery: new ServerRecovery('s', { clock, random, tide: new Tide(clock) }),
    startGate: undefined,
    health: new HealthMonitor({
      clock,
      random,
      isStopped: () => Promise.resolve(false),
      networkDigest: () => '',
      log: () => undefined,
    }),
    open: (listener) => {
      const transport = new ScriptedTransport(clock, listener, script, true, 0);
      launches.push({ transport, listener });
      return transport;
    },
    nextLaunchName: () => `l${launches.length}`,
    journal: { written: () => undefined, withdrawn: () => undefined },
    client: {
      onInitialized: () => undefined,
      onClientMessage: (line) => void toClient.push(new TextDecoder().decode(line)),
      onListChanged: () => undefined,
      onServerRequests: (open) => void asked.push(open),
      onProgress: () => true,
      onReady: () => undefined,
    },
    onStderr: () => undefined,
    onGarbage: () => undefined,
    onHealth: () => undefined,
    onListenerError: onError,
  });
  connection.setHello({ initialize: '{}', logLevel: undefined, subscriptions: [] });
  connection.open();
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settle();
  };
  await advance(100);
  assert.equal(connection.state, 'ready');
  const send = (id: string): Promise<Outcome> => {
    const call = {
      id,
      line: bytes(`{"jsonrpc":"2.0","id":${id},"method":"tools/call"}`),
      retryClass: 'atMostOnce',
      controller: new AbortController(),
      deadline: new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined),
      delivery: 'queued',
      attempts: 0,
      settled: Promise.withResolvers(),
    } as unknown as Call;
    const { usableLaunch } = connection;
    assert.ok(usableLaunch);
    return usableLaunch.send(call);
  };
  const ask = (launch: number): void =>
    launches[launch]?.listener.onLines([bytes('{"jsonrpc":"2.0","id":7,"method":"elicitation/create"}')]);
  const answer = (question: string): boolean => {
    const { id } = JSON.parse(question) as { id: string };
    const line = bytes(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`);
    const frame = scanFrame(line);
    return frame.kind === 'response' && connection.answer(line, frame);
  };
  return { connection, launches, asked, toClient, advance, send, ask, answer };
}

describe('a session that is lost under a call, which is still being answered', () => {
  it('R2 R3.9 deadlines go on when its question is answered after the next session was made', async () => {
    const { connection, launches, asked, toClient, advance, send, ask, answer } = await given();
    void send('1');
    void send('2');
    launches[0]?.transport.refuse('sessionLost');
    await settle();
    assert.notEqual(connection.state, 'ready');
    ask(0);
    assert.equal(asked.at(-1), 1);
    await advance(5_000);
    assert.deepEqual([connection.state, launches.length], ['ready', 2]);
    assert.equal(answer(toClient.at(-1) ?? ''), true);
    assert.equal(asked.at(-1), 0);
  });

  it('R2 a call that it answers waits for the client as long as any other', async () => {
    const { launches, asked, advance, send, ask } = await given();
    void send('1');
    void send('2');
    launches[0]?.transport.refuse('sessionLost');
    await advance(5_000);
    assert.equal(launches.length, 2);
    ask(0);
    assert.equal(asked.at(-1), 1);
    ask(1);
    assert.equal(asked.at(-1), 2);
  });

  it('R3.9 its question ends with it, and the client hears that', async () => {
    const { launches, asked, toClient, advance, send, ask } = await given();
    void send('1');
    void send('2');
    launches[0]?.transport.refuse('sessionLost');
    await advance(5_000);
    ask(0);
    const { id } = JSON.parse(toClient.at(-1) ?? '') as { id: string };
    launches[0]?.transport.end('connectionReset');
    await settle();
    const { method, params } = JSON.parse(toClient.at(-1) ?? '') as {
      method: string;
      params: Record<string, unknown>;
    };
    assert.deepEqual([method, params['requestId']], ['notifications/cancelled', id]);
    assert.equal(asked.at(-1), 0);
  });
});
