import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Patient } from './patient.ts';
import { PauseGuard } from './pauseGuard.ts';
import { Watch } from './watch.ts';

/** While anything is watched we look at our own clock at least this often. */
const TICK_MS = 5_000;
/** After a wake or a change of the network servers are asked within this time, not all at once. */
const CHECK_SPREAD_MS = 1_000;

/** Something that is to be done now and then while a server is there. */
export interface Chore {
  /** Does what is due, and answers when the next step is (monotonic). */
  step(): number;
}

export interface HealthMonitorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the system says that somebody stopped a process. */
  readonly isStopped: (pid: number) => Promise<boolean>;
  /** Differs when the machine's network does. */
  readonly networkDigest: () => string;
  readonly log: (message: string) => void;
}

/**
 * Watches every launch that is ready (requirements R5.3, R5.9), with one timer for all of them, and none while there is nothing to watch. At each
 * tick it first asks whether we ourselves stood still.
 */
export class HealthMonitor implements Disposable {
  readonly #options: HealthMonitorOptions;
  readonly #watches = new Set<Watch>();
  readonly #chores = new Set<Chore>();
  readonly #guard = new PauseGuard();
  #timer: Disposable | undefined;
  #plannedAt = Infinity;
  #isTicking = false;
  #network: { readonly digest: string; readonly at: number } | undefined;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  /** Watches a launch that is ready, until the watch is disposed. */
  watch(patient: Patient): Watch {
    const { clock, random, isStopped } = this.#options;
    const watch = new Watch(
      {
        clock,
        random,
        isStopped,
        onChanged: () => this.#plan(clock.now()),
        onDisposed: () => {
          if (this.#watches.delete(watch)) this.#plan(Infinity);
        },
      },
      patient,
    );
    this.#watches.add(watch);
    this.#plan(Infinity);
    return watch;
  }

  /** Does a chore whenever it is due; dispose to take it out. */
  add(chore: Chore): Disposable {
    this.#chores.add(chore);
    this.#plan(this.#options.clock.now());
    return {
      dispose: () => {
        if (this.#chores.delete(chore)) this.#plan(Infinity);
      },
    };
  }

  /** Ticks at `at`, if that is earlier than planned. */
  #plan(at: number): void {
    if (this.#isTicking) return;
    if (this.#watches.size + this.#chores.size === 0) {
      this.#timer?.dispose();
      this.#timer = undefined;
      this.#plannedAt = Infinity;
      this.#guard.reset();
      this.#network = undefined;
      return;
    }
    const { clock } = this.#options;
    const now = clock.now();
    if (this.#timer === undefined) this.#guard.tick(now, now, clock.wallNow());
    const due = Math.max(now, Math.min(at, now + TICK_MS));
    if (this.#timer !== undefined && due >= this.#plannedAt) return;
    this.#timer?.dispose();
    this.#plannedAt = due;
    this.#timer = clock.setTimer(due - now, () => this.#tick(), { unref: true });
  }

  #tick(): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    const kind = this.#guard.tick(this.#plannedAt, now, clock.wallNow());
    this.#timer = undefined;
    this.#plannedAt = Infinity;
    this.#isTicking = true;
    if (kind !== 'normal') for (const watch of [...this.#watches]) watch.forgive();
    if (kind === 'wake') {
      log('the machine slept, or its clock was set');
      this.#checkRemotes(now);
    } else if (this.#hasNetworkChanged(now)) {
      log('the network of this machine has changed');
      this.#checkRemotes(now);
    }
    let next = Infinity;
    for (const watch of [...this.#watches]) next = Math.min(next, watch.step());
    for (const chore of [...this.#chores]) next = Math.min(next, chore.step());
    this.#isTicking = false;
    this.#plan(next);
  }

  get #remotes(): Watch[] {
    return [...this.#watches].filter(({ patient }) => patient.isRemote);
  }

  /** Looked at only while there is a server that a network could take away. */
  #hasNetworkChanged(now: number): boolean {
    const before = this.#network;
    if (before !== undefined && now - before.at < TICK_MS) return false;
    if (this.#remotes.length === 0) {
      this.#network = undefined;
      return false;
    }
    const digest = this.#options.networkDigest();
    this.#network = { digest, at: now };
    return before !== undefined && before.digest !== digest;
  }

  #checkRemotes(now: number): void {
    this.#network = undefined;
    for (const watch of this.#remotes) {
      watch.patient.dropIdleConnections();
      watch.check(now + this.#options.random() * CHECK_SPREAD_MS);
    }
  }

  dispose(): void {
    for (const watch of [...this.#watches]) watch.dispose();
    this.#chores.clear();
    this.#plan(Infinity);
  }
}
