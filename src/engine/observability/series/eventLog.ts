import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { isUsable } from '../../../shared/model/connectionState.ts';
import { faultCodes, type FaultCode } from '../../../shared/model/fault.ts';
import {
  MAX_EVENT_TEXT,
  parseEngineEvent,
  type EngineEvent,
  type EventsAnswer,
  type EventsParams,
} from '../../../shared/protocol/eventMessages.ts';
import type { CallOutcome, Observation, ObservedCall, Observer } from '../observations.ts';
import { isDown } from './bucket.ts';
import { EventRing, type StoredEvent } from './eventRing.ts';
import { frameRecord, readRecords } from './frames.ts';
import { Segments } from './segments.ts';

const MAX_KEPT = 10_000;
const MAX_KEPT_BYTES = 2_097_152;
const KEEP_MS = 604_800_000;
/** What is new waits this long for more, and goes to the file in one write. */
const WRITE_INTERVAL_MS = 1_000;
/** A new file, with what is kept, is begun at a quarter of this. */
const MAX_FILE_BYTES = 25_165_824;
const FILE_PERIOD_MS = 2_592_000_000;
const DEFAULT_LIMIT = 500;
/** Connections that are down now. */
const MAX_DOWN = 1_000;

export interface EventLogOptions {
  readonly clock: Clock;
  /** The window's own; only the owner of its lock may use it. */
  readonly folder: string;
  readonly redact: (text: string) => string;
  readonly note: (message: string) => void;
}

type News = Omit<EngineEvent, 'id' | 'at' | 'count' | 'lastAt' | 'totalMs'>;

const faults: ReadonlySet<string> = new Set(faultCodes);
/** What its client did not want any more is no failure. */
const isFailure = (outcome: CallOutcome): outcome is FaultCode =>
  faults.has(outcome) && outcome !== 'cancelled';

/**
 * What happened, for people: in a bounded ring, and on disk, so that it is there after a reload and after an engine that was killed. Told of everything,
 * keeps what is worth telling; what is the same again is counted.
 */
export class EventLog implements Observer {
  readonly #options: EventLogOptions;
  readonly #ring = new EventRing({ maxEvents: MAX_KEPT, maxBytes: MAX_KEPT_BYTES });
  readonly #segments: Segments;
  readonly #opened: Promise<void>;
  /** Names its cursors: numbers of another engine mean nothing here. */
  readonly #epoch: number;
  /** Until what earlier engines left has been read. */
  #early: (() => void)[] | undefined = [];
  readonly #unwritten = new Set<StoredEvent>();
  #generation = 0;
  #timer: Disposable | undefined;
  readonly #down = new Map<string, { readonly since: number; readonly fault: FaultCode | undefined }>();
  #isStopped = false;

