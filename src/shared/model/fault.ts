/**
 * Why something failed, in a fixed vocabulary (requirements R2.3). Codes are compared, texts are read by people.
 */
export const faultCodes = [
  'brokenPipe',
  'exited',
  'spawnFailed',
  'startTimeout',
  'requestTimeout',
  'protocolGarbage',
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
}

const traits: Readonly<Record<FaultCode, FaultTraits>> = {
  brokenPipe: { retryable: true, countsAgainstBreaker: true },
  exited: { retryable: true, countsAgainstBreaker: true },
  spawnFailed: { retryable: true, countsAgainstBreaker: false },
  startTimeout: { retryable: true, countsAgainstBreaker: false },
  requestTimeout: { retryable: false, countsAgainstBreaker: true },
  protocolGarbage: { retryable: false, countsAgainstBreaker: true },
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
}

/** An expected failure. `message` tells a person what happened and what they can do. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly server: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.server = options.server;
    this.retryAfterMs = options.retryAfterMs;
  }

  get traits(): FaultTraits {
    return traits[this.code];
  }

  /** Whether `error` is a fault, of the given code if one is named. */
  static is(error: unknown, code?: FaultCode): error is Fault {
    return error instanceof Fault && (code === undefined || error.code === code);
  }
}
