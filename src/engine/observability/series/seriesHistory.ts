import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../shared/base/clock.ts';
import type {
  History,
  HistoryParams,
  HistorySample,
  Resolution,
} from '../../../shared/protocol/historyMessages.ts';
import type { Observation, Observer } from '../observations.ts';
import type { Bucket } from './bucket.ts';
import { encodeRecord, type RecordHead } from './bucketCodec.ts';
import { cutSamples, evenSamples, sampleOf } from './historyAnswer.ts';
import { resolutions } from './levels.ts';
import { missingBuckets, missingSpans } from './rollUp.ts';
import { Segments } from './segments.ts';
import { SeriesSampler, type SampledServer } from './sampler.ts';
import type { Reach } from './spans.ts';
import { addBucket, readTimeline, type ReadOptions, type Timeline } from './timeline.ts';

/** What clients of earlier versions get. */
const EARLIER_WINDOW_MS = 300_000;
/** A file is kept for so much longer than the time that its resolution tells of. */
const KEEP_FACTOR = 1.1;
/** Of one server; between longer ones calls have their turn. */
const LONG_ANSWER = 100;

export interface SeriesHistoryOptions {
  readonly clock: Clock;
  /** The window's own; only the owner of its lock may use it. */
  readonly folder: string;
  readonly servers: () => readonly SampledServer[];
  readonly note: (message: string) => void;
}

/**
 * What every server did over time, in rings of three resolutions on disk (requirements R11.1): it survives a reload of the window, an engine
 * that was killed, and the machine's restart.
 */
export class SeriesHistory implements Observer {
  readonly #options: SeriesHistoryOptions;
  readonly #segments: Readonly<Record<Resolution, Segments>>;
  readonly #opened: Promise<void>;
  #sampler: SeriesSampler | undefined;
  #isStopped = false;
  #didTellDamage = false;

  constructor(options: SeriesHistoryOptions) {
    const { clock, folder, note } = options;
    this.#options = options;
    const [fine, minute, quarter] = resolutions.map(
      ({ name, filePeriodMs, windowMs, maxBytes }) =>
        new Segments({
          clock,
          folder,
          kind: name,
          periodMs: filePeriodMs,
          keepMs: windowMs * KEEP_FACTOR,
          maxBytes,
          note: (why) => note(`the history of the servers cannot be kept on disk: ${why}`),
        }),
    ) as [Segments, Segments, Segments];
    this.#segments = { '5s': fine, '1m': minute, '15m': quarter };
    this.#opened = this.#open();
  }

  onEvent(event: Observation): void {
    this.#sampler?.onEvent(event);
  }

  /** Never rejects. */
  async query(params: HistoryParams): Promise<History> {
    await this.#opened;
    const isEarlier = params.resolution === undefined;
    const index = Math.max(
      0,
      resolutions.findIndex(({ name }) => name === params.resolution),
    );
    const { intervalMs, windowMs: wholeMs } = resolutions[index] ?? resolutions[0];
    const now = this.#options.clock.wallNow();
    const windowMs = isEarlier ? EARLIER_WINDOW_MS : Math.min(wholeMs, params.rangeMs ?? Infinity);
    // Taken before anything is read: what comes meanwhile is told the next time.
    const cursor = this.#cursorOf(index);
    const known = isEarlier ? undefined : this.#reachOf(index, params.since);
    const wanted = isEarlier || params.servers === undefined ? undefined : new Set(params.servers);
    const isAsked = (server: string): boolean => wanted?.has(server) !== false;
    const all = await this.#bucketsOf(index, known?.until ?? now - windowMs, isAsked);
    const isTold = ({ span, from, ms }: Bucket): boolean => {
      const until = from + ms;
      // A clock that was put back has made a future of what was.
      if (until > now + 2 * intervalMs || now - until >= windowMs) return false;
      return known === undefined || (span === known.span && until > known.until);
    };
    const servers: { readonly id: string; samples: HistorySample[] }[] = [];
    for (const [id, own] of all) {
      const told = own.filter(isTold);
      const samples = isEarlier
        ? evenSamples(told, now - windowMs, intervalMs)
        : told.map((bucket) => sampleOf(bucket, intervalMs));
      if (samples.length > 0) servers.push({ id, samples });
      if (samples.length > LONG_ANSWER) await nextTurn();
    }
    const isCut = cutSamples(servers);
    const answer = { now, intervalMs, windowMs, servers };
    if (isEarlier) return answer;
    return {
      ...answer,
      ...(cursor === undefined ? {} : { cursor }),
      ...(known === undefined ? {} : { isDelta: true }),
      ...(isCut ? { isCut } : {}),
    };
  }

