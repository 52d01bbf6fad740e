import type { Clock } from '../../shared/base/clock.ts';
import type { Tier } from '../../shared/model/tier.ts';
import type { HealthMonitor } from '../health/healthMonitor.ts';
import type { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import type { RecoveryPolicy, ServerRecovery } from '../recovery/serverRecovery.ts';
import type { Endpoints } from './http/failover.ts';
import type { Launch } from './launch.ts';
import type { StartReason } from './preparation.ts';
import type { StartGate } from './startGate.ts';
import type { CallRecord, Transport, TransportListener } from './transport.ts';

/** What a connection tells its session. */
export interface ConnectionClient {
  onInitialized(result: string, line: Uint8Array): void;
  /** `about`: the client's request that it belongs to, where that is known. */
  onClientMessage(line: Uint8Array, about?: string): void;
  onListChanged(list: string, line: Uint8Array, launch: Launch): void;
  onServerRequests(open: number): void;
  /** Answers whether the client should see it. */
  onProgress(token: string, progress: number): boolean;
  onReady(launch: Launch): void;
}

export interface ConnectionPolicy extends RecoveryPolicy {
  readonly startTimeoutMs: number;
  /** A lost connection is brought back even if nobody needs it now. */
  readonly staysConnected: boolean;
  readonly healthCheckIntervalMs: number;
  /** Reached over a network. */
  readonly isRemote: boolean;
  readonly tier: Tier;
}

export interface ConnectionOptions {
  /** Unique within the engine. */
  readonly key: string;
  readonly server: string;
  readonly clock: Clock;
  /** Asked at each decision, so that changed settings count from the next one on. */
  readonly policy: () => ConnectionPolicy;
  readonly recovery: RecoveryQueue;
  readonly health: HealthMonitor;
  /** What the connections of this server know together. */
  readonly serverRecovery: ServerRecovery;
  /** Absent where a start costs this machine nothing. */
  readonly startGate: StartGate | undefined;
  readonly open: (listener: TransportListener) => Transport;
  /** Asks for what is missing before a start, and rejects with a fault when it is not given; `undefined`: nothing is missing. */
  readonly prepare?: (why: StartReason) => Promise<void> | undefined;
  /** Whether a call may have it asked for again. */
  readonly mayAsk?: () => boolean;
  readonly nextLaunchName: () => string;
  /** Where the server can be reached at several addresses. */
  readonly endpoints?: Endpoints;
  /** The end of an earlier connection's process; nothing is started before it. */
  readonly after?: Promise<unknown> | undefined;
  readonly journal: CallRecord;
  readonly client: ConnectionClient;
  /** Takes secrets out of what a failure tells. */
  readonly redact?: ((text: string) => string) | undefined;
  readonly onStderr: (text: string) => void;
  readonly onGarbage: (what: string) => void;
  /** A launch is begun. */
  readonly onLaunch?: (isFirst: boolean) => void;
  /** Something that is shown of its health has changed, but not its state. */
  readonly onHealth: () => void;
  readonly onListenerError: (error: unknown) => void;
}
