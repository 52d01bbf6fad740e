import { hash } from 'node:crypto';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { CallOutcome, Observation, ObservedCall, Observer } from '../observations.ts';
import { DEFAULT_AUDIT_KEEP_DAYS } from '../../../shared/settings/auditSettings.ts';
import type { RemovedTrail } from './oldTrails.ts';
import { PacketWriter, roomForCall, roomForText } from './auditPacket.ts';

/** Records wait this long for each other, and go to the writing thread in one packet. */
const PACKET_INTERVAL_MS = 100;
/** Packets that the writing thread has not yet read; beyond them records are lost, and counted. 4 MB. */
const MAX_PACKETS = 16;
/** A writing thread that ended is followed by another after this time. */
const RESTART_MS = 5_000;
/** Stopping waits so long for a disk that takes nothing. */
const STOP_LIMIT_MS = 10_000;
/** Of a name that a client, or a server, has chosen. */
const MAX_NAME = 256;
/** Of server, session, method and tool together; longer ones are told to the writing thread each time. */
const MAX_KEY = 2_048;
const MAX_TEXTS = 2_000;
/** Of what is recorded of an event. */
const MAX_EVENT = 8_192;
/** Of a configuration only so many names are recorded. */
const MAX_SERVERS = 100;
/** Hexadecimal characters of a session's hash. */
const SESSION_HASH_LENGTH = 32;

export interface AuditStatus {
  readonly enabled: boolean;
  /** Records that were lost, and are named in the chain as a gap when it goes on. */
  readonly lost: number;
  /** Why nothing can be written now, as a sentence. */
  readonly degraded?: string;
}

/** What the writing side tells of itself. */
export interface SinkStatus {
  /** Records that it has read and not yet written. */
  readonly waiting: number;
  /** Records that were lost there, since it was opened. */
  readonly lost: number;
  /** Why nothing can be written now. */
  readonly why?: string;
}

export interface SinkListener {
  /** The oldest packet was read, and may be used again. */
  readonly onRead: (status: SinkStatus) => void;
  readonly onStatus: (status: SinkStatus) => void;
  readonly onLog: (message: string) => void;
  /** It ended without being asked; nothing comes from it any more. */
  readonly onEnd: (reason: string) => void;
}

export interface SinkStart {
  /** The trail has a line for this engine's start already. */
  readonly hasStarted: boolean;
  /** How long the trail is to be kept when nobody goes on with it. */
  readonly keepDays: number;
}

/** Where packets are written to the disk. */
export interface AuditSink {
  /** Nobody writes into it until it was read. */
  take(packet: Pick<PacketWriter, 'buffer' | 'length'>): void;
  /** Resolves when everything that was taken is on the disk, or lost. */
  flush(): Promise<void>;
  /** Writes what was taken, and ends. */
  stop(): Promise<void>;
}

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: (message: string) => void;
  /** It can no longer be written, or can again: `status` says so by now, which it may not yet when that is logged. */
  readonly onTrouble?: (() => void) | undefined;
  /** Takes secrets out of names (requirements R14.4). */
  readonly redact: (text: string) => string;
  readonly open: (start: SinkStart, listener: SinkListener) => AuditSink;
}

/**
 * What is recorded in the audit trail of a window (requirements R11.5), on the engine's thread: after a call was answered its bytes are copied, and nothing else. Only the
 * owner of the window's lock may have one. A disk that is full, slow or read-only costs records, which are counted, never a call.
 */