  /** Everything that was sampled is with the system, if its disk takes it. */
  async flush(): Promise<void> {
    await this.#opened;
    await Promise.all(Object.values(this.#segments).map((segments) => segments.flush()));
  }

  /** What is open is added up and written. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#opened;
    this.#sampler?.dispose();
    await Promise.all(Object.values(this.#segments).map((segments) => segments.close()));
  }

  async #open(): Promise<void> {
    await Promise.all(Object.values(this.#segments).map((segments) => segments.open()));
    await this.#addUpWhatWasLeft();
    if (this.#isStopped) return;
    const { clock, servers } = this.#options;
    this.#sampler = new SeriesSampler({ clock, servers, segments: this.#segments });
  }

  /** An engine that was killed had not added up its last minute, and quarter of an hour. Only what is missing is read whole. */
  async #addUpWhatWasLeft(): Promise<void> {
    const [finest, ...coarser] = resolutions;
    const nothing = { isWanted: () => false };
    let finerFiles = await this.#segments[finest.name].read();
    let finer = (await this.#tellDamage(finerFiles, nothing)).spans;
    for (const { name, intervalMs } of coarser) {
      const segments = this.#segments[name];
      const own = await segments.read();
      const { spans } = await this.#tellDamage(own, nothing);
      const missing = missingSpans(finer, spans);
      finerFiles = missing.size === 0 ? [] : finerFiles;
      const timeline = await readTimeline(finerFiles, { isWanted: ({ span }) => missing.has(span) });
      const buckets = missingBuckets(timeline, spans, intervalMs);
      segments.append([
        ...buckets.map((bucket) => encodeRecord({ kind: 'bucket', bucket })),
        ...[...missing].map(([span, until]) => encodeRecord({ kind: 'presence', span, until })),
      ]);
      // With what was added just now.
      finerFiles = missing.size === 0 ? own : await segments.read();
      finer = new Map([...spans, ...missing]);
    }
  }

  async #tellDamage(files: readonly Buffer[], options: ReadOptions): Promise<Timeline> {
    const timeline = await readTimeline(files, options);
    if (timeline.damagedBytes > 0 && !this.#didTellDamage) {
      this.#didTellDamage = true;
      this.#options.note(
        `${timeline.damagedBytes} bytes of the history of the servers cannot be read and are left out`,
      );
    }
    return timeline;
  }

  /** What the files say, and what is not closed yet. */
  async #bucketsOf(
    index: number,
    since: number,
    isTold: (server: string) => boolean,
  ): Promise<ReadonlyMap<string, readonly Bucket[]>> {
    const segments = this.#segments[(resolutions[index] ?? resolutions[0]).name];
    // What is open is looked at when the files have been read: none of it may be missing in between, or be there twice.
    const files = await segments.read(since);
    const { reach, open } = this.#sampler?.underWay(index) ?? { reach: undefined, open: [] };
    const isWanted = ({ server }: RecordHead): boolean => server !== undefined && isTold(server);
    const { servers } = await this.#tellDamage(files, { reach, isWanted });
    const all = new Map<string, Bucket[]>([...servers].map(([id, buckets]) => [id, [...buckets]]));
    for (const bucket of open) {
      if (!isTold(bucket.server)) continue;
      const own = all.get(bucket.server) ?? [];
      addBucket(own, bucket);
      all.set(bucket.server, own);
    }
    return all;
  }

  /** How far a client's knowledge goes; `undefined`: it needs everything, because it has nothing, or the span is another one. */
  #reachOf(index: number, cursor: string | undefined): Reach | undefined {
    const [span, until] = cursor?.split('.').map(Number) ?? [];
    const { reach } = this.#sampler?.underWay(index) ?? {};
    if (span === undefined || span !== reach?.span || until === undefined || !(until <= reach.until))
      return undefined;
    return { span, until };
  }

  #cursorOf(index: number): string | undefined {
    const { reach } = this.#sampler?.underWay(index) ?? {};
    return reach === undefined ? undefined : `${reach.span}.${reach.until}`;
  }
}
