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
  'inputNeeded',
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

/** What a fault means for the policies, and for a person. */
export interface FaultTraits {
  /** The same call may succeed when it is tried again, if its retry class allows that. */
  readonly retryable: boolean;
  /** Counts as a failure of the server's breaker. Failed launches do not: they feed the backoff (design §4). */
  readonly countsAgainstBreaker: boolean;
  /** The connection stays, so that nothing else spaces the attempts: each waits for the backoff first. */
  readonly pausesBeforeRetry?: boolean;
  /** The process, or the way to it, is gone, and everything that was under way there with it. */
  readonly endsLaunch?: boolean;
  /** What a person can do, as a sentence. */
  readonly advice: string;
}

const untold = { retryable: false, countsAgainstBreaker: false } as const;
/** Feeds the backoff of the connection, as a failed launch does (design §4). */
const noWay = { retryable: true, countsAgainstBreaker: false, pausesBeforeRetry: true } as const;
const network = { retryable: true, countsAgainstBreaker: true, pausesBeforeRetry: true } as const;
const lost = { retryable: true, countsAgainstBreaker: true, endsLaunch: true } as const;
const startFailed = { retryable: true, countsAgainstBreaker: false } as const;

/** Compared with docs/policies/faults.md by a test. */
const traits: Readonly<Record<FaultCode, FaultTraits>> = {
  brokenPipe: { ...lost, advice: 'Nothing: it is started again. When it happens often, read its output.' },
  exited: { ...lost, advice: 'Nothing: it is started again. When it happens often, read its output.' },
  spawnFailed: { ...startFailed, advice: 'Check "command", "cwd" and PATH in its settings.' },
  /** It ended because somebody else listens on its port. */
  portInUse: {
    ...startFailed,
    endsLaunch: true,
    advice: 'Free the port, or give the server another one in its settings.',
  },
  /** It ended because a module or library of its own is not there. */
  dependencyMissing: {
    ...startFailed,
    endsLaunch: true,
    advice: 'Install what is missing where the server runs, then restart it.',
  },
  outOfMemory: {
    ...lost,
    advice:
      'Ask it for less at a time, or allow it more memory (Node: "--max-old-space-size", Java: "-Xmx").',
  },
  startTimeout: {
    ...startFailed,
    advice: 'Check that its settings start an MCP server, and whether it waits for something.',
  },
  requestTimeout: {
    retryable: false,
    countsAgainstBreaker: true,
    advice: 'Ask for less at a time, or give the tool more time ("lifeline.timeouts").',
  },
  protocolGarbage: {
    retryable: false,
    countsAgainstBreaker: true,
    advice: 'Report it to the makers of the server: its output is no MCP.',
  },
  /** No connection could be made: refused, no such host, no route, no trust in the certificate. */
  connectionRefused: { ...noWay, advice: 'Check "url" in its settings, and whether the server runs.' },
  connectionReset: {
    ...network,
    advice: 'Nothing: it is connected to again. When it happens often, check the network.',
  },
  connectTimeout: { ...noWay, advice: 'Check "url" in its settings, the network and the VPN.' },
  readTimeout: {
    ...network,
    advice: 'Nothing: it is tried again. When it happens often, raise "readTimeout".',
  },
  /** HTTP 400: the session is not known yet, or not any more. */
  sessionNotReady: { ...startFailed, advice: 'Nothing: the session is made again.' },
  /** HTTP 404 to a session id. */
  sessionLost: { ...startFailed, advice: 'Nothing: the session is made again.' },
  /** HTTP 429. */
  rateLimited: { ...noWay, advice: 'Wait, or call it less often.' },
  /** HTTP 502, 503, 504. */
  unavailable: { ...network, advice: 'Wait: it is tried again. Ask its operators when it lasts.' },
  /** HTTP 500 and its like: the server met an error of its own, and would again. */
  serverError: { retryable: false, countsAgainstBreaker: true, advice: "Look into the server's own log." },
  /** Any other answer of HTTP that is none of MCP: a wrong address, a redirect, a refused message. */
  httpError: { ...untold, advice: 'Check "url" in its settings.' },
  /** HTTP 401 and 403: a state with a button, not a failure (requirements R3.8). 403 to one call is about that call alone. */
  authRequired: { ...untold, advice: 'Sign in, or check "headers" in its settings.' },
  forbidden: { ...untold, advice: 'Check what its credentials allow, and "headers" in its settings.' },
  /** A value that its entry leaves to a person (`${input:…}`) was not given; a state with a button, as a sign-in is. */
  inputNeeded: { ...untold, advice: 'Use "MCP Lifeline: Enter Input Value".' },
  circuitOpen: { ...untold, advice: 'Wait, or use "MCP Lifeline: Force Recovery".' },
  crashLoop: { ...untold, advice: 'Read the diagnosis; then use "MCP Lifeline: Force Recovery".' },
  isolated: { ...untold, advice: 'Rejoin it to use it again.' },
  stopped: { ...untold, advice: 'Enable it, or correct its settings.' },
  overloaded: { ...untold, advice: 'Wait until it has fewer calls under way.' },
  cancelled: { ...untold, advice: 'Nothing: it was asked for.' },
  outcomeUnknown: { ...untold, advice: 'Verify the effect of the call before repeating it.' },
  engineUnavailable: { ...untold, advice: 'Restart the MCP Lifeline engine, or reload the window.' },
};

