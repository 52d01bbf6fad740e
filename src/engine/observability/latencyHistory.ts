import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { History, HistorySample } from '../../shared/protocol/engineMessages.ts';
import type { LatencyRing } from './latency.ts';

const SAMPLE_INTERVAL_MS = 5_000;
const WINDOW_MS = 300_000;
const MAX_SAMPLES = WINDOW_MS / SAMPLE_INTERVAL_MS;

/** What is looked at of a server. */
export interface SampledServer {
  readonly name: string;
  readonly state: ConnectionState;
  readonly latencyRing: LatencyRing;
  readonly counters: { readonly successful: number; readonly failed: number };
}

type Sample = Omit<HistorySample, 'at'> & {
  /** Of the monotonic clock; a wall clock that is put right must not tear the line apart. */
  readonly takenAt: number;
};

interface Track {
  readonly samples: Sample[];
  /** What the counters said when the last bucket ended. */
  latencies: number;
  finished: number;
  failed: number;
}

/** The last minutes of every server, one sample each few seconds. Nothing is done for it when a call ends. */
export class LatencyHistory implements Disposable {
  readonly #clock: Clock;
  readonly #servers: () => readonly SampledServer[];
  readonly #tracks = new Map<string, Track>();
  #timer: Disposable;

  constructor(clock: Clock, servers: () => readonly SampledServer[]) {
    this.#clock = clock;
    this.#servers = servers;
    this.#timer = this.#schedule();
  }

  /** What is known now. The bucket that is still open is not in it. */
  get now(): History {
    const now = this.#clock.now();
    const wallNow = this.#clock.wallNow();
    const servers = [...this.#tracks].map(([id, { samples }]) => ({
      id,
      samples: samples
        .filter(({ takenAt }) => now - takenAt < WINDOW_MS)
        .map(({ takenAt, ...sample }) => ({ at: wallNow - (now - takenAt), ...sample })),
    }));
    return {
      now: wallNow,
      intervalMs: SAMPLE_INTERVAL_MS,
      windowMs: WINDOW_MS,
      servers: servers.filter(({ samples }) => samples.length > 0),
    };
  }

  dispose(): void {
    this.#timer.dispose();
  }

  #schedule(): Disposable {
    return this.#clock.setTimer(
      SAMPLE_INTERVAL_MS,
      () => {
        this.#sample();
        this.#timer = this.#schedule();
      },
      { unref: true },
    );
  }

  #sample(): void {
    const servers = this.#servers();
    const present = new Set(servers.map(({ name }) => name));
    for (const name of [...this.#tracks.keys()]) if (!present.has(name)) this.#tracks.delete(name);
    for (const server of servers) this.#sampleOne(server);
  }

  #sampleOne({ name, state, latencyRing: latency, counters }: SampledServer): void {
    const finished = counters.successful + counters.failed;
    const isQuiet = state === 'idle' || state === 'stopped';
    let track = this.#tracks.get(name);
    if (track === undefined) {
      if (isQuiet && finished === 0) return;
      track = { samples: [], latencies: 0, finished: 0, failed: 0 };
      this.#tracks.set(name, track);
    }
    // A counter that went back belongs to another server of the same name.
    const since = (before: number, after: number): number => (after < before ? after : after - before);
    const calls = since(track.finished, finished);
    const failures = since(track.failed, counters.failed);
    const figures = latency.since(latency.count - since(track.latencies, latency.count));
    track.latencies = latency.count;
    track.finished = finished;
    track.failed = counters.failed;
    if (isQuiet && calls === 0) return;
    track.samples.push({
      takenAt: this.#clock.now(),
      state,
      calls,
      failures,
      ...(figures === undefined ? {} : { latency: { p50Ms: figures.p50Ms, p95Ms: figures.p95Ms } }),
    });
    if (track.samples.length > MAX_SAMPLES) track.samples.shift();
  }
}
