import { Fault, type FaultCode } from '../../../shared/model/fault.ts';
import { Durations } from './durations.ts';

/** How a call came to its end. `stale` and `remembered` are answers that were given before, and successes. */
export type CallEnd =
  | { readonly kind: 'answered' | 'stale' | 'remembered' }
  /** As the client is told. */
  | { readonly kind: 'failed'; readonly fault: Fault }
  /** Its client took it back, or has left, or the engine stops. */
  | { readonly kind: 'cancelled' };

/** The process or the way to it was lost under the call. Also where another process ended the launch it was on. */
const isLoss = ({ code, traits }: Fault): boolean => traits.endsLaunch === true || code === 'connectionReset';
const timeouts: ReadonlySet<FaultCode> = new Set([
  'requestTimeout',
  'readTimeout',
  'connectTimeout',
  'startTimeout',
]);

/**
 * The calls of one server since the engine began to know it (requirements R11.1). A call is a request of a client other than `initialize`, and other than a `ping` while there is no
 * server to ask. Each is counted when it comes, and once more when it ends, so that at any moment
 * `total = successful + failed + cancelled + open`; a test holds this against what clients saw.
 */
export class CallCounters {
  total = 0;
  /** Answered: with a result, or with an error that the server itself gave. */
  successful = 0;
  /** Answered by us with a fault, refusals among them. */
  failed = 0;
  cancelled = 0;
  /** Not ended yet: at the server, or waiting for it. */
  open = 0;
  /** Of `successful`: read from what was answered before the server went down (requirements R6.2). */
  stale = 0;
  /** Of `successful`: lists that were given from memory, because the server did not answer in time. */
  remembered = 0;
  /** Of `failed`: the server, or the connection to it, was lost under the call, and it was not, or not successfully, repeated. */
  brokenPipe = 0;
  /** Of `failed`: its time, or that of a connection or a read, was over. */
  timeouts = 0;
  /** Of `failed`: whether it was carried out is not known. */
  outcomeUnknown = 0;
  /** Decisions to try a call again. One that is cancelled, refused or out of time before its next attempt is one all the same. */
  retries = 0;
  /**
   * From the end of a failed attempt until the next attempt was handed to a server: the pause, the wait for a connection, and that for a place. Its
   * count is how many retries came so far; it is never more than `retries`.
   */
  readonly retryDelays = new Durations();

  began(): void {
    this.total += 1;
    this.open += 1;
  }

  ended(end: CallEnd): void {
    this.open -= 1;
    switch (end.kind) {
      case 'failed':
        this.#failed(end.fault);
        return;
      case 'cancelled':
        this.cancelled += 1;
        return;
      default:
        this.successful += 1;
        if (end.kind !== 'answered') this[end.kind] += 1;
    }
  }

  #failed(fault: Fault): void {
    const cause = fault.cause instanceof Fault ? fault.cause : fault;
    this.failed += 1;
    if (fault.code === 'outcomeUnknown') this.outcomeUnknown += 1;
    if (isLoss(cause)) this.brokenPipe += 1;
    if (timeouts.has(cause.code)) this.timeouts += 1;
  }
}