  constructor(options: EventLogOptions) {
    const { clock, folder, note } = options;
    this.#options = options;
    this.#epoch = Math.round(clock.wallNow());
    this.#segments = new Segments({
      clock,
      folder,
      kind: 'events',
      periodMs: FILE_PERIOD_MS,
      keepMs: FILE_PERIOD_MS,
      maxBytes: MAX_FILE_BYTES,
      note: (why) => note(`the event log cannot be kept on disk: ${why}`),
    });
    this.#opened = this.#open();
  }

  onCall(call: ObservedCall, outcome: CallOutcome): void {
    if (!isFailure(outcome)) return;
    const { server, tool, method } = call;
    this.#note({ kind: 'fault', server, fault: outcome, call: tool ?? method });
  }

  onEvent(event: Observation): void {
    switch (event.kind) {
      case 'state':
        this.#noteState(event);
        return;
      case 'retry': {
        const { server, tool, method, after } = event;
        this.#note({ kind: 'retry', server, call: tool ?? method, fault: after });
        return;
      }
      case 'breaker':
        this.#note({ kind: 'breaker', server: event.server, breaker: event.state });
        return;
      case 'action': {
        const { server, action, done } = event;
        this.#note({
          kind: 'action',
          action,
          ...(server === undefined ? {} : { server }),
          ...(done === undefined ? {} : { done }),
        });
        return;
      }
      case 'recovery': {
        const { server, outcome, ms } = event;
        this.#note({ kind: 'recovery', server, outcome, ms });
        return;
      }
      case 'configuration':
        this.#note({ kind: 'configuration', servers: event.servers.length });
        return;
      default:
      // What others are told of is no event of a server.
    }
  }

  /** Never rejects. */
  async query(params: EventsParams): Promise<EventsAnswer> {
    await this.#opened;
    const limit = params.limit ?? DEFAULT_LIMIT;
    const since = this.#positionOf(params.since);
    const isWanted = wantedBy(params);
    const wanted = this.#ring.all.filter(({ event, seq }) => isWanted(event) && seq > (since ?? 0));
    const now = this.#options.clock.wallNow();
    if (since === undefined) {
      const { before = Infinity } = params;
      const older = wanted.filter(({ event }) => event.id < before);
      const hasMore = older.length > limit;
      const events = older.slice(-limit).map(({ event }) => event);
      return { now, events, cursor: this.#cursor(this.#ring.seq), ...(hasMore ? { hasMore } : {}) };
    }
    wanted.sort((a, b) => a.seq - b.seq);
    const told = wanted.slice(0, limit);
    const hasMore = wanted.length > limit;
    const cursor = this.#cursor(hasMore ? (told.at(-1)?.seq ?? since) : this.#ring.seq);
    const events = told.map(({ event }) => event).sort((a, b) => a.id - b.id);
    return { now, events, cursor, isDelta: true, ...(hasMore ? { hasMore } : {}) };
  }

  /** Everything that is kept is with the system, if its disk takes it. */
  async flush(): Promise<void> {
    await this.#opened;
    this.#write();
    await this.#segments.flush();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    await this.#opened;
    this.#note({ kind: 'engine', engine: 'stopped' });
    this.#isStopped = true;
    this.#write();
    await this.#segments.close();
  }

  async #open(): Promise<void> {
    await this.#segments.open();
    const events = new Map<number, EngineEvent>();
    let damagedBytes = 0;
    for (const bytes of await this.#segments.read()) {
      damagedBytes += readRecords(bytes, (body) => {
        const event = readEvent(body);
        if (event === undefined) damagedBytes += body.length;
        else events.set(event.id, event);
      });
    }
    if (damagedBytes > 0)
      this.#options.note(`${damagedBytes} bytes of the event log cannot be read and are left out`);
    this.#ring.restore([...events.values()].sort((a, b) => a.id - b.id));
    this.#ring.forgetBefore(this.#options.clock.wallNow() - KEEP_MS);
    const early = this.#early ?? [];
    this.#early = undefined;
    const before = this.#ring.all.findLast(({ event }) => event.kind === 'engine')?.event.engine;
    if (before !== undefined && before !== 'stopped') this.#note({ kind: 'engine', engine: 'lost' });
    this.#note({ kind: 'engine', engine: 'started' });
    for (const note of early) note();
  }

  /** A connection that was down and is usable again has been restarted. */
  #noteState(event: Extract<Observation, { kind: 'state' }>): void {
    const { server, connection, from, to, spentMs, fault } = event;
    this.#note({ kind: 'state', server, from, to, ms: spentMs, ...(fault === undefined ? {} : { fault }) });
    const now = this.#options.clock.now();
    const down = this.#down.get(connection);
    if (isDown(to) && down === undefined && this.#down.size < MAX_DOWN)
      this.#down.set(connection, { since: now, fault });
    if (isUsable(to) && down !== undefined) {
      const why = down.fault === undefined ? {} : { fault: down.fault };
      this.#note({ kind: 'restart', server, ms: now - down.since, ...why });
    }
    if (isUsable(to) || to === 'idle' || to === 'stopped' || to === 'isolated') this.#down.delete(connection);
  }

  #note(news: News): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    const at = Math.round(clock.wallNow());
    const now = clock.now();
    if (this.#early !== undefined) {
      if (this.#early.length < MAX_KEPT) this.#early.push(() => this.#keep(news, at, now));
      return;
    }
    this.#keep(news, at, now);
  }

  #keep(news: News, at: number, now: number): void {
    const { kind, from, to, fault, breaker, call, action, done, outcome, engine } = news;
    const ms = news.ms === undefined ? undefined : Math.max(0, Math.round(news.ms));
    const key = `${kind}\0${from}\0${to}\0${fault}\0${breaker}\0${call?.slice(0, MAX_EVENT_TEXT)}\0${action}\0${done}\0${outcome}\0${engine}`;
    const server = news.server?.slice(0, MAX_EVENT_TEXT);
    const stored =
      this.#ring.repeat(server ?? '', key, at, now, ms) ??
      this.#ring.add(
        {
          ...news,
          ...(server === undefined ? {} : { server }),
          ...(call === undefined ? {} : { call: this.#withoutSecrets(call) }),
          ...(action === undefined ? {} : { action: this.#withoutSecrets(action) }),
          ...(ms === undefined ? {} : { ms }),
          at,
        },
        key,
        now,
      );
    this.#unwritten.add(stored);
    this.#timer ??= clockTimer(this.#options.clock, () => {
      this.#timer = undefined;
      this.#write();
    });
  }

  /** Before it is cut: half a secret would not be known as one. */
  #withoutSecrets(text: string): string {
    const open = this.#options.redact(text.slice(0, 4 * MAX_EVENT_TEXT));
    // A text of its own: one that was cut out keeps the whole one alive.
    return open.length <= MAX_EVENT_TEXT ? open : Buffer.from(open.slice(0, MAX_EVENT_TEXT)).toString();
  }

  #write(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
    if (this.#unwritten.size === 0) return;
    this.#ring.forgetBefore(this.#options.clock.wallNow() - KEEP_MS);
    const { generation } = this.#segments;
    // A file that is begun has all that is kept, so that those before it are not needed any more.
    const isNew = generation !== this.#generation;
    const kept = isNew ? this.#ring.all : [...this.#unwritten].filter((stored) => this.#ring.has(stored));
    this.#generation = generation;
    this.#unwritten.clear();
    this.#segments.append(kept.map(({ event }) => frameRecord(Buffer.from(JSON.stringify(event)))));
    if (isNew) this.#segments.dropOlder();
  }

  #positionOf(cursor: string | undefined): number | undefined {
    const [epoch, seq] = cursor?.split('.').map(Number) ?? [];
    return epoch === this.#epoch && seq !== undefined && seq <= this.#ring.seq ? seq : undefined;
  }

  #cursor(seq: number): string {
    return `${this.#epoch}.${seq}`;
  }
}

function clockTimer(clock: Clock, action: () => void): Disposable {
  return clock.setTimer(WRITE_INTERVAL_MS, action, { unref: true });
}

function wantedBy({ servers, kinds }: EventsParams): (event: EngineEvent) => boolean {
  const names = servers === undefined ? undefined : new Set(servers);
  const wanted = kinds === undefined ? undefined : new Set(kinds);
  // What is about all of them is about each.
  return ({ server, kind }) =>
    wanted?.has(kind) !== false && (names === undefined || server === undefined || names.has(server));
}

function readEvent(body: Buffer): EngineEvent | undefined {
  try {
    return parseEngineEvent(JSON.parse(body.toString()));
  } catch {
    return undefined; // whole by its checksum, and still none of ours
  }
}