/** How a process ended, as the system tells it. */
export interface ExitStatus {
  readonly code?: number | undefined;
  /** `SIGKILL` and its like. */
  readonly signal?: string | undefined;
}

export interface FaultOptions {
  readonly server?: string;
  readonly cause?: unknown;
  /** Milliseconds until another attempt makes sense; absent when nobody knows. */
  readonly retryAfterMs?: number;
  /** What is behind it, for a text that is put in other words later. */
  readonly diagnosis?: string;
  /** Of a process that ended by itself. */
  readonly exit?: ExitStatus;
}

/** The same in every bundle: code that is loaded when it is needed brings a class of its own (docs/decisions/0049). */
const mark = Symbol.for('mcp-lifeline.Fault');

/** An expected failure. `message` tells a person what happened and what they can do. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly server: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly diagnosis: string | undefined;
  readonly exit: ExitStatus | undefined;

  static {
    // Not a field: nobody who prints a fault is to see it.
    Object.defineProperty(this.prototype, mark, { value: true });
  }

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.server = options.server;
    this.retryAfterMs = options.retryAfterMs;
    this.diagnosis = options.diagnosis;
    this.exit = options.exit;
  }

  /** The same fault with what is behind it. */
  because(diagnosis: string): Fault {
    const { code, message, server, cause, retryAfterMs, exit } = this;
    return new Fault(code, message, {
      diagnosis,
      ...(server === undefined ? {} : { server }),
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(exit === undefined ? {} : { exit }),
    });
  }

  /** The same fault in other words; as it is without `change`. */
  inWords(change: ((text: string) => string) | undefined): Fault {
    if (change === undefined) return this;
    const message = change(this.message);
    const diagnosis = this.diagnosis === undefined ? undefined : change(this.diagnosis);
    if (message === this.message && diagnosis === this.diagnosis) return this;
    const { code, server, cause, retryAfterMs, exit } = this;
    return new Fault(code, message, {
      ...(diagnosis === undefined ? {} : { diagnosis }),
      ...(server === undefined ? {} : { server }),
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(exit === undefined ? {} : { exit }),
    });
  }

  get traits(): FaultTraits {
    return traits[this.code];
  }

  /** Whether `error` is a fault, of the given code if one is named. */
  static is(error: unknown, code?: FaultCode): error is Fault {
    return isFault(error) && (code === undefined || error.code === code);
  }
}

function isFault(error: unknown): error is Fault {
  return error instanceof Error && mark in error;
}
