import { HealthMonitor } from '../../src/engine/health/healthMonitor.ts';
import { Deadline, type Call } from '../../src/engine/pipeline/call.ts';
import { Tide } from '../../src/engine/policies/backoff/tide.ts';
import { RecoveryQueue } from '../../src/engine/recovery/recoveryQueue.ts';
import { ServerRecovery } from '../../src/engine/recovery/serverRecovery.ts';
import { Connection } from '../../src/engine/upstream/connection.ts';
import type { Launch } from '../../src/engine/upstream/launch.ts';
import { seededRandom, type Random } from '../../src/shared/base/random.ts';
import { Fault } from '../../src/shared/model/fault.ts';
import { SimulatedServer, type Conditions } from './simulatedServer.ts';
import { SimulatedTime } from './simulatedTime.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** As `REMOTE_IDLE_MS`: after that a remote server is checked less and less often. */
const REMOTE_IN_USE_MS = 300_000;
/** `lifeline.timeouts` of a tool that takes a minute. */
const LONG_DEADLINE_MS = 180_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly days: number;
  /** Servers hang for good now and then. */
  readonly hangs: boolean;
  /** Without asking the system whether a process was stopped: what that is worth. */
  readonly ignoresStops?: boolean;
}

export const detectionKinds = [
  'local, nothing to do',
  'remote, in use',
  'remote, not called for long',
  'during a call',
] as const;
export type DetectionKind = (typeof detectionKinds)[number];

/** A server that hung for good, and was given up. */
export interface Detection {
  readonly kind: DetectionKind;
  /** From the hang, or from the last deadline among the calls that explained its silence, to the verdict. */
  readonly tookMs: number;
  /** We stood still, or the machine slept, in between. */
  readonly wasDisturbed: boolean;
}

export interface SimulationResult {
  readonly falseConvictions: readonly string[];
  readonly detections: readonly Detection[];
  /** Hangs that nobody noticed within a quarter of an hour. */
  readonly unnoticed: number;
  readonly happened: Readonly<Record<string, number>>;
  /** Servers that were seen as suspect and turned out well. */
  readonly acquittals: number;
}

interface Hang {
  readonly at: number;
  /** Monotonic milliseconds since its last call, when it hung. */
  readonly uncalledMs: number;
  /** The last deadline among calls that it did not answer. */
  deadlineAt: number | undefined;
}

/** One server, the connection to it, and who uses it. */
class Ward {
  readonly name: string;
  readonly conditions: Conditions;
  readonly connection: Connection;
  server: SimulatedServer | undefined;
  hang: Hang | undefined;
  /** The next call that is written meets a server that hangs. */
  hangsWithNextCall = false;
  acquittals = 0;
  isInUse = false;
  readonly #world: World;

  constructor(world: World, name: string, isLocal: boolean) {
    this.#world = world;
    this.name = name;
    this.conditions = { isLocal, stoppedUntil: 0, networkDownUntil: 0 };
    const { time, random, monitor } = world;
    this.connection = new Connection({
      key: name,
      server: name,
      clock: time,
      policy: () => ({
        backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 },
        maxRestartAttempts: 3,
        tier: 'medium',
        startTimeoutMs: 30_000,
        staysConnected: true,
        healthCheckIntervalMs: 30_000,
        isRemote: !isLocal,
      }),
      recovery: world.recovery,
      health: monitor,
      serverRecovery: new ServerRecovery(name, { clock: time, random, tide: new Tide(time) }),
      startGate: undefined,
      open: (listener) => (this.server = new SimulatedServer(time, this.conditions, listener)),
      nextLaunchName: () => `l${world.nextNumber()}`,
      journal: { written: () => undefined, withdrawn: () => undefined },
      client: {
        onInitialized: () => undefined,
        onClientMessage: () => undefined,
        onListChanged: () => undefined,
        onServerRequests: () => undefined,
        onProgress: () => true,
        onReady: () => undefined,
      },
      onStderr: () => undefined,
      onGarbage: () => undefined,
      onHealth: () => undefined,
      onListenerError: (error) => {
        throw error;
      },
    });
    let was = this.connection.state;
    this.connection.onDidChange((state) => {
      if (was === 'suspect' && state === 'ready') this.acquittals += 1;
      if (state === 'broken') world.onConvicted(this);
      was = state;
    });
    this.connection.setHello({ initialize: '{}', logLevel: undefined, subscriptions: [] });
    this.connection.open();
  }

  get isStopped(): boolean {
    return this.conditions.stoppedUntil > this.#world.time.now();
  }

  /** Makes a call and waits for what becomes of it; the caller cancels it after `patienceMs`. */
  async call(what: { ms: number; sync: boolean; deadlineMs: number; patienceMs?: number }): Promise<void> {
    const { time } = this.#world;
    const seq = this.#world.nextNumber();
    const startedAt = time.now();
    const controller = new AbortController();
    const deadline = new Deadline(time, { totalMs: what.deadlineMs, capMs: 600_000 }, () => {
      controller.abort(new Fault('requestTimeout', 'It was not answered in its time.'));
      if (call.delivery !== 'queued') this.connection.suspect();
    });
    const params = { name: 'work', arguments: { ms: what.ms, sync: what.sync } };
    const line = JSON.stringify({ jsonrpc: '2.0', id: seq, method: 'tools/call', params });
    const call = {
      seq,
      id: String(seq),
      line: new TextEncoder().encode(line),
      method: 'tools/call',
      tool: 'work',
      retryClass: 'safe',
      delivery: 'queued',
      attempts: 0,
      deadline,
      controller,
      settled: Promise.withResolvers<undefined>(),
    } as unknown as Call;
    const leaving = time.outside(time.now() + (what.patienceMs ?? Infinity), () => {
      deadline.dispose();
      controller.abort(new Fault('cancelled', 'The client cancelled the request.'));
    });
    try {
      const launch = await this.connection.whenUsable(call);
      if (this.hangsWithNextCall && this.server !== undefined) {
        this.hangsWithNextCall = false;
        this.hangNow();
      }
      await launch.send(call);
      const { hang } = this;
      if (hang !== undefined && call.delivery !== 'done')
        hang.deadlineAt = Math.max(hang.deadlineAt ?? 0, startedAt + what.deadlineMs);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    leaving.dispose();
    deadline.dispose();
    call.settled.resolve(undefined);
  }

  hangNow(): void {
    const { launch } = this;
    if (this.server === undefined || this.hang !== undefined || launch === undefined) return;
    this.server.isHung = true;
    const now = this.#world.time.now();
    const { calledAt, excusedUntil } = launch.vitals;
    // A call that was cancelled a moment ago explains its silence too.
    this.hang = {
      at: now,
      uncalledMs: now - calledAt,
      deadlineAt: excusedUntil > now ? excusedUntil : undefined,
    };
    this.#world.note('hangs');
  }

  get launch(): Launch | undefined {
    return this.connection.state === 'ready' ? this.connection.usableLaunch : undefined;
  }
}

