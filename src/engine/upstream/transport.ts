import type { Fault } from '../../shared/model/fault.ts';
import type { Call } from '../pipeline/call.ts';

/** What is known of a message that did not get its answer: `no` only when it is proved that the server cannot have acted on it. */
export type Delivered = 'no' | 'unknown';

export type Verdict =
  | { readonly kind: 'written' }
  /** The way to the server is gone as a whole; the transport is about to end. */
  | { readonly kind: 'broken'; readonly delivered: Delivered }
  /** This message alone failed. */
  | { readonly kind: 'failed'; readonly fault: Fault; readonly delivered: Delivered };

export interface OutgoingRequest {
  /** Canonical JSON text. */
  readonly id: string;
  readonly line: Uint8Array | string;
  /** Must not be sent where it is likely to get lost, because nobody may repeat it. */
  readonly atMostOnce: boolean;
  /** Sent beside those of every request, where there are headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Where at-most-once calls are on record before a server gets them. `isLater`: the transport sees to it that the record is there before the call leaves. */
export interface CallRecord {
  written(call: Call, isLater: boolean): void;
  withdrawn(call: Call): void;
}

/** Polite, then firm, then sure; each step this long. VS Code waits 10 s; servers behind us have been told by then. */
export interface StopGrace {
  readonly politeMs: number;
  readonly firmMs: number;
}
export const defaultStopGrace: StopGrace = { politeMs: 2_000, firmMs: 2_000 };

export interface TransportListener {
  /** The handshake may begin. */
  onOpened(): void;
  /** Messages of the server, without line ends. `about`: the request (canonical id) on whose stream they came. */
  onLines(lines: readonly Uint8Array[], about?: string): void;
  /** A message is over the limit and dropped; `head` is its beginning. Told again with its end, when that is there. */
  onTooLongLine(sizeBytes: number, head: Uint8Array, tail?: Uint8Array): void;
  onStderr(text: string): void;
  /** Something went wrong that no request shows; a probe should find out more. */
  onDoubt(fault: Fault): void;
  /** Calls back when all lines so far have been handled: at once, or when what they wait for has come. */
  afterLines(action: () => void): void;
  /** Told once, after the last line. */
  onEnd(fault: Fault): void;
}

/**
 * What carries the messages of one launch: the pipes of a process, or HTTP requests. It frames, sends and receives;
 * what the messages mean is the launch's business.
 */
export interface Transport {
  /** Of the server's process, where there is one. */
  readonly pid: number | undefined;
  /** The address that it goes to; absent where there is none. */
  readonly endpoint?: string;
  /** Requests under way outlive the loss of the session: each has a connection of its own. */
  readonly requestsAreIndependent: boolean;
  /** What it is given leaves with the end of the turn, and the records of calls are completed just before that. */
  readonly collectsRequests?: boolean;
  /** So much waits because the server does not read that it should be given no more notifications; requests have bounds of their own. */
  readonly isFull?: boolean;
  /** Lets the server wait until `resumeReading`. */
  pauseReading(): void;
  resumeReading(): void;
  /** Sends a request; its answer comes by `onLines`. `settled` may hear `written` first and a failure later. */
  request(request: OutgoingRequest, settled: (verdict: Verdict) => void): void;
  /** Sends a notification, or an answer to the server. `settled` hears when the server has taken it, or that it has not. */
  notify(message: Uint8Array | string, settled?: (verdict: Verdict) => void): void;
  /** The request has its answer, or nobody waits for it any more. */
  release(id: string): void;
  /** This version was agreed on. */
  useProtocol(version: string): void;
  /** The handshake is done: the server may begin to speak by itself. */
  listen(): void;
  /** Closes connections that are kept for later, where there are any. */
  dropIdleConnections?(): void;
  /** Ends it; `onEnd` follows. Resolves when it has ended. */
  stop(grace?: StopGrace): Promise<void>;
}
