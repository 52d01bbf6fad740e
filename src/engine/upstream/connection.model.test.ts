import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock, settleQuickly } from '../../../test/support/fakeClock.ts';
import { ScriptedTransport, type Script } from '../../../test/support/scriptedTransport.ts';
import { seededRandom } from '../../shared/base/random.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { Fault } from '../../shared/model/fault.ts';
import { HealthMonitor } from '../health/healthMonitor.ts';
import type { Call } from '../pipeline/call.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { Connection, type ConnectionClient } from './connection.ts';
import type { Launch } from './launch.ts';
import { StartGate } from './startGate.ts';

const RUNS = 10_000;
const SESSIONS = 2;
/** The longest anybody waits for an attempt: an interval of a crash loop or of a sign-in, a start that hangs before, and the stop of that. */
const HEALED_WITHIN_MS = 300_000 + 30_000 + 60_000 + 30_000;

const good: Script = { start: 'good', fault: 'exited', startMs: 10, stopMs: 10, callMs: 5 };

/** What may follow what, written down here once more: a table that only repeats the code would prove nothing. */
const down = ['recovering', 'crashLoop'];
const mayFollow: Record<ConnectionState, readonly string[]> = {
  idle: ['connecting', ...down, 'isolated', 'stopped'],
  connecting: ['initializing', 'broken', 'needsSignIn', ...down, 'isolated', 'stopped'],
  initializing: ['probing', 'broken', 'needsSignIn', 'isolated', 'stopped'],
  probing: ['ready', 'broken', 'needsSignIn', 'isolated', 'stopped'],
  ready: ['suspect', 'broken', 'needsSignIn', 'isolated', 'stopped'],
  suspect: ['ready', 'broken', 'needsSignIn', 'isolated', 'stopped'],
  broken: ['connecting', ...down, 'isolated', 'stopped'],
  recovering: ['connecting', 'crashLoop', 'idle', 'isolated', 'stopped'],
  crashLoop: ['connecting', 'recovering', 'isolated', 'stopped'],
  needsSignIn: ['connecting', ...down, 'isolated', 'stopped'],
  isolated: ['idle', 'stopped'],
  stopped: [],
};
const waits: ReadonlySet<ConnectionState> = new Set([
  'idle',
  'connecting',
  'initializing',
  'probing',
  'broken',
  'recovering',
]);

const script: fc.Arbitrary<Script> = fc.record({
  start: fc.constantFrom('throws', 'fails', 'fails', 'silent', 'refuses', 'noPing', 'good', 'good', 'good'),
  fault: fc.constantFrom('exited', 'spawnFailed', 'connectionRefused', 'authRequired', 'rateLimited'),
  startMs: fc.constantFrom(0, 10, 500),
  stopMs: fc.constantFrom(0, 10, 3_000, 60_000),
  callMs: fc.constantFrom(5, 2_000, undefined),
});

