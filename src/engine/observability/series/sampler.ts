import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { worseState, type ConnectionState } from '../../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import type { Resolution } from '../../../shared/protocol/historyMessages.ts';
import type { Observation, Observer } from '../observations.ts';
import { joinBuckets, saysTheSame, worseBreaker, type Bucket } from './bucket.ts';
import { encodeRecord, type SeriesRecord } from './bucketCodec.ts';
import { LatencyClasses } from './compactHistogram.ts';
import { resolutions, SAMPLE_INTERVAL_MS, type ResolutionTraits } from './levels.ts';
import { isSameInterval, intervalOf } from './rollUp.ts';
import type { Segments } from './segments.ts';
import { Spans, type Reach, type Step } from './spans.ts';

/** What is looked at of a server. Counters and times only grow; one that went back belongs to another server of the same name. */
export interface SampledServer {
  readonly name: string;
  readonly state: ConnectionState;
  readonly breaker: BreakerStateName;
  readonly calls: number;
  readonly failures: number;
  readonly retries: number;
  readonly restarts: number;
  readonly usableMs: number;
  readonly downMs: number;
  /** Calls that wait for a place now, and the most since this was asked for the last time. */
  readonly queued: number;
  /** The same as long as the counters are the same ones. */
  readonly key: object;
  /** Has every answered call's latency recorded until what it gives is disposed. */
  follow(sink: LatencyClasses): Disposable;
}

type Counter = 'calls' | 'failures' | 'retries' | 'restarts' | 'usableMs' | 'downMs';
const zero: Readonly<Record<Counter, number>> = {
  calls: 0,
  failures: 0,
  retries: 0,
  restarts: 0,
  usableMs: 0,
  downMs: 0,
};
const counterNames = Object.keys(zero) as Counter[];

interface Track {
  readonly key: object;
  readonly classes: LatencyClasses;
  readonly following: Disposable;
  /** The worst since the last bucket ended, and whether there was a change. */
  worst: ConnectionState;
  breaker: BreakerStateName;
  isChanged: boolean;
}

/** The buckets of one resolution that are not closed yet, and what the files say by now. */
interface Level {
  readonly traits: ResolutionTraits;
  readonly segments: Segments;
  readonly open: Map<string, Bucket>;
  /** The interval that is being filled, and in which span. */
  filling: { readonly span: number; readonly number: number } | undefined;
  /** By server, the last bucket of the file that is written to. */
  readonly told: Map<string, Bucket>;
  generation: number;
  /** When presence was told the last time. */
  presenceAt: number;
  /** How far everything is closed. */
  reach: Reach | undefined;
}

/** Without anything to tell it is told that somebody was there, once in this time. */
const PRESENCE_INTERVAL_MS = 60_000;

export interface SamplerOptions {
  readonly clock: Clock;
  readonly servers: () => readonly SampledServer[];
  readonly segments: Readonly<Record<Resolution, Segments>>;
}

/**
 * Samples every server on the clock and sums up what it found. Nothing is done for it when a call ends, but one addition to its latencies.
 * Buckets of a coarser resolution begin at whole intervals of the wall clock, and are made of the finer ones: counts are exact.
 */
