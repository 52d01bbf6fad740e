import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * The first line in each direction on an engine's socket. Both ends prove that they know the token without
 * sending it, so that neither a stranger who connects nor a stranger who took the socket's place learns it.
 * Control lines start with `!`, which no JSON-RPC message does.
 */
export const PROTOCOL_VERSION = 1;
export const HELLO_PREFIX = '!hello ';
export const REFUSED_PREFIX = '!refused ';
/** A hello may carry initialize parameters, so it gets more room than it usually needs. */
export const MAX_HELLO_BYTES = 16_777_216;

/** What a bridge remembers of its client's session, so that an engine that never saw it can go on with it. */
export interface ResumeRecord {
  /** The parameters of the client's `initialize`, as JSON text. */
  readonly initialize: string;
  /** The client has sent `notifications/initialized`. */
  readonly initialized: boolean;
  /** The last level of `logging/setLevel`. */
  readonly logLevel: string | undefined;
  /** URIs of `resources/subscribe`, without those unsubscribed again. */
  readonly subscriptions: readonly string[];
  /** The `initialize` result the client was given, as JSON text: what it was promised. */
  readonly promised: string | undefined;
}

export type HelloBody =
  | {
      readonly role: 'bridge';
      readonly server: string;
      /** Chosen by the bridge, the same for its whole life. */
      readonly session: string;
      readonly resume: ResumeRecord | undefined;
      /**
       * False when an engine of this session had said that it could not write its journal: then a call presented
       * again may have been written to the server without a trace, and is never run again.
       */
      readonly journalReliable: boolean;
    }
  | { readonly role: 'control' };

export interface WelcomeBody {
  readonly pid: number;
  readonly engineVersion: string;
}

function proofOf(token: string, side: 'client' | 'engine', nonce: string): string {
  return createHmac('sha256', token).update(`${side}:${PROTOCOL_VERSION}:${nonce}`).digest('hex');
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function parseLine(line: string, prefix: string): Record<string, unknown> | undefined {
  if (!line.startsWith(prefix) || line.length > MAX_HELLO_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(line.slice(prefix.length));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // not a hello; the caller refuses the connection
  }
}

/** The client's first line (with its line end) and the nonce by which the answer is checked. */
export function makeHello(token: string, body: HelloBody): { readonly line: string; readonly nonce: string } {
  const nonce = randomBytes(16).toString('hex');
  const proof = proofOf(token, 'client', nonce);
  return {
    line: `${HELLO_PREFIX}${JSON.stringify({ v: PROTOCOL_VERSION, nonce, proof, ...body })}\n`,
    nonce,
  };
}

function parseResume(value: unknown): ResumeRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { initialize, initialized, logLevel, subscriptions, promised } = value as Record<string, unknown>;
  if (typeof initialize !== 'string' || typeof initialized !== 'boolean') return undefined;
  return {
    initialize,
    initialized,
    logLevel: typeof logLevel === 'string' ? logLevel : undefined,
    subscriptions: Array.isArray(subscriptions)
      ? subscriptions.filter((uri): uri is string => typeof uri === 'string').slice(0, 10_000)
      : [],
    promised: typeof promised === 'string' ? promised : undefined,
  };
}

export type HelloVerdict =
  | { readonly kind: 'accepted'; readonly nonce: string; readonly body: HelloBody }
  | { readonly kind: 'refused'; readonly reason: string };

/** The engine's reading of a client's first line. */
export function readHello(token: string, line: string): HelloVerdict {
  const value = parseLine(line, HELLO_PREFIX);
  if (value === undefined) return { kind: 'refused', reason: 'not a hello' };
  const { v, nonce, proof, role, server, session } = value;
  if (typeof nonce !== 'string' || nonce.length > 128 || typeof proof !== 'string') {
    return { kind: 'refused', reason: 'not a hello' };
  }
  if (!sameText(proof, proofOf(token, 'client', nonce))) return { kind: 'refused', reason: 'wrong token' };
  // Checked after the proof: only somebody who knows the token learns what this engine speaks.
  if (v !== PROTOCOL_VERSION) {
    return { kind: 'refused', reason: `this engine speaks protocol ${PROTOCOL_VERSION}; reload the window` };
  }
  if (role === 'control') return { kind: 'accepted', nonce, body: { role } };
  if (role !== 'bridge' || typeof server !== 'string' || server.length > 256) {
    return { kind: 'refused', reason: 'unknown role' };
  }
  if (typeof session !== 'string' || !/^[A-Za-z0-9_-]{8,64}$/.test(session)) {
    return { kind: 'refused', reason: 'bad session id' };
  }
  const resume = parseResume(value['resume']);
  return {
    kind: 'accepted',
    nonce,
    body: { role, server, session, resume, journalReliable: value['journalReliable'] !== false },
  };
}

/** The engine's answer, with its line end. */
export function makeWelcome(token: string, nonce: string, body: WelcomeBody): string {
  const proof = proofOf(token, 'engine', nonce);
  return `${HELLO_PREFIX}${JSON.stringify({ v: PROTOCOL_VERSION, proof, ...body })}\n`;
}

export function makeRefusal(reason: string): string {
  return `${REFUSED_PREFIX}${JSON.stringify({ reason })}\n`;
}

export type WelcomeVerdict =
  | { readonly kind: 'accepted'; readonly body: WelcomeBody }
  | { readonly kind: 'refused'; readonly reason: string };

/** The client's reading of the engine's first line. */
export function readWelcome(token: string, nonce: string, line: string): WelcomeVerdict {
  const refusal = parseLine(line, REFUSED_PREFIX);
  if (refusal !== undefined) {
    const { reason } = refusal;
    return { kind: 'refused', reason: typeof reason === 'string' ? reason.slice(0, 500) : 'refused' };
  }
  const value = parseLine(line, HELLO_PREFIX);
  const proof = value?.['proof'];
  if (value === undefined || typeof proof !== 'string' || !sameText(proof, proofOf(token, 'engine', nonce))) {
    return { kind: 'refused', reason: 'the process behind the socket is not our engine' };
  }
  const { pid, engineVersion } = value;
  return {
    kind: 'accepted',
    body: {
      pid: typeof pid === 'number' ? pid : 0,
      engineVersion: typeof engineVersion === 'string' ? engineVersion : '',
    },
  };
}
