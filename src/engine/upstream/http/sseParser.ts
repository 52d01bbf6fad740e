/**
 * Cuts a `text/event-stream` into events (WHATWG HTML §9.2.6) without decoding the data: what a server sends is passed on as bytes.
 * Bounded: an event over the limit is dropped and reported, and the stream goes on.
 */

import { Pieces } from './pieces.ts';

export interface SseListener {
  /** `data` is one line: line ends within it, which JSON allows only between tokens, are blanks. */
  onData(data: Uint8Array): void;
  /** The event's id, to resume after it (`Last-Event-ID`). */
  onId(id: string): void;
  onRetry(delayMs: number): void;
  onTooLong(sizeBytes: number, head: Uint8Array): void;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const HEAD_BYTES = 4_096;
/** An id stands in a header of the request that resumes. */
const MAX_ID_LENGTH = 4_096;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const decoder = new TextDecoder();

export class SseParser {
  readonly #maxEventBytes: number;
  readonly #listener: SseListener;
  /** The unfinished line. */
  readonly #line = new Pieces();
  #lineBytes = 0;
  /** The lines of data of the unfinished event, with a blank between them. */
  readonly #data = new Pieces();
  /** With the end of each line. */
  #dataBytes = 0;
  /** The current event is over the limit; it is dropped up to its end. */
  #skipping = false;
  #lastWasReturn = false;
  #atStart = true;

  constructor(maxEventBytes: number, listener: SseListener) {
    this.#maxEventBytes = maxEventBytes;
    this.#listener = listener;
  }

  /** Something of an event has come, and not its end. */
  get isWithinEvent(): boolean {
    return this.#lineBytes > 0 || this.#dataBytes > 0 || this.#skipping;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    if (this.#lastWasReturn && chunk[0] === LINE_FEED) start = 1;
    if (chunk.length > 0) this.#lastWasReturn = false;
    while (start < chunk.length) {
      const end = lineEnd(chunk, start);
      if (end < 0) {
        this.#append(chunk.subarray(start));
        return;
      }
      this.#append(chunk.subarray(start, end));
      this.#onLine(this.#takeLine());
      start = end + 1;
      if (chunk[end] !== CARRIAGE_RETURN) continue;
      // Its line feed may come with the next chunk.
      if (start === chunk.length) this.#lastWasReturn = true;
      else if (chunk[start] === LINE_FEED) start += 1;
    }
  }

  #append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#lineBytes += piece.length;
    if (!this.#skipping && this.#lineBytes + this.#dataBytes > this.#maxEventBytes) {
      this.#skipping = true;
      this.#line.push(piece);
      const line = this.#line.head(HEAD_BYTES + 'data: '.length);
      const head = this.#dataBytes > 0 ? this.#data.head(HEAD_BYTES) : valueOf(line, indexOfColon(line));
      this.#listener.onTooLong(this.#lineBytes + this.#dataBytes, head.slice(0, HEAD_BYTES));
      this.#line.clear();
      this.#data.clear();
      this.#dataBytes = 0;
    }
    if (!this.#skipping) this.#line.push(piece);
  }

  #takeLine(): Uint8Array {
    const line = this.#line.join();
    // While an event is skipped its lines are not kept, but an empty one must still be told from the rest.
    const skippedLine = this.#skipping && this.#lineBytes > 0;
    this.#line.clear();
    this.#lineBytes = 0;
    const isMarked = this.#atStart && BYTE_ORDER_MARK.every((byte, index) => line[index] === byte);
    this.#atStart = false;
    if (skippedLine) return COMMENT;
    return isMarked ? line.subarray(BYTE_ORDER_MARK.length) : line;
  }

  #onLine(line: Uint8Array): void {
    if (line.length === 0) {
      this.#dispatch();
      return;
    }
    const colon = indexOfColon(line);
    if (colon === 0 || this.#skipping) return; // a comment
    const field = decoder.decode(line.subarray(0, colon));
    const value = valueOf(line, colon);
    if (field === 'data') {
      // Small pieces would keep the whole chunk they came in alive, but not for long.
      if (this.#dataBytes > 0) this.#data.push(BLANK);
      this.#data.push(value);
      this.#dataBytes += value.length + 1;
    } else if (field === 'id' && value.length <= MAX_ID_LENGTH) {
      const id = decoder.decode(value);
      if (!id.includes('\0')) this.#listener.onId(id);
    } else if (field === 'retry') {
      const text = decoder.decode(value);
      if (/^\d{1,9}$/.test(text)) this.#listener.onRetry(Number(text));
    }
  }

  #dispatch(): void {
    const sizeBytes = this.#dataBytes;
    const data = this.#data.join();
    this.#data.clear();
    this.#dataBytes = 0;
    this.#skipping = false;
    // An event without data says nothing (its id has been told).
    if (sizeBytes > 1) this.#listener.onData(data);
  }
}

const COMMENT = new Uint8Array([COLON]);
const BLANK = new Uint8Array([SPACE]);

function lineEnd(chunk: Uint8Array, from: number): number {
  const feed = chunk.indexOf(LINE_FEED, from);
  const carriage = (feed < 0 ? chunk : chunk.subarray(0, feed)).indexOf(CARRIAGE_RETURN, from);
  return carriage >= 0 ? carriage : feed;
}

function indexOfColon(line: Uint8Array): number {
  const colon = line.indexOf(COLON);
  return colon < 0 ? line.length : colon;
}

function valueOf(line: Uint8Array, colon: number): Uint8Array {
  return line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
}
