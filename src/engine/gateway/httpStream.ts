import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { asOneLine } from './httpBody.ts';

/**
 * A stream that stays silent this long gets a comment, and a request without an answer becomes a stream: clients and proxies cut what
 * is silent for minutes, and the call behind it then hangs for ever (observed on VS Code, 300 s).
 */
export const KEEP_ALIVE_MS = 15_000;
/** A client that has this much to read yet needs no sign of life. */
const BUSY_BYTES = 65_536;

/** Below this, an event is one write. */
const JOIN_BELOW_BYTES = 65_536;

const EVENT = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');
const COMMENT = ': keep-alive\n\n';

export const eventStreamHeaders: OutgoingHttpHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface StreamTiming {
  readonly clock: Clock;
  readonly keepAliveMs: number;
}

/** A response that carries messages as server-sent events, with comments while there are none. */
export class EventStream {
  readonly response: ServerResponse;
  readonly #timing: StreamTiming;
  #timer: Disposable | undefined;
  #writtenAt: number;

  /** Sends the head at once, so that the client knows that the stream is open. */
  constructor(response: ServerResponse, timing: StreamTiming, headers: OutgoingHttpHeaders = {}) {
    this.response = response;
    this.#timing = timing;
    this.#writtenAt = timing.clock.now();
    response.writeHead(200, { ...eventStreamHeaders, ...headers });
    response.flushHeaders();
    response.once('close', () => this.#timer?.dispose());
    this.#watch(timing.keepAliveMs);
  }

  /** One timer at a time, looking at the time of the last message: most messages neither start nor stop one. */
  #watch(delayMs: number): void {
    const { clock, keepAliveMs } = this.#timing;
    this.#timer = clock.setTimer(delayMs, () => {
      const leftMs = this.#writtenAt + keepAliveMs - clock.now();
      if (leftMs <= 0) this.comment();
      this.#watch(leftMs <= 0 ? keepAliveMs : leftMs);
    });
  }

  comment(): void {
    if (!this.response.writableEnded && this.response.writableLength < BUSY_BYTES)
      this.response.write(COMMENT);
  }

  send(message: Uint8Array | string): void {
    this.#write(message);
    this.#writtenAt = this.#timing.clock.now();
  }

  /** `flushed` is called when everything has been handed to the kernel. */
  end(last?: Uint8Array | string, flushed?: () => void): void {
    this.#timer?.dispose();
    if (last !== undefined) this.#write(last);
    this.response.end(flushed);
  }

  #write(message: Uint8Array | string): void {
    const line = asOneLine(typeof message === 'string' ? Buffer.from(message) : message);
    // Not corked: a corked response forgets that somebody waits for it to drain.
    if (line.length < JOIN_BELOW_BYTES) {
      this.response.write(Buffer.concat([EVENT, line, EVENT_END]));
      return;
    }
    this.response.write(EVENT);
    this.response.write(line);
    this.response.write(EVENT_END);
  }
}
