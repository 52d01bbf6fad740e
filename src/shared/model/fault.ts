/**
 * Why something failed, in a fixed vocabulary (requirements R2.3). Codes are compared, texts are read by people.
 */
export const faultCodes = [
  'brokenPipe',
  'exited',
  'spawnFailed',
  'portInUse',
  'dependencyMissing',
  'outOfMemory',
  'startTimeout',
  'requestTimeout',
  'protocolGarbage',
  'connectionRefused',
  'connectionReset',
  'connectTimeout',
  'readTimeout',
  'sessionNotReady',
  'sessionLost',
  'rateLimited',
  'unavailable',
  'serverError',
  'httpError',
  'authRequired',
  'forbidden',
  'circuitOpen',
  'crashLoop',
  'isolated',
  'stopped',
  'overloaded',
  'cancelled',
  'outcomeUnknown',
  'engineUnavailable',
] as const;

export type FaultCode = (typeof faultCodes)[number];

/** What a fault means for the policies. */
export interface FaultTraits {
  /** The same call may succeed when it is tried again, if its retry class allows that. */
  readonly retryable: boolean;
  /** Counts as a failure of the server's breaker. Failed launches do not: they feed the backoff (design §4). */
  readonly countsAgainstBreaker: boolean;
  /** The connection stays, so that nothing else spaces the attempts: each waits for the backoff first. */
  readonly pausesBeforeRetry?: boolean;
}

/** Feeds the backoff of the connection, as a failed launch does (design §4). */
const noWay: FaultTraits = { retryable: true, countsAgainstBreaker: false, pausesBeforeRetry: true };
const network: FaultTraits = { retryable: true, countsAgainstBreaker: true, pausesBeforeRetry: true };

const traits: Readonly<Record<FaultCode, FaultTraits>> = {
  brokenPipe: { retryable: true, countsAgainstBreaker: true },
  exited: { retryable: true, countsAgainstBreaker: true },
  spawnFailed: { retryable: true, countsAgainstBreaker: false },
  /** It ended because somebody else listens on its port. */
  portInUse: { retryable: true, countsAgainstBreaker: false },
  /** It ended because a module or library of its own is not there. */
  dependencyMissing: { retryable: true, countsAgainstBreaker: false },
  outOfMemory: { retryable: true, countsAgainstBreaker: true },
  startTimeout: { retryable: true, countsAgainstBreaker: false },
  requestTimeout: { retryable: false, countsAgainstBreaker: true },
  protocolGarbage: { retryable: false, countsAgainstBreaker: true },
  /** No connection could be made: refused, no such host, no route, no trust in the certificate. */
  connectionRefused: noWay,
  connectionReset: network,
  connectTimeout: noWay,
  readTimeout: network,
  /** HTTP 400: the session is not known yet, or not any more. */
  sessionNotReady: { retryable: true, countsAgainstBreaker: false },
  /** HTTP 404 to a session id. */
  sessionLost: { retryable: true, countsAgainstBreaker: false },
  /** HTTP 429. */
  rateLimited: { retryable: true, countsAgainstBreaker: false, pausesBeforeRetry: true },
  /** HTTP 502, 503, 504. */
  unavailable: network,
  /** HTTP 500 and its like: the server met an error of its own, and would again. */
  serverError: { retryable: false, countsAgainstBreaker: true },
  /** Any other answer of HTTP that is none of MCP: a wrong address, a redirect, a refused message. */
  httpError: { retryable: false, countsAgainstBreaker: false },
  /** HTTP 401 and 403: a state with a button, not a failure (requirements R3.8). 403 to one call is about that call alone. */
  authRequired: { retryable: false, countsAgainstBreaker: false },
  forbidden: { retryable: false, countsAgainstBreaker: false },
  circuitOpen: { retryable: false, countsAgainstBreaker: false },
  crashLoop: { retryable: false, countsAgainstBreaker: false },
  isolated: { retryable: false, countsAgainstBreaker: false },
  stopped: { retryable: false, countsAgainstBreaker: false },
  overloaded: { retryable: false, countsAgainstBreaker: false },
  cancelled: { retryable: false, countsAgainstBreaker: false },
  outcomeUnknown: { retryable: false, countsAgainstBreaker: false },
  engineUnavailable: { retryable: false, countsAgainstBreaker: false },
};

export interface FaultOptions {
  readonly server?: string;
  readonly cause?: unknown;
  /** Milliseconds until another attempt makes sense; absent when nobody knows. */
  readonly retryAfterMs?: number;
  /** What is behind it, for a text that is put in other words later. */
  readonly diagnosis?: string;
}

/** An expected failure. `message` tells a person what happened and what they can do. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly server: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly diagnosis: string | undefined;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.server = options.server;
    this.retryAfterMs = options.retryAfterMs;
    this.diagnosis = options.diagnosis;
  }

  /** The same fault with what is behind it. */
  because(diagnosis: string): Fault {
    const { code, message, server, cause, retryAfterMs } = this;
    return new Fault(code, message, {
      diagnosis,
      ...(server === undefined ? {} : { server }),
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  get traits(): FaultTraits {
    return traits[this.code];
  }

  /** Whether `error` is a fault, of the given code if one is named. */
  static is(error: unknown, code?: FaultCode): error is Fault {
    return error instanceof Fault && (code === undefined || error.code === code);
  }
}
