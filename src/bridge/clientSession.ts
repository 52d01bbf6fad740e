import { SlotMap } from '../shared/base/slotMap.ts';
import {
  canonicalId,
  memberRange,
  stringMember,
  textOf,
  type Frame,
} from '../shared/protocol/frameScanner.ts';
import type { ResumeRecord } from '../endpoint/handshake.ts';

/** A request of the client that has no answer yet. */
export interface UnansweredRequest {
  /** JSON text. */
  readonly id: string;
  readonly method: string;
  /** The whole message; absent when it was too large to keep. */
  readonly line: Uint8Array | undefined;
  /** It was handed to an engine, which may have passed it to the server. */
  handedOver: boolean;
}

/** Lines up to this size are copied, so that they do not keep the whole chunk alive that they came in. */
const COPY_BELOW_BYTES = 16_384;
const MAX_SUBSCRIPTIONS = 10_000;
/** All subscriptions together, and what the client was promised: they travel in the hello, which is bounded. */
const MAX_SUBSCRIPTION_BYTES = 1_048_576;
const MAX_PROMISE_LENGTH = 2_097_152;

/**
 * What the bridge remembers of its client's side of the session: enough to go on with an engine that has never
 * seen it. Bounded: when the unanswered requests outgrow `maxKeptBytes`, further ones are counted but not kept.
 */
export class ClientSession {
  readonly #maxKeptBytes: number;
  readonly #unanswered = new SlotMap<UnansweredRequest>();
  readonly #subscriptions = new Set<string>();
  #keptBytes = 0;
  #initialize: string | undefined;
  #initializeId: string | undefined;
  #initialized = false;
  #logLevel: string | undefined;
  #promised: string | undefined;
  #initializeAnswered = false;
  #subscriptionBytes = 0;

  constructor(maxKeptBytes: number) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** In the order they came. */
  get unanswered(): readonly UnansweredRequest[] {
    return [...this.#unanswered.values()];
  }

  /** The version the client asked for, or the newest this session may assume. */
  get protocolVersion(): string {
    if (this.#initialize === undefined) return '2025-06-18';
    const bytes = new TextEncoder().encode(this.#initialize);
    return stringMember(bytes, { start: 0, end: bytes.length }, 'protocolVersion') ?? '2025-06-18';
  }

  /** The client has sent `notifications/initialized`. */
  get isInitialized(): boolean {
    return this.#initialized;
  }

  /** What a new engine must know; absent before the client's `initialize` was answered. */
  get resume(): ResumeRecord | undefined {
    if (this.#initialize === undefined || !this.#initializeAnswered) return undefined;
    return {
      initialize: this.#initialize,
      initialized: this.#initialized,
      logLevel: this.#logLevel,
      subscriptions: [...this.#subscriptions],
      promised: this.#promised,
    };
  }

  /** Notes a message of the client. */
  noteFromClient(line: Uint8Array, frame: Frame, handedOver: boolean): void {
    if (frame.kind === 'notification') this.#noteNotification(line, frame);
    if (frame.kind !== 'request') return;
    if (frame.method === 'initialize') {
      this.#initialize = frame.params === undefined ? '{}' : textOf(line, frame.params);
      this.#initializeId = frame.id;
    } else if (frame.params !== undefined) {
      if (frame.method === 'logging/setLevel') this.#logLevel = stringMember(line, frame.params, 'level');
      else if (frame.method === 'resources/subscribe' || frame.method === 'resources/unsubscribe') {
        this.#noteSubscription(frame.method, stringMember(line, frame.params, 'uri'));
      }
    }
    const keep = this.#keptBytes + line.length <= this.#maxKeptBytes;
    if (keep) this.#keptBytes += line.length;
    const kept = line.length < COPY_BELOW_BYTES ? Buffer.from(line) : line;
    this.#unanswered.set(frame.id, {
      id: frame.id,
      method: frame.method,
      line: keep ? kept : undefined,
      handedOver,
    });
  }

  #noteNotification(line: Uint8Array, frame: Extract<Frame, { kind: 'notification' }>): void {
    if (frame.method === 'notifications/initialized') this.#initialized = true;
    if (frame.method !== 'notifications/cancelled' || frame.params === undefined) return;
    const range = memberRange(line, frame.params, 'requestId');
    // The client expects no answer any more, so the request must not be presented to another engine.
    if (range !== undefined) this.#forget(canonicalId(textOf(line, range)));
  }

  #noteSubscription(method: string, uri: string | undefined): void {
    if (uri === undefined) return;
    if (method === 'resources/unsubscribe') {
      if (this.#subscriptions.delete(uri)) this.#subscriptionBytes -= uri.length;
    } else if (!this.#subscriptions.has(uri)) {
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) return;
      if (this.#subscriptionBytes + uri.length > MAX_SUBSCRIPTION_BYTES) return;
      this.#subscriptions.add(uri);
      this.#subscriptionBytes += uri.length;
    }
  }

  /**
   * Notes an answer on its way to the client. Answers false when the client does not wait for it (answered
   * already, or cancelled): it must then not be passed on.
   */
  noteAnswer(line: Uint8Array, id: string): boolean {
    if (!this.#unanswered.has(id)) return false;
    if (id === this.#initializeId && !this.#initializeAnswered) {
      this.#initializeAnswered = true;
      const result = memberRange(line, { start: 0, end: line.length }, 'result');
      const promised = result === undefined ? undefined : textOf(line, result);
      this.#promised = (promised?.length ?? 0) <= MAX_PROMISE_LENGTH ? promised : undefined;
    }
    this.#forget(id);
    return true;
  }

  markHandedOver(request: UnansweredRequest): void {
    request.handedOver = true;
  }

  #forget(id: string): void {
    const request = this.#unanswered.get(id);
    if (request === undefined) return;
    this.#unanswered.delete(id);
    this.#keptBytes -= request.line?.length ?? 0;
  }
}

/** A batch as single messages: engine and servers of today take no batches (removed in protocol 2025-06-18). */
export function splitBatch(line: Uint8Array): Uint8Array[] {
  try {
    const items: unknown = JSON.parse(new TextDecoder().decode(line));
    if (!Array.isArray(items)) return [];
    return items.slice(0, 1_000).map((item) => new TextEncoder().encode(JSON.stringify(item)));
  } catch {
    return []; // not JSON after all: the caller reports the line as unreadable
  }
}
