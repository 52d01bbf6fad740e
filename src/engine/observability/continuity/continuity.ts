import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { ContinuitySnapshot, ContinuitySpan } from '../../../shared/model/continuity.ts';
import type { AlertHook } from '../alerts/alertHook.ts';
import type { UptimeReading } from '../metrics/uptime.ts';
import type { CallOutcome, Observation, ObservedCall, Observer } from '../observations.ts';
import {
  degradedFigures,
  enoughToJudge,
  figuresOf,
  nothing,
  total,
  type Amount,
  type Amounts,
} from './figures.ts';
import { LongCalls } from './longCalls.ts';
import { lostMs } from './lostTime.ts';
import { RECENT_WINDOW_MS, RecentAmounts, untilNextMinute } from './recentAmounts.ts';

export interface ContinuityOptions {
  readonly clock: Clock;
  /** The servers there are. */
  readonly servers: () => Iterable<string>;
  /** How much of its time a server was usable, so far. */
  readonly uptime: (server: string) => UptimeReading | undefined;
  readonly alerts: Pick<AlertHook, 'reportContinuity'>;
}

interface Track {
  readonly amounts: RecentAmounts;
  readonly longCalls: LongCalls;
  /** What of its uptime is in `amounts`. */
  usableMs: number;
  wantedMs: number;
}

/**
 * The continuity of every server, and of all of them together (requirements R11.6; docs/continuity.md): Φ, Ψ, σ and Δ since the engine's start, and of the last
 * hour. What happens to calls is added when it happens; how long servers were usable is taken over once a minute, and up to the moment whenever somebody asks.
 */
export class Continuity implements Observer, Disposable {
  readonly #options: ContinuityOptions;
  readonly #tracks = new Map<string, Track>();
  /** Of all servers, also of those that are not there any more. */
  readonly #all = new RecentAmounts();
  #timer: Disposable;

  constructor(options: ContinuityOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  onCall(call: ObservedCall, outcome: CallOutcome): void {
    const now = this.#options.clock.now();
    const lost = lostMs(call, outcome, now);
    if (lost === undefined) return;
    const { amounts, longCalls } = this.#track(call.server);
    this.#add(amounts, now, 'calls', 1);
    if (lost > 0) this.#add(amounts, now, 'lostMs', lost);
    const verdict = longCalls.judge(call, outcome, now);
    if (verdict !== undefined)
      this.#add(amounts, now, verdict === 'completed' ? 'longCompleted' : 'longLost', 1);
  }

  onEvent(event: Observation): void {
    if (event.kind === 'relisted' && event.all > 0) {
      const now = this.#options.clock.now();
      const { amounts } = this.#track(event.server);
      this.#add(amounts, now, 'reconnects', 1);
      this.#add(amounts, now, 'similarity', event.unchanged / event.all);
    } else if (event.kind === 'configuration') {
      const present = new Set(event.servers);
      for (const server of this.#tracks.keys()) if (!present.has(server)) this.#tracks.delete(server);
      // One that a client held while it was out of the settings has an uptime from before, which is in the figures of all.
      for (const server of present)
        if (!this.#tracks.has(server))
          Object.assign(this.#track(server), countedOf(this.#options.uptime(server)));
    }
  }

  /** Of one server. */
  of(server: string): ContinuitySnapshot {
    const track = this.#tracks.get(server);
    return this.#snapshotOf(track?.amounts, [this.#running(server)]);
  }

  /** Of all servers together: each hour, call and reconnect counts once, whosever it is. */
  get overall(): ContinuitySnapshot {
    const running = [...this.#options.servers()].map((server) => this.#running(server));
    return this.#snapshotOf(this.#all, running);
  }

  #snapshotOf(known: RecentAmounts | undefined, running: readonly Amounts[]): ContinuitySnapshot {
    const recent = known?.recent(this.#options.clock.now()) ?? nothing;
    return {
      life: spanOf(total([known?.all ?? nothing, ...running])),
      recent: spanOf(total([recent, ...running])),
      windowMs: RECENT_WINDOW_MS,
    };
  }

  /** What has been added to a server's uptime since it was looked at. */
  #running(server: string): Amounts {
    const uptime = this.#options.uptime(server);
    if (uptime === undefined) return nothing;
    const { usableMs = 0, wantedMs = 0 } = this.#tracks.get(server) ?? {};
    const now = countedOf(uptime);
    return { ...nothing, usableMs: now.usableMs - usableMs, wantedMs: now.wantedMs - wantedMs };
  }

  #track(server: string): Track {
    let track = this.#tracks.get(server);
    if (track === undefined) {
      track = { amounts: new RecentAmounts(), longCalls: new LongCalls(), usableMs: 0, wantedMs: 0 };
      this.#tracks.set(server, track);
    }
    return track;
  }

  #add(amounts: RecentAmounts, at: number, amount: Amount, value: number): void {
    amounts.add(at, amount, value);
    this.#all.add(at, amount, value);
  }

  #schedule(): Disposable {
    const { clock } = this.#options;
    const inMs = untilNextMinute(clock.now());
    return clock.setTimer(inMs, () => this.#onMinute(), { unref: true });
  }

  #onMinute(): void {
    const { clock, servers, alerts } = this.#options;
    // To the minute that has just ended.
    const at = clock.now() - 1;
    for (const server of servers()) {
      const { usableMs, wantedMs } = this.#running(server);
      if (wantedMs === 0) continue;
      const track = this.#track(server);
      track.usableMs += usableMs;
      track.wantedMs += wantedMs;
      this.#add(track.amounts, at, 'usableMs', usableMs);
      this.#add(track.amounts, at, 'wantedMs', wantedMs);
    }
    const recent = this.#all.recent(clock.now());
    const isEnough = recent.wantedMs >= enoughToJudge.wantedMs;
    alerts.reportContinuity(isEnough ? figuresOf(recent).phi : undefined);
    this.#timer = this.#schedule();
  }

  dispose(): void {
    this.#timer.dispose();
  }
}

function countedOf(uptime: UptimeReading | undefined): Pick<Track, 'usableMs' | 'wantedMs'> {
  const { usableMs = 0, downMs = 0 } = uptime ?? {};
  return { usableMs, wantedMs: usableMs + downMs };
}

function spanOf(amounts: Amounts): ContinuitySpan {
  const { wantedMs, longCompleted, longLost, reconnects, calls } = amounts;
  const longCalls = longCompleted + longLost;
  return {
    ...figuresOf(amounts),
    ...{ wantedMs, longCalls, reconnects, calls },
    missed: degradedFigures(amounts),
  };
}