function kindOf({ conditions }: Ward, hang: Hang, now: number): DetectionKind {
  if (hang.deadlineAt !== undefined) return 'during a call';
  if (conditions.isLocal) return 'local, nothing to do';
  return hang.uncalledMs + (now - hang.at) < REMOTE_IN_USE_MS
    ? 'remote, in use'
    : 'remote, not called for long';
}

function stopFor(conditions: Conditions, until: number): void {
  conditions.stoppedUntil = Math.max(conditions.stoppedUntil, until);
}

function takeNetworkDown(conditions: Conditions, until: number): void {
  conditions.networkDownUntil = Math.max(conditions.networkDownUntil, until);
}

class World {
  readonly time = new SimulatedTime();
  readonly random: Random;
  readonly recovery: RecoveryQueue;
  readonly monitor: HealthMonitor;
  readonly happened: Record<string, number> = {};
  readonly falseConvictions: string[] = [];
  readonly detections: Detection[] = [];
  readonly wards: readonly Ward[];
  #number = 0;
  #disturbedAt = -Infinity;
  #network = 0;
  readonly #hangs: boolean;

  constructor({ seed, hangs, ignoresStops }: SimulationOptions) {
    this.#hangs = hangs;
    this.random = seededRandom(seed);
    this.recovery = new RecoveryQueue({
      clock: this.time,
      random: seededRandom(seed + 2),
      intervalMs: () => 10_000,
      onError: (error) => {
        throw error;
      },
    });
    this.monitor = new HealthMonitor({
      clock: this.time,
      random: seededRandom(seed + 1),
      isStopped: (pid) =>
        Promise.resolve(
          ignoresStops !== true && this.wards.some((ward) => ward.server?.pid === pid && ward.isStopped),
        ),
      networkDigest: () => String(this.#network),
      log: () => undefined,
    });
    this.wards = [
      new Ward(this, 'busy', true),
      new Ward(this, 'quiet', true),
      new Ward(this, 'remote', false),
    ];
  }

  nextNumber(): number {
    return (this.#number += 1);
  }

  note(what: string): void {
    this.happened[what] = (this.happened[what] ?? 0) + 1;
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** Lets something happen `perDay` times a day, at any time (a Poisson process). */
  often(perDay: number, action: () => void): void {
    const next = (from: number): void => {
      const at = from - (Math.log(1 - this.random()) / perDay) * DAY_MS;
      this.time.outside(at, () => {
        action();
        next(at);
      });
    };
    next(0);
  }

  onConvicted(ward: Ward): void {
    const now = this.time.now();
    const { hang } = ward;
    ward.hang = undefined;
    if (hang === undefined) {
      const why = ward.connection.lastFault?.message ?? '';
      this.falseConvictions.push(`${ward.name} at ${Math.round(now / 1_000)} s: ${why}`);
      return;
    }
    this.detections.push({
      kind: kindOf(ward, hang, now),
      tookMs: now - Math.max(hang.at, hang.deadlineAt ?? 0),
      wasDisturbed: this.#disturbedAt >= hang.at,
    });
  }

  get unnoticed(): number {
    const now = this.time.now();
    return this.wards.filter(({ hang }) => hang !== undefined && now - hang.at > 15 * MINUTE_MS).length;
  }

  // --- what happens ---

  localPause(): void {
    this.note('local pauses of 1 to 8 s');
    this.#disturbedAt = this.time.now();
    this.time.stall(this.between(1_000, 8_000));
  }

  networkStall(): void {
    this.note('network stalls of 1 to 8 s');
    for (const { conditions } of this.wards)
      takeNetworkDown(conditions, this.time.now() + this.between(1_000, 8_000));
    this.#disturbedAt = this.time.now();
  }

  stopOne(ward: Ward): void {
    if (ward.hang !== undefined) return;
    this.note('pauses of a server (SIGSTOP) of 1 to 30 s');
    stopFor(ward.conditions, this.time.now() + this.between(1_000, 30_000));
  }

  laptopSleep(): void {
    this.note('sleeps of an hour');
    this.#disturbedAt = this.time.now();
    // Linux stops the monotonic clock meanwhile; macOS and Windows do not.
    if (this.random() < 0.5) this.time.sleep(3_600_000);
    else this.time.stall(3_600_000);
    for (const { conditions } of this.wards)
      takeNetworkDown(conditions, this.time.now() + this.between(0, 3_000));
    if (this.random() < 0.3) this.#network += 1;
  }

  async work(ward: Ward): Promise<void> {
    // Two agents with calls of a minute on one thread would pass any deadline, which is a reason to be given up.
    if (ward.hang !== undefined || ward.isInUse) return;
    ward.isInUse = true;
    this.note('stretches of work');
    for (let left = Math.floor(this.between(2, 12)); left > 0; left -= 1) {
      this.note('calls');
      const kind = this.random();
      if (kind < 0.8)
        await ward.call({ ms: this.between(5, 3_000), sync: this.random() < 0.5, deadlineMs: 60_000 });
      else await this.workLong(ward);
      await this.wait(this.between(100, 40_000));
    }
    ward.isInUse = false;
    if (this.#hangs && this.random() < 0.1) {
      await this.wait(this.between(1_000, 60_000));
      if (ward.connection.inFlight === 0) ward.hangNow();
    }
  }

  /** A synchronous call of a minute, with other calls behind it that it holds up; it may itself stand behind a cancelled one. */
  async workLong(ward: Ward): Promise<void> {
    this.note('synchronous calls of 60 s');
    const isCancelled = this.random() < 0.3;
    if (isCancelled) this.note('of them cancelled');
    const long = ward.call({
      ms: 60_000,
      sync: true,
      deadlineMs: LONG_DEADLINE_MS,
      ...(isCancelled ? { patienceMs: this.between(1_000, 50_000) } : {}),
    });
    const behind: Promise<void>[] = [];
    for (let left = Math.floor(this.between(0, 4)); left > 0; left -= 1) {
      await this.wait(this.between(100, 15_000));
      // Some of them are not waited for long, so a deadline passes while the server works.
      behind.push(ward.call({ ms: 50, sync: true, deadlineMs: this.random() < 0.5 ? 10_000 : 60_000 }));
    }
    await Promise.all([long, ...behind]);
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.outside(this.time.now() + ms, () => resolve()));
  }
}

/** Runs servers through days of stalls, sleeps and long calls, with the real monitor and the real connections. */
export async function simulateHealth(options: SimulationOptions): Promise<SimulationResult> {
  const world = new World(options);
  const [busy, quiet, remote] = world.wards as [Ward, Ward, Ward];
  world.often(16, () => world.localPause());
  world.often(4, () => world.networkStall());
  world.often(2, () => world.laptopSleep());
  for (const ward of [busy, quiet]) world.often(10, () => world.stopOne(ward));
  for (const [ward, perDay] of [
    [busy, 60],
    [remote, 40],
    [quiet, 2],
  ] as const)
    world.often(perDay, () => void world.work(ward));
  if (options.hangs) {
    for (const ward of world.wards) {
      world.often(4, () => {
        if (ward.connection.inFlight === 0) ward.hangNow();
      });
      world.often(4, () => (ward.hangsWithNextCall = true));
    }
  }
  await world.time.runUntil(options.days * DAY_MS + 30 * MINUTE_MS);
  world.monitor.dispose();
  world.recovery.dispose();
  const acquittals = world.wards.reduce((all, ward) => all + ward.acquittals, 0);
  const { falseConvictions, detections, happened, unnoticed } = world;
  return { falseConvictions, detections, happened, acquittals, unnoticed };
}