const who = fc.nat({ max: SESSIONS - 1 });
const act = <D extends string>(name: D) => fc.record({ do: fc.constant(name), who });
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 1, 20, 600, 1_500, 12_000, 70_000),
    }),
  },
  { weight: 4, arbitrary: act('call') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), nth: fc.nat({ max: 9 }) }) },
  { weight: 2, arbitrary: act('exit') },
  { weight: 1, arbitrary: act('loseSession') },
  { weight: 1, arbitrary: act('refuseCredential') },
  { weight: 1, arbitrary: act('hang') },
  { weight: 1, arbitrary: act('suspect') },
  { weight: 2, arbitrary: act('forceRestart') },
  { weight: 1, arbitrary: act('isolate') },
  { weight: 1, arbitrary: act('rejoin') },
  { weight: 1, arbitrary: act('stop') },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const world = fc.record({
  isHttp: fc.boolean(),
  staysConnected: fc.boolean(),
  atOnce: fc.constantFrom(1, 4),
  seed: fc.integer(),
  scripts: fc.array(script, { maxLength: 8 }),
  steps: fc.array(step, { minLength: 1, maxLength: 14 }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

interface Waiting {
  readonly session: number;
  readonly controller: AbortController;
  isSettled: boolean;
}

/** One server with two sessions, and what must hold of them whatever happens. */
class Play {
  readonly #clock = new FakeClock();
  readonly #world: World;
  readonly #queue: RecoveryQueue;
  readonly #health: HealthMonitor;
  readonly #gate: StartGate;
  readonly #transports: ScriptedTransport[][] = [];
  readonly #connections: Connection[];
  readonly #calls: Waiting[] = [];
  readonly #errors: unknown[] = [];
  /** A fresh start was asked for while they ran. */
  readonly #doomed = new Set<ScriptedTransport>();
  /** The model: what people have decided. Everything else follows from what the transports are. */
  readonly #decided: ('used' | 'unused' | 'isolated' | 'stopped')[];
  #scripts: Script[];
  #healed = false;
  #launches = 0;
  #seq = 0;

  constructor(given: World) {
    this.#world = given;
    this.#scripts = [...given.scripts];
    const clock = this.#clock;
    const random = seededRandom(given.seed);
    const fail = (error: unknown): void => void this.#errors.push(error);
    this.#queue = new RecoveryQueue({ clock, random, intervalMs: () => 10_000, onError: fail });
    this.#health = new HealthMonitor({
      clock,
      random,
      isStopped: () => Promise.resolve(false),
      networkDigest: () => '',
      log: () => undefined,
    });
    this.#gate = new StartGate(clock, given.atOnce);
    const serverRecovery = new ServerRecovery('s', { clock, random, tide: new Tide(clock) });
    this.#decided = Array.from({ length: SESSIONS }, () => 'unused');
    this.#connections = this.#decided.map((_, session) => {
      this.#transports.push([]);
      const connection = new Connection({
        key: `session ${session}`,
        server: 's',
        clock,
        policy: () => ({
          backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 },
          maxRestartAttempts: 3,
          startTimeoutMs: 30_000,
          staysConnected: given.staysConnected,
          healthCheckIntervalMs: 30_000,
          isRemote: given.isHttp,
          tier: session === 0 ? 'critical' : 'medium',
        }),
        recovery: this.#queue,
        serverRecovery,
        startGate: given.isHttp ? undefined : this.#gate,
        health: this.#health,
        open: (listener) => this.#open(session, listener),
        nextLaunchName: () => `l${(this.#launches += 1)}`,
        journal: { written: () => undefined, withdrawn: () => undefined },
        client: silentClient,
        onStderr: () => undefined,
        onGarbage: () => undefined,
        onHealth: () => undefined,
        onListenerError: fail,
      });
      connection.setHello({ initialize: '{}', logLevel: undefined, subscriptions: [] });
      let before: ConnectionState = 'idle';
      connection.onDidChange((state) => {
        if (!mayFollow[before].includes(state)) fail(new Error(`${before} -> ${state}`));
        before = state;
      });
      return connection;
    });
  }

  #open(session: number, listener: ConstructorParameters<typeof ScriptedTransport>[1]): ScriptedTransport {
    const earlier = this.#transports[session] ?? [];
    // Over HTTP a lost session may still be answering calls; a process has to be gone.
    if (!this.#world.isHttp && earlier.some(({ hasEnded }) => !hasEnded))
      this.#errors.push(new Error('two processes of one session at once'));
    const next = this.#healed ? good : (this.#scripts.shift() ?? good);
    const transport = new ScriptedTransport(
      this.#clock,
      listener,
      next,
      this.#world.isHttp,
      1_000 + this.#launches,
    );
    earlier.push(transport);
    return transport;
  }

  async run(): Promise<void> {
    for (const one of this.#world.steps) {
      await this.#take(one);
      await settleQuickly();
      this.#check(JSON.stringify(one));
    }
    await this.#heal();
    await this.#finish();
  }

  async #take(one: Step): Promise<void> {
    if (one.do === 'wait') return this.#clock.advanceQuickly(one.ms);
    if (one.do === 'abort') {
      this.#calls[one.nth]?.controller.abort(new Fault('cancelled', 'Cancelled.'));
      return;
    }
    const connection = this.#connections[one.who];
    const transport = this.#transports[one.who]?.at(-1);
    if (connection === undefined) return;
    const decided = this.#decided[one.who];
    switch (one.do) {
      case 'call':
        this.#call(one.who, connection);
        break;
      case 'exit':
        transport?.end('exited');
        break;
      case 'loseSession':
        if (this.#world.isHttp) transport?.refuse('sessionLost');
        break;
      case 'refuseCredential':
        if (this.#world.isHttp) transport?.refuse('authRequired');
        break;
      case 'hang':
        if (transport !== undefined) transport.isHung = true;
        break;
      case 'suspect':
        connection.suspect();
        break;
      case 'forceRestart':
        connection.forceRestart();
        // What is isolated stays so, and what is stopped is ending already.
        if (transport !== undefined && decided !== 'isolated') this.#doomed.add(transport);
        if (decided === 'unused') this.#decided[one.who] = 'used';
        break;
      case 'isolate':
        connection.isolate();
        if (decided !== 'stopped') this.#decided[one.who] = 'isolated';
        break;
      case 'rejoin':
        connection.rejoin();
        if (decided === 'isolated') this.#decided[one.who] = 'used';
        break;
      case 'stop':
        void connection.stop();
        this.#decided[one.who] = 'stopped';
    }
  }

  #call(session: number, connection: Connection): void {
    if (this.#decided[session] === 'unused') this.#decided[session] = 'used';
    const controller = new AbortController();
    const waiting: Waiting = { session, controller, isSettled: false };
    this.#calls.push(waiting);
    this.#seq += 1;
    const call = fakeCall(this.#seq, controller);
    connection.whenUsable(call).then(
      (launch: Launch) => {
        waiting.isSettled = true;
        if (launch.hasEnded) this.#errors.push(new Error('a call was handed to a launch that had ended'));
        const transport = this.#transports[session]?.at(-1);
        if (transport !== undefined && this.#doomed.has(transport))
          this.#errors.push(new Error('a call was handed to a launch that is being ended'));
        void launch.send(call).then(() => call.settled.resolve(undefined));
      },
      (fault: unknown) => {
        waiting.isSettled = true;
        if (!Fault.is(fault)) this.#errors.push(fault);
      },
    );
  }

  #check(after: string): void {
    assert.deepEqual(this.#errors, [], after);
    this.#connections.forEach((connection, session) => {
      const { state } = connection;
      const decided = this.#decided[session];
      const where = `${after}: session ${session} is ${state}, ${decided}`;
      assert.equal(state === 'stopped', decided === 'stopped', where);
      assert.equal(state === 'isolated', decided === 'isolated', where);
      if (decided === 'unused') assert.equal(state, 'idle', where);
      const transport = this.#transports[session]?.at(-1);
      if (connection.usableLaunch !== undefined)
        assert.ok(transport !== undefined && !transport.hasEnded && transport.script.start === 'good', where);
      const open = this.#calls.filter((call) => call.session === session && !call.isSettled);
      assert.equal(connection.waiting, open.length, where);
      // Who waits, waits for something: a start, a plan, or the end of what is being ended for a fresh start.
      const isEnding = transport?.hasEnded === false && connection.usableLaunch === undefined;
      if (open.length > 0) assert.ok(waits.has(state) || isEnding, where);
      if (open.length > 0) assert.equal(connection.usableLaunch, undefined, where);
      const isPlanned = state === 'recovering' || state === 'crashLoop' || state === 'needsSignIn';
      assert.equal(connection.nextAttemptInMs !== undefined, isPlanned, where);
    });
  }

  /** From now on every start succeeds: everybody who is used is served again, by itself. */
  async #heal(): Promise<void> {
    this.#healed = true;
    for (const { controller } of this.#calls) controller.abort(new Fault('cancelled', 'Cancelled.'));
    for (const transports of this.#transports) {
      const last = transports.at(-1);
      // What hangs is noticed by probes, which is another test's business.
      if (last?.isHung === true || last?.script.start === 'noPing') last.end('exited');
    }
    const isWell = (session: number): boolean => {
      const state = this.#connections[session]?.state;
      if (this.#decided[session] !== 'used') return true;
      const last = this.#transports[session]?.at(-1);
      if (last?.hasEnded === false && this.#doomed.has(last)) return false;
      return state === 'ready' || (state === 'idle' && !this.#world.staysConnected);
    };
    const sessions = [...this.#decided.keys()];
    await settleQuickly();
    for (let waited = 0; !sessions.every(isWell) && waited < HEALED_WITHIN_MS; waited += 15_000)
      await this.#clock.advanceQuickly(15_000);
    this.#check('healed');
    assert.deepEqual(
      sessions.filter((session) => !isWell(session)).map((session) => this.#connections[session]?.state),
      [],
      'not served again by itself',
    );
  }

  async #finish(): Promise<void> {
    for (const connection of this.#connections) void connection.stop();
    await this.#clock.advanceQuickly(61_000);
    assert.ok(this.#calls.every(({ isSettled }) => isSettled));
    assert.equal(this.#queue.size, 0);
    assert.deepEqual([this.#gate.taken, this.#gate.waiting], [0, 0]);
    for (const transports of this.#transports)
      for (const transport of transports) assert.ok(transport.hasEnded, 'a launch was left running');
    assert.deepEqual(this.#errors, []);
    assert.equal(this.#clock.pending, 0, 'a timer was left');
    this.#queue.dispose();
    this.#health.dispose();
  }
}

const silentClient: ConnectionClient = {
  onInitialized: () => undefined,
  onClientMessage: () => undefined,
  onListChanged: () => undefined,
  onServerRequests: () => undefined,
  onProgress: () => true,
  onReady: () => undefined,
};

function fakeCall(seq: number, controller: AbortController): Call {
  const id = String(seq);
  const line = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{}}`);
  const settled = Promise.withResolvers<undefined>();
  return {
    seq,
    callId: id,
    id,
    line,
    method: 'tools/call',
    server: 's',
    session: 'c',
    retryClass: 'safe',
    controller,
    settled,
    attempts: 0,
    deadline: { remainingMs: 1_000 },
    delivery: 'queued',
  } as unknown as Call;
}

describe('connection, against a model', () => {
  it(`R2.5 R5.2 moves legally, settles every waiter and comes back by itself, over ${RUNS} sequences`, async function () {
    this.timeout(240_000);
    await fc.assert(
      fc.asyncProperty(world, (given) => new Play(given).run()),
      { numRuns: Number(process.env['RUNS'] ?? RUNS) },
    );
  });
});