export class SeriesSampler implements Observer, Disposable {
  readonly #options: SamplerOptions;
  readonly #spans: Spans;
  readonly #tracks = new Map<string, Track>();
  /** What the counters said when the last bucket ended; also of a server that is gone and may come back. */
  readonly #counted = new WeakMap<object, Record<Counter, number>>();
  readonly #levels: readonly Level[];
  #timer: Disposable;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#spans = new Spans(options.clock, SAMPLE_INTERVAL_MS);
    this.#levels = resolutions.map((traits) => ({
      traits,
      segments: options.segments[traits.name],
      open: new Map(),
      filling: undefined,
      told: new Map(),
      generation: -1,
      presenceAt: -Infinity,
      reach: undefined,
    }));
    for (const server of options.servers()) this.#trackOf(server);
    this.#timer = this.#schedule();
  }

  /** How far a resolution is told, and what of it is not closed yet, in order of time. By its place in `resolutions`. */
  underWay(index: number): { readonly reach: Reach; readonly open: readonly Bucket[] } {
    const level = this.#levels[index];
    const { intervalMs } = level?.traits ?? resolutions[0];
    const open = new Map<string, Bucket[]>();
    // What a finer one has not closed is not in the coarser one yet.
    for (let from = index; from > 0; from -= 1) {
      for (const bucket of this.#levels[from]?.open.values() ?? []) {
        const own = open.get(bucket.server) ?? [];
        const last = own.at(-1);
        if (last !== undefined && isSameInterval(last, bucket, intervalMs))
          own[own.length - 1] = joinBuckets(last, bucket);
        else own.push(bucket);
        open.set(bucket.server, own);
      }
    }
    const { span } = this.#spans.reach;
    // Of a span in which nothing was closed yet its beginning is told.
    const reach = level?.reach?.span === span ? level.reach : { span, until: span };
    return { reach, open: [...open.values()].flat() };
  }

  /** A state or a breaker that was there only between two samples is seen all the same. */
  onEvent(event: Observation): void {
    // Its calls are counted from the first one on.
    if (event.kind === 'configuration') for (const server of this.#options.servers()) this.#trackOf(server);
    if (event.kind !== 'state' && event.kind !== 'breaker') return;
    const track = this.#tracks.get(event.server);
    if (track === undefined) return;
    if (event.kind === 'breaker') {
      track.breaker = worseBreaker(track.breaker, event.state);
      return;
    }
    const { from, to } = event;
    // A connection that is being stopped belongs to a client that has left.
    for (const state of [from, to]) if (state !== 'stopped') track.worst = worseState(track.worst, state);
    track.isChanged = true;
  }

  /** What is open is closed and handed to the files; for the end of the engine. */
  dispose(): void {
    this.#timer.dispose();
    this.#sample();
    this.#levels.forEach((level, index) => this.#close(level, index));
    this.#tellEnd(this.#spans.reach);
    for (const { following } of this.#tracks.values()) following.dispose();
    this.#tracks.clear();
  }

  #schedule(): Disposable {
    return this.#options.clock.setTimer(
      SAMPLE_INTERVAL_MS,
      () => {
        this.#timer = this.#schedule();
        this.#sample();
      },
      { unref: true },
    );
  }

  #sample(): void {
    const { step, ended } = this.#spans.step();
    // That it was as it was to the end is told; the coarser ones tell it when they are closed.
    if (ended !== undefined && ended.span !== step.span) this.#tellEnd(ended);
    if (step.ms <= 0) return;
    const servers = this.#options.servers();
    const buckets = servers.map((server) => this.#bucketOf(server, step));
    const present = new Set(servers.map(({ name }) => name));
    for (const [name, { following }] of this.#tracks) {
      if (present.has(name)) continue;
      following.dispose();
      this.#tracks.delete(name);
    }
    this.#take(0, buckets, step);
    if (ended?.span === step.span) this.#tellEnd(ended);
  }

  #tellEnd(reach: Reach): void {
    const [finest] = this.#levels;
    if (finest?.reach?.span !== reach.span) return;
    finest.segments.append([encodeRecord({ kind: 'presence', ...reach })]);
  }

  #bucketOf(server: SampledServer, step: Step): Bucket {
    const track = this.#trackOf(server);
    const { state, name } = server;
    const { usableMs, downMs, ...counts } = this.#grown(server);
    const hasChanged = track.isChanged || track.worst !== state;
    const bucket = {
      server: name,
      ...step,
      ...counts,
      last: state,
      worst: worseState(track.worst, state),
      breaker: worseBreaker(track.breaker, server.breaker),
      ...timesOf({ usableMs, downMs }, step.ms, hasChanged),
      queued: server.queued,
      ...track.classes.take(),
    };
    track.worst = state;
    track.breaker = server.breaker;
    track.isChanged = false;
    return bucket;
  }

  /** By how much the counters have grown since the last bucket. */
  #grown(server: SampledServer): Record<Counter, number> {
    const before = this.#counted.get(server.key) ?? zero;
    const grown = { ...zero };
    const counted = { ...zero };
    for (const name of counterNames) {
      counted[name] = server[name];
      grown[name] = server[name] < before[name] ? server[name] : server[name] - before[name];
    }
    this.#counted.set(server.key, counted);
    return grown;
  }

  #trackOf(server: SampledServer): Track {
    const known = this.#tracks.get(server.name);
    if (known?.key === server.key) return known;
    known?.following.dispose();
    const classes = new LatencyClasses();
    const track: Track = {
      key: server.key,
      classes,
      following: server.follow(classes),
      worst: server.state,
      breaker: server.breaker,
      isChanged: true,
    };
    this.#tracks.set(server.name, track);
    return track;
  }

  /** Hands buckets of a level on: to its files, and added up to the next level. `step` is the time they are of. */
  #take(index: number, buckets: readonly Bucket[], step: Step): void {
    const level = this.#levels[index];
    if (level === undefined) return;
    this.#write(level, buckets, step);
    const next = this.#levels[index + 1];
    if (next === undefined) return;
    const until = step.from + step.ms;
    const number = intervalOf(until, next.traits.intervalMs);
    const { filling } = next;
    if (filling !== undefined && (filling.span !== step.span || filling.number !== number))
      this.#close(next, index + 1);
    next.filling = { span: step.span, number };
    for (const bucket of buckets) {
      const open = next.open.get(bucket.server);
      next.open.set(bucket.server, open === undefined ? bucket : joinBuckets(open, bucket));
    }
    if (until % next.traits.intervalMs === 0) this.#close(next, index + 1);
  }

  #close(level: Level, index: number): void {
    const buckets = [...level.open.values()];
    level.open.clear();
    level.filling = undefined;
    const [first] = buckets;
    if (first === undefined) return;
    const from = Math.min(...buckets.map((bucket) => bucket.from));
    const until = Math.max(...buckets.map((bucket) => bucket.from + bucket.ms));
    this.#take(index, buckets, { span: first.span, from, ms: until - from });
  }

  /** What is as it was is not written again; a file that is begun says it once. */
  #write(level: Level, buckets: readonly Bucket[], { span, from, ms }: Step): void {
    const { segments, told } = level;
    const { generation } = segments;
    const ends = new Map([...told.keys()].map((server) => [server, from] as const));
    for (const bucket of buckets) ends.set(bucket.server, bucket.from + bucket.ms);
    if (generation !== level.generation) told.clear();
    level.generation = generation;
    const news: SeriesRecord[] = [];
    for (const bucket of buckets) {
      const before = told.get(bucket.server);
      const goesOn = before !== undefined && saysTheSame(before, bucket);
      told.set(bucket.server, bucket);
      if (!goesOn) news.push({ kind: 'bucket', bucket });
    }
    for (const [server, end] of ends) {
      if (this.#tracks.has(server)) continue;
      told.delete(server);
      news.push({ kind: 'end', server, span, from: end });
    }
    const until = from + ms;
    level.reach = { span, until };
    const now = this.#options.clock.now();
    const isDue =
      level !== this.#levels[0] || now - level.presenceAt >= PRESENCE_INTERVAL_MS - SAMPLE_INTERVAL_MS / 2;
    if (buckets.length > 0 && isDue) {
      news.push({ kind: 'presence', span, until });
      level.presenceAt = now;
    }
    segments.append(news.map(encodeRecord));
  }
}

/** Where nothing has changed a whole bucket is a whole bucket, though the clock was read a moment later than before. */
function timesOf(
  { usableMs, downMs }: Pick<Bucket, 'usableMs' | 'downMs'>,
  ms: number,
  hasChanged: boolean,
): Pick<Bucket, 'usableMs' | 'downMs'> {
  if (!hasChanged) return { usableMs: usableMs > ms / 2 ? ms : 0, downMs: downMs > ms / 2 ? ms : 0 };
  const usable = Math.min(ms, Math.round(usableMs));
  return { usableMs: usable, downMs: Math.min(ms - usable, Math.round(downMs)) };
}
