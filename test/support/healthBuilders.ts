import type { ServerSnapshot, Snapshot } from '../../src/shared/model/snapshot.ts';
import { healthOf, type HealthView, type ServerView } from '../../src/extension/health/healthView.ts';

const noCalls: ServerSnapshot['metrics'] = {
  total: 0,
  successful: 0,
  failed: 0,
  brokenPipe: 0,
  timeouts: 0,
  breakerOpens: 0,
  retries: 0,
  restarts: 0,
  outcomeUnknown: 0,
  inFlight: 0,
  waiting: 0,
};

/** A healthy server's snapshot, but for what is given. */
export function serverSnapshot(
  id: string,
  changes: Partial<Omit<ServerSnapshot, 'metrics'>> & { metrics?: Partial<ServerSnapshot['metrics']> } = {},
): ServerSnapshot {
  return {
    id,
    state: 'ready',
    sentence: 'Running.',
    since: 1_700_000_000_000,
    breaker: { state: 'closed', failures: 0 },
    sessions: 0,
    pids: [],
    pool: { available: 10, max: 10 },
    promiseBroken: false,
    ...changes,
    metrics: { ...noCalls, ...changes.metrics },
  };
}

export function snapshotOf(
  servers: readonly ServerSnapshot[],
  problems: Snapshot['problems'] = [],
): Snapshot {
  return {
    version: 1,
    engine: { pid: 4242, version: '0.1.0', startedAt: 1_700_000_000_000, journalReliable: true },
    servers: [...servers],
    problems,
  };
}

/** A view of a running engine with these servers, but for what is given. */
export function viewOf(servers: readonly ServerSnapshot[], changes: Partial<HealthView> = {}): HealthView {
  return {
    engine: { kind: 'running', pid: 4242 },
    trusted: true,
    servers: servers.map((snapshot): ServerView => ({
      name: snapshot.id,
      health: healthOf(snapshot),
      snapshot,
    })),
    problems: [],
    hasSnapshot: true,
    alerts: [],
    troubles: [],
    ...changes,
  };
}
