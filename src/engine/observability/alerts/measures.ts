import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import { SlidingCount } from './slidingCount.ts';

/** What the rules look at of a server. The counts only grow. */
export interface MeasuredServer {
  readonly name: string;
  readonly state: ConnectionState;
  readonly breaker: BreakerStateName;
  /** Calls that ended because the process, or the connection, was gone. */
  readonly brokenPipes: number;
}

/** Nobody uses it, or a person has taken it out of use: nothing about it is an alarm. */
const atRest: ReadonlySet<ConnectionState> = new Set(['idle', 'stopped', 'isolated']);
/** It answers. */
const answering: ReadonlySet<ConnectionState> = new Set(['ready', 'suspect']);
const sure: ReadonlySet<ConnectionState> = new Set([...atRest, ...answering, 'crashLoop', 'needsSignIn']);

/** 1: the server is in that state; 0: it has left it for good; `undefined`: it is on the way, and nobody knows where it will end. */
export function isIn(state: ConnectionState, wanted: 'crashLoop' | 'needsSignIn'): 0 | 1 | undefined {
  if (state === wanted) return 1;
  return sure.has(state) ? 0 : undefined;
}

/** 1 while it is open; half-open says nothing: the next calls decide. */
export function isBreakerOpen({ state, breaker }: MeasuredServer): 0 | 1 | undefined {
  if (atRest.has(state) || breaker === 'closed' || breaker === 'isolated') return 0;
  return breaker === 'open' ? 1 : undefined;
}

export interface CountWindows {
  readonly brokenPipesMs: number;
  readonly retryRateMs: number;
}

/** What is counted of one server in the windows of its rules. What happens with a call is an addition; the rest is done when somebody looks. */
export class ServerCounts {
  readonly #brokenPipes: SlidingCount;
  readonly #calls: SlidingCount;
  readonly #retriedCalls: SlidingCount;
  #brokenPipesBefore: number;
  /** Since the last look: calls that were sent, those of them that were sent again, and retries after a broken pipe. */
  calls = 0;
  retriedCalls = 0;
  retriesAfterLoss = 0;

  readonly #windows: CountWindows;

  /** `brokenPipesBefore`: what the server's count was before anything is to be counted here. */
  constructor(windows: CountWindows, brokenPipesBefore = 0) {
    this.#windows = windows;
    this.#brokenPipesBefore = brokenPipesBefore;
    this.#brokenPipes = new SlidingCount(windows.brokenPipesMs);
    this.#calls = new SlidingCount(windows.retryRateMs);
    this.#retriedCalls = new SlidingCount(windows.retryRateMs);
  }

  isFor({ brokenPipesMs, retryRateMs }: CountWindows): boolean {
    return this.#windows.brokenPipesMs === brokenPipesMs && this.#windows.retryRateMs === retryRateMs;
  }

  /** `brokenPipes`: the server's count now; one that has fallen began anew. */
  look(brokenPipes: number, now: number): void {
    const before = this.#brokenPipesBefore;
    const more = brokenPipes >= before ? brokenPipes - before : brokenPipes;
    this.#brokenPipesBefore = brokenPipes;
    this.#brokenPipes.add(more + this.retriesAfterLoss, now);
    this.#calls.add(this.calls, now);
    this.#retriedCalls.add(this.retriedCalls, now);
    this.calls = 0;
    this.retriedCalls = 0;
    this.retriesAfterLoss = 0;
  }

  /** Calls that were cut off by a lost connection, also those that a retry has saved. */
  brokenPipes(now: number): number {
    return this.#brokenPipes.sum(now);
  }

  /** Percent of the calls that were sent more than once. Too few calls say nothing; none at all is no trouble. */
  retryRate(now: number, minimumCalls: number): number | undefined {
    const calls = this.#calls.sum(now);
    if (calls === 0) return 0;
    return calls < minimumCalls ? undefined : (100 * this.#retriedCalls.sum(now)) / calls;
  }

  /** When a count may fall though nothing happens. */
  get nextChangeAt(): number | undefined {
    const times = [this.#brokenPipes, this.#calls].flatMap(({ nextChangeAt }) => nextChangeAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  forget(): void {
    for (const count of [this.#brokenPipes, this.#calls, this.#retriedCalls]) count.clear();
    this.calls = 0;
    this.retriedCalls = 0;
    this.retriesAfterLoss = 0;
  }
}
