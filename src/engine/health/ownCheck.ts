import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import type { Chore, HealthMonitor } from './healthMonitor.ts';

/** Failures in a row after which the server is started afresh. */
const FAILURES_BEFORE_RESTART = 3;
/** Between two such fresh starts, doubling: no faster than a crash loop is tried again. */
const RESTART_GAP_FIRST_MS = 60_000;
const RESTART_GAP_MAX_MS = 300_000;
const JITTER_RATIO = 0.1;
const MAX_REASON = 500;

/**
 * What a check found: well, or why not; `undefined` when it was not the time for it. `isUnmade`: it could not be made (there is no such
 * command, or no network), which is shown, but is no reason to end a server.
 */
export type CheckResult =
  | { readonly isWell: true }
  | { readonly isWell: false; readonly why: string; readonly isUnmade?: true }
  | undefined;

/** One launch, as its own check sees it. */
export interface Checked {
  /** Makes the check; never rejects. */
  perform(check: HealthCheck): Promise<CheckResult>;
  /** Calls are under way, which a fresh start would cost. */
  readonly isInUse: boolean;
  /** Starts it afresh. */
  giveUp(why: string): void;
}

export interface OwnCheckOptions {
  readonly server: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly monitor: HealthMonitor;
  /** Asked before each check, so that changed settings count from the next one on. */
  readonly check: () => HealthCheck | undefined;
  readonly intervalMs: () => number;
  /** What is known has changed. */
  readonly onChanged: () => void;
}

/**
 * The health check that the user gave a server (requirements R5.7), every `healthCheckInterval` while it is ready. It does not tell whether the server hangs,
 * which the ping does, but whether it is of use: a server that answers and fails it is degraded, and after three failures in a row it is started afresh, at
 * most as often as a crash loop is.
 */
export class OwnCheck {
  readonly #options: OwnCheckOptions;
  #failures = 0;
  #restarts = 0;
  #restartedAt = -Infinity;
  #failure: string | undefined;
  #chore: Disposable | undefined;

  constructor(options: OwnCheckOptions) {
    this.#options = options;
  }

  /** Why the last check failed; absent when it was well, or none was made. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** A launch is ready. */
  begin(checked: Checked): void {
    this.end();
    const { clock, monitor, check, random, intervalMs } = this.#options;
    const inMs = (): number => intervalMs() * (1 + (random() * 2 - 1) * JITTER_RATIO);
    let nextAt = clock.now() + inMs();
    const chore: Chore = {
      step: () => {
        const now = clock.now();
        const wanted = check();
        if (wanted === undefined) {
          this.#note({ isWell: true });
          return Infinity;
        }
        if (now < nextAt) return nextAt;
        // The next one begins when this one is over, however long it takes.
        nextAt = Infinity;
        void checked.perform(wanted).then((result) => {
          if (this.#chore !== registration) return;
          nextAt = clock.now() + inMs();
          this.#note(result);
          if (result?.isWell === false && result.isUnmade === undefined) this.#act(checked);
        });
        return nextAt;
      },
    };
    const registration = monitor.add(chore);
    this.#chore = registration;
  }

  /** The launch has ended. */
  end(): void {
    this.#chore?.dispose();
    this.#chore = undefined;
  }

  #note(result: CheckResult): void {
    if (result === undefined) return;
    const before = this.#failure;
    this.#failure = result.isWell ? undefined : result.why.slice(0, MAX_REASON);
    if (result.isWell) this.#failures = 0;
    else if (result.isUnmade === undefined) this.#failures += 1;
    if (result.isWell) this.#restarts = 0;
    if (before !== this.#failure) this.#options.onChanged();
  }

  #act(checked: Checked): void {
    const { server, clock } = this.#options;
    const now = clock.now();
    const gapMs = Math.min(RESTART_GAP_MAX_MS, RESTART_GAP_FIRST_MS * 2 ** Math.min(10, this.#restarts - 1));
    const isTooSoon = this.#restarts > 0 && now - this.#restartedAt < gapMs;
    if (this.#failures < FAILURES_BEFORE_RESTART || checked.isInUse || isTooSoon) return;
    const text = `The MCP server "${server}" answers, but failed its own health check ${this.#failures} times in a row, and is started afresh. ${this.#failure ?? ''}`;
    this.#failures = 0;
    this.#restarts += 1;
    this.#restartedAt = now;
    checked.giveUp(text);
  }
}
