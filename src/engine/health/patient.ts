import type { Fault } from '../../shared/model/fault.ts';
import type { Vitals } from './vitals.ts';

/** What became of a probe: any answer is a sign of life, also an error. */
export type ProbeResult =
  | { readonly kind: 'answered' }
  /** Nothing came in its time, or the launch has ended. */
  | { readonly kind: 'silent' }
  /** It did not get through. */
  | { readonly kind: 'failed'; readonly fault: Fault };

/** What a launch is at work on, or waits for. */
export interface Load {
  /** Calls that were written and are within their deadline, oldest first; compared by identity only. */
  readonly openCalls: readonly object[];
  /** Monotonic milliseconds when the oldest of them was written. */
  readonly openSince: number | undefined;
  /** It waits for an answer of its client, or of a person. */
  readonly isAsking: boolean;
  /** We do not read what it sends at the moment, because its client does not. */
  readonly isHeldUp: boolean;
  /** We do not read what it sends at the moment, because it sends faster than it can be handled. */
  readonly isFlooding: boolean;
}

/** One launch of a server, as the health monitor sees it: what can be known of it, and what can be done. */
export interface Patient {
  readonly server: string;
  /** Reached over a network, which can go away while the server is well. */
  readonly isRemote: boolean;
  /** Time between checks without traffic (`healthCheckInterval`). */
  readonly intervalMs: number;
  /** Of its process, where there is one. */
  readonly pid: number | undefined;
  readonly vitals: Vitals;
  readonly load: Load;
  /** Asks for a sign of life. Never rejects. */
  probe(timeoutMs: number): Promise<ProbeResult>;
  /** Calls back when everything it has sent so far has been handled. */
  afterInbox(action: () => void): void;
  /** Connections to it that may be dead without our knowing are not used again. */
  dropIdleConnections(): void;
  /** Calls still flow, but it is to be shown as suspect. */
  suspect(): void;
  /** The suspicion is over. */
  clear(): void;
  /** It is given up, and started or connected afresh. */
  convict(fault: Fault): void;
  /** Something that is shown of it has changed. */
  touch(): void;
}