export class AuditFeed implements Observer {
  readonly #options: FeedOptions;
  readonly #texts = new Map<string, number>();
  #lastCall:
    (Pick<ObservedCall, 'server' | 'session' | 'method' | 'retryClass'> & { tool: unknown }) | undefined;
  #lastWho = 0;
  #enabled: boolean | undefined;
  #isStopped = false;
  #sink: AuditSink | undefined;
  #opened = 0;
  #hasStarted = false;
  #keepDays = DEFAULT_AUDIT_KEEP_DAYS;
  #packet: PacketWriter | undefined;
  /** Full, while there is nobody to read them. */
  #ready: PacketWriter[] = [];
  #free: PacketWriter[] = [];
  /** Packets that are being read, oldest first. */
  #given: PacketWriter[] = [];
  #lost = 0;
  #lostSince = 0;
  #lostAll = 0;
  #sinkStatus: SinkStatus = { waiting: 0, lost: 0 };
  #why: string | undefined;
  #timer: Disposable | undefined;
  #restart: Disposable | undefined;
  #turn: Promise<void> = Promise.resolve();
  #lastText = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get status(): AuditStatus {
    const lost = this.#lostAll + this.#sinkStatus.lost;
    const why = this.#why ?? this.#sinkStatus.why;
    return {
      enabled: this.#enabled === true,
      lost,
      ...(why === undefined
        ? {}
        : {
            degraded: `The audit trail cannot be written: ${why}. Calls go on; ${lost} records are lost so far.`,
          }),
    };
  }

  /** Until this is called records wait. Turned off, nothing is recorded from now on, which the trail itself says. */
  configure(enabled: boolean, keepDays = DEFAULT_AUDIT_KEEP_DAYS): void {
    if (this.#isStopped) return;
    const isKeptOtherwise = keepDays !== this.#keepDays;
    this.#keepDays = keepDays;
    if (this.#enabled === enabled) {
      if (enabled && isKeptOtherwise)
        void this.#next(() => this.#close()).then(() => this.#next(() => this.#open()));
      return;
    }
    const before = this.#enabled;
    if (before === true) this.#record(`"type":"off"`);
    this.#enabled = enabled;
    if (before === false) this.#record(`"type":"on"`);
    void this.#next(() => (enabled ? this.#open() : this.#close()));
  }

  onCall(call: ObservedCall, outcome: CallOutcome, answer: Uint8Array | string | undefined): void {
    if (this.#enabled === false) return;
    const who = this.#who(call);
    const how = this.#number(outcome);
    const { clock } = this.#options;
    const packet = who < 0 || how < 0 ? undefined : this.#room(roomForCall(call.line, answer));
    if (packet === undefined) {
      this.#lose(1);
      return;
    }
    const ms = Math.round((clock.now() - call.startedAt) * 1_000) / 1_000;
    const { attempts, callId } = call;
    packet.call(
      { at: Math.trunc(clock.wallNow()), who, outcome: how, ms, attempts, callId },
      call.line,
      answer,
    );
  }

  onEvent(event: Observation): void {
    if (this.#enabled === false) return;
    // What other records tell already, or what is drawn from them.
    if (event.kind === 'retry' || event.kind === 'relisted' || event.kind === 'alert') return;
    const { type, members } = recordOf(event);
    const text = this.#options.redact(JSON.stringify(members));
    const isWhole = text.length > 2 && text.length <= MAX_EVENT && isObjectText(text);
    this.#record(`"type":"${type}"${isWhole ? `,${text.slice(1, -1)}` : ''}`);
  }

  /** Evidence was removed: that of another window, as the settings have it. */
  noteRemoved({ window, why, seq, hash: head, sizeBytes }: RemovedTrail): void {
    if (this.#enabled !== true) return;
    this.#record(
      `"type":"removed","window":${JSON.stringify(window)},"why":"${why}","last":${seq},"head":"${head}","bytes":${sizeBytes}`,
    );
  }

  /** The last lines are written, brought to the disk, and say that the engine stopped. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    if (this.#enabled === true) this.#record(`"type":"stop"`);
    this.#isStopped = true;
    this.#enabled = false;
    await this.#next(() => this.#close());
  }

  /** Everything that was recorded so far is on the disk, or lost. */
  async flush(): Promise<void> {
    await this.#turn;
    this.#send();
    await this.#sink?.flush();
  }

  /** One after another: two writing threads at a time would break the chain. */
  #next(step: () => Promise<void> | void): Promise<void> {
    this.#turn = this.#turn.then(step).catch((error: unknown) => this.#options.log(String(error)));
    return this.#turn;
  }

  #record(body: string): void {
    const packet = this.#isStopped ? undefined : this.#room(roomForText(body));
    if (packet === undefined) this.#lose(1);
    else packet.event(Math.trunc(this.#options.clock.wallNow()), body);
  }

  /** Number of the text that says whose call it is; mostly the same as the one before. Negative: there is no room to tell it. */
  #who(call: ObservedCall): number {
    const last = this.#lastCall;
    const { server, session, method, tool, retryClass } = call;
    if (
      last?.server === server &&
      last.session === session &&
      last.method === method &&
      last.tool === tool &&
      last.retryClass === retryClass
    )
      return this.#lastWho;
    const key = `${server}\n${session}\n${method}\n${retryClass}${tool === undefined ? '' : `\n${tool}`}`;
    const number = this.#texts.get(key) ?? this.#tell(key, this.#whoText(call));
    const isKept = number >= 0 && key.length <= MAX_KEY;
    this.#lastCall = isKept ? { server, session, method, tool, retryClass } : undefined;
    this.#lastWho = number;
    return number;
  }

  #whoText({ server, session, method, tool, retryClass }: ObservedCall): string {
    const name = (text: string): string =>
      JSON.stringify(this.#options.redact(text.slice(0, 4 * MAX_NAME)).slice(0, MAX_NAME));
    // A session's id lets somebody with the token take it over; whoever has it finds its calls all the same.
    const sessionHash = hash('sha256', session, 'hex').slice(0, SESSION_HASH_LENGTH);
    return `"server":${name(server)},"session":"${sessionHash}","method":${name(method)}${
      tool === undefined ? '' : `,"tool":${name(tool)}`
    },"class":"${retryClass}"`;
  }

  #number(text: string): number {
    return this.#texts.get(text) ?? this.#tell(text, text);
  }

  #tell(key: string, text: string): number {
    if (this.#lastText >= MAX_TEXTS) this.#forget();
    const packet = this.#room(roomForText(text));
    if (packet === undefined) return -1;
    const number = (this.#lastText += 1);
    packet.text(number, text);
    if (key.length <= MAX_KEY) this.#texts.set(key, number);
    return number;
  }

  /** Numbers are given anew. */
  #forget(): void {
    this.#texts.clear();
    this.#lastText = 0;
    this.#lastCall = undefined;
  }

  /** A packet with so much room. */
  #room(bytes: number): PacketWriter | undefined {
    let packet = this.#packet;
    if (packet?.hasRoom(bytes) === true) return packet;
    this.#send();
    if (this.#given.length + this.#ready.length >= MAX_PACKETS) return undefined;
    packet = this.#packet = this.#free.pop() ?? new PacketWriter();
    if (this.#lost > 0) {
      packet.lost(this.#lost, this.#lostSince);
      this.#lost = 0;
    }
    this.#timer ??= this.#options.clock.setTimer(PACKET_INTERVAL_MS, () => this.#send(), { unref: true });
    return packet;
  }

  /** What waits goes to the writing thread. */
  #send(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
    const packet = this.#packet;
    if (packet === undefined) return;
    this.#packet = undefined;
    if (this.#sink === undefined) this.#ready.push(packet);
    else this.#give(packet);
  }

  #give(packet: PacketWriter): void {
    this.#given.push(packet);
    this.#sink?.take(packet);
  }

  #lose(count: number): void {
    if (this.#lost === 0) this.#lostSince = Math.trunc(this.#options.clock.wallNow());
    this.#lost += count;
    this.#lostAll += count;
  }

  #open(): void {
    if (this.#sink !== undefined) return;
    const opening = (this.#opened += 1);
    const isCurrent = (): boolean => this.#opened === opening && this.#sink !== undefined;
    const start = { hasStarted: this.#hasStarted, keepDays: this.#keepDays };
    this.#sink = this.#options.open(start, {
      onRead: (status) => {
        if (!isCurrent()) return;
        this.#noteSink(status);
        const packet = this.#given.shift();
        packet?.clear();
        if (packet !== undefined) this.#free.push(packet);
      },
      onStatus: (status) => {
        if (isCurrent()) this.#noteSink(status);
      },
      onLog: (message) => this.#options.log(message),
      onEnd: (reason) => {
        if (isCurrent()) this.#onEnd(reason);
      },
    });
    this.#hasStarted = true;
    const wasDown = this.#why !== undefined;
    this.#why = undefined;
    if (wasDown) this.#options.onTrouble?.();
    for (const packet of this.#ready.splice(0)) this.#give(packet);
  }

  #noteSink(status: SinkStatus): void {
    const isOther = status.why !== this.#sinkStatus.why;
    this.#sinkStatus = status;
    if (isOther) this.#options.onTrouble?.();
  }

  /** What is not known to have been read. */
  get #waitingRecords(): number {
    const packets = [...this.#given, ...this.#ready, ...(this.#packet === undefined ? [] : [this.#packet])];
    return packets.reduce((sum, { records }) => sum + records, 0);
  }

  /** What was under way is lost; another one is opened later. */
  #onEnd(reason: string): void {
    this.#options.log(`the audit trail cannot be written and is tried again: ${reason}`);
    this.#why = reason;
    this.#lose(this.#waitingRecords + this.#sinkStatus.waiting);
    this.#detach();
    this.#options.onTrouble?.();
    this.#restart = this.#options.clock.setTimer(
      RESTART_MS,
      () => void this.#next(() => (this.#enabled === true ? this.#open() : undefined)),
      { unref: true },
    );
  }

  /** Nothing that was told to this writing thread is known to the next one. */
  #detach(): void {
    this.#lostAll += this.#sinkStatus.lost;
    this.#sinkStatus = { waiting: 0, lost: 0 };
    this.#sink = undefined;
    this.#packet = undefined;
    this.#timer?.dispose();
    this.#timer = undefined;
    this.#ready = [];
    this.#given = [];
    this.#free = [];
    this.#forget();
  }

  async #close(): Promise<void> {
    this.#restart?.dispose();
    const sink = this.#sink;
    if (sink !== undefined) this.#send();
    // One that ended was waited for.
    else if (this.#why !== undefined) this.#lose(this.#waitingRecords);
    this.#detach();
    if (sink === undefined) return;
    const late = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.setTimer(STOP_LIMIT_MS, () => late.resolve(undefined));
    await Promise.race([sink.stop(), late.promise]);
    timer.dispose();
  }
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false; // what was taken out was more than a text of it
  }
}

/** What the trail records of an event; names and order of its members are part of the format (docs/audit.md). */
function recordOf(event: Exclude<Observation, { kind: 'retry' | 'relisted' | 'alert' }>): {
  readonly type: string;
  readonly members: object;
} {
  const { kind: type, ...members } = event;
  if (event.kind === 'configuration')
    return { type, members: { servers: event.servers.slice(0, MAX_SERVERS) } };
  if (event.kind !== 'state') return { type, members };
  const { server, connection, to: state, pid, fault } = event;
  return {
    type,
    members: {
      server,
      connection,
      state,
      ...(pid === undefined ? {} : { pid }),
      ...(fault === undefined ? {} : { fault }),
    },
  };
}
