import { hash } from 'node:crypto';

/**
 * Records on their way from the engine's thread to the one that writes the audit trail: bytes in memory that both see. A message is copied here (what it
 * stands in is read into again), and hashed over there; a long one is hashed before, so that a packet has a size.
 */

export const PACKET_BYTES = 262_144;
/** A longer message is hashed by the engine's thread. */
const MAX_COPIED_BYTES = 32_768;
const MAX_ID = 255;
/** More than numbers, an id and two hashes take. */
const FIXED_BYTES = 600;
const HASH_LENGTH = 64;

const kinds = { text: 1, call: 2, event: 3, lost: 4 } as const;
const forms = { absent: 0, copied: 1, hashed: 2 } as const;

/** What is recorded of a call, beside who called what. Times are milliseconds. */
export interface CallRecord {
  readonly at: number;
  /** Number of a text that was told before: whose call it is, as members of a JSON object. */
  readonly who: number;
  /** Number of a text that was told before. */
  readonly outcome: number;
  readonly ms: number;
  readonly attempts: number;
  readonly callId: string;
}

/** A call as it comes out of a packet; the object is reused for the next one. */
export interface ScannedCall {
  at: number;
  ms: number;
  attempts: number;
  /** Where its id stands in `packet`. */
  callIdFrom: number;
  callIdTo: number;
  packet: Uint8Array;
  who: Uint8Array;
  outcome: Uint8Array;
  requestBytes: number;
  requestHash: string;
  /** Negative: there was none. */
  answerBytes: number;
  answerHash: string;
}

/** Somebody who reads a packet. */
export interface PacketReader {
  onCall(call: ScannedCall): void;
  /** `body`: members of a JSON object, without braces. */
  onEvent(at: number, body: string): void;
  onLost(count: number, since: number): void;
}

/** The most that a text or a message takes: a character is at most three bytes. */
const mostBytes = (message: Uint8Array | string): number =>
  typeof message === 'string' ? 3 * message.length : message.length;

export function roomForText(text: string): number {
  return FIXED_BYTES + mostBytes(text);
}

export function roomForCall(request: Uint8Array, answer: Uint8Array | string | undefined): number {
  const rest = answer === undefined ? 0 : Math.min(mostBytes(answer), MAX_COPIED_BYTES);
  return FIXED_BYTES + Math.min(request.length, MAX_COPIED_BYTES) + rest;
}

export class PacketWriter {
  readonly buffer = new SharedArrayBuffer(PACKET_BYTES);
  readonly #bytes = Buffer.from(this.buffer);
  readonly #view = new DataView(this.buffer);
  #at = 0;
  /** Calls and events in it. */
  records = 0;

  get length(): number {
    return this.#at;
  }

  /** It was read, and begins anew. */
  clear(): void {
    this.#at = 0;
    this.records = 0;
  }

  hasRoom(bytes: number): boolean {
    return this.#at + bytes <= PACKET_BYTES;
  }

  /** `text` is called `number` from now on. */
  text(number: number, text: string): void {
    this.#byte(kinds.text);
    this.#uint(number);
    this.#text(text);
  }

  call(record: CallRecord, request: Uint8Array, answer: Uint8Array | string | undefined): void {
    this.#byte(kinds.call);
    this.#float(record.at);
    this.#float(record.ms);
    this.#uint(record.who);
    this.#uint(record.outcome);
    this.#uint(record.attempts);
    const { callId } = record;
    const idLength = Math.min(callId.length, MAX_ID);
    this.#byte(idLength);
    this.#at += this.#bytes.write(callId, this.#at, idLength, 'latin1');
    this.#message(request);
    this.#message(answer);
    this.records += 1;
  }

  event(at: number, body: string): void {
    this.#byte(kinds.event);
    this.#float(at);
    this.#text(body);
    this.records += 1;
  }

  lost(count: number, since: number): void {
    this.#byte(kinds.lost);
    this.#float(count);
    this.#float(since);
  }

  #byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  #uint(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  #float(value: number): void {
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  #text(text: string): void {
    const length = this.#bytes.write(text, this.#at + 4);
    this.#uint(length);
    this.#at += length;
  }

  #message(message: Uint8Array | string | undefined): void {
    if (message === undefined) this.#byte(forms.absent);
    else if (mostBytes(message) > MAX_COPIED_BYTES) {
      this.#byte(forms.hashed);
      this.#float(typeof message === 'string' ? Buffer.byteLength(message) : message.length);
      this.#at += this.#bytes.write(hash('sha256', message, 'hex'), this.#at, 'latin1');
    } else {
      this.#byte(forms.copied);
      if (typeof message === 'string') this.#text(message);
      else {
        this.#uint(message.length);
        this.#bytes.set(message, this.#at);
        this.#at += message.length;
      }
    }
  }
}

/** Reads packets in the order in which they were written; `texts` is what it knows by number. */
export class PacketScanner {
  readonly #texts: Uint8Array[] = [];
  readonly #call: ScannedCall = {
    at: 0,
    ms: 0,
    attempts: 0,
    callIdFrom: 0,
    callIdTo: 0,
    packet: new Uint8Array(),
    who: new Uint8Array(),
    outcome: new Uint8Array(),
    requestBytes: 0,
    requestHash: '',
    answerBytes: 0,
    answerHash: '',
  };
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #messageBytes = 0;

  scan(packet: Buffer, length: number, reader: PacketReader): void {
    this.#bytes = packet;
    this.#view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    this.#at = 0;
    while (this.#at < length) this.#record(reader);
  }

  #record(reader: PacketReader): void {
    const kind = this.#byte();
    switch (kind) {
      case kinds.text: {
        const number = this.#uint();
        this.#texts[number] = Buffer.from(this.#text());
        return;
      }
      case kinds.call:
        reader.onCall(this.#readCall());
        return;
      case kinds.event:
        reader.onEvent(this.#float(), this.#text());
        return;
      case kinds.lost:
        reader.onLost(this.#float(), this.#float());
        return;
      default:
        throw new Error(`a packet of the audit trail has a record of kind ${kind}`);
    }
  }

  #readCall(): ScannedCall {
    const call = this.#call;
    call.at = this.#float();
    call.ms = this.#float();
    const who = this.#texts[this.#uint()];
    const outcome = this.#texts[this.#uint()];
    if (who === undefined || outcome === undefined)
      throw new Error('a packet of the audit trail has a number that was not told');
    call.who = who;
    call.outcome = outcome;
    call.attempts = this.#uint();
    call.packet = this.#bytes;
    const idLength = this.#byte();
    call.callIdFrom = this.#at;
    call.callIdTo = this.#at += idLength;
    call.requestHash = this.#message();
    call.requestBytes = this.#messageBytes;
    call.answerHash = this.#message();
    call.answerBytes = this.#messageBytes;
    return call;
  }

  #byte(): number {
    const value = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return value;
  }

  #uint(): number {
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  #float(): number {
    const value = this.#view.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  #text(): string {
    const length = this.#uint();
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  /** Its hash; `#messageBytes` is its size then. */
  #message(): string {
    const form = this.#byte();
    if (form === forms.absent) {
      this.#messageBytes = -1;
      return '';
    }
    const from = this.#at;
    if (form === forms.hashed) {
      this.#messageBytes = this.#float();
      this.#at += HASH_LENGTH;
      return this.#bytes.toString('latin1', from + 8, this.#at);
    }
    const length = (this.#messageBytes = this.#uint());
    this.#at += length;
    return hash('sha256', this.#bytes.subarray(from + 4, this.#at), 'hex');
  }
}
