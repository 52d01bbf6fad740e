import { assertNever } from '../../shared/base/assertNever.ts';
import type {
  AlertSnapshot,
  ServerSnapshot,
  SettingsProblem,
  Snapshot,
} from '../../shared/model/snapshot.ts';
import type { Tier } from '../../shared/model/tier.ts';
import type { ContinuitySnapshot } from '../../shared/model/continuity.ts';
import { joinProblems, type ConfiguredServer } from '../config/mergeServers.ts';
import type { EngineStatus } from '../engineClient/supervisor.ts';

/**
 * What a person needs to know of a server.
 * - `healthy`, `idle`: nothing to do. `busy`: it is being started. `working`: healthy, and long at work on a call.
 * - `degraded`: it answers, but offers less than it did.
 * - `unsure`: it works, but something missed its time. `recovering`: it was lost just now, and is being brought back.
 * - `down`: bringing it back has failed at least once, and is tried again soon; calls wait for that.
 * - `failed`: it keeps failing; somebody should look. `waiting`: signed out, isolated or stopped by a person.
 * - `unknown`: no engine tells. `disabled`: switched off in the settings. `invalid`: its entry cannot be used.
 */
export type ServerHealth =
  | 'healthy'
  | 'idle'
  | 'busy'
  | 'working'
  | 'degraded'
  | 'unsure'
  | 'recovering'
  | 'down'
  | 'failed'
  | 'waiting'
  | 'unknown'
  | 'disabled'
  | 'invalid';

export interface ServerView {
  readonly name: string;
  readonly health: ServerHealth;
  /** Only while an engine is running that knows the server. */
  readonly snapshot: ServerSnapshot | undefined;
  /** As its entry says; absent where that cannot be used. */
  readonly tier?: Tier;
  readonly transport?: 'stdio' | 'http';
}

/** Everything that status bar, tree and commands show, at one moment. */
export interface HealthView {
  readonly engine: EngineStatus;
  readonly trusted: boolean;
  readonly servers: readonly ServerView[];
  readonly problems: readonly SettingsProblem[];
  /** An engine is running and has told of itself; else nobody knows which alerts fire. */
  readonly hasSnapshot: boolean;
  /** What fires, the worst first. */
  readonly alerts: readonly AlertSnapshot[];
  /** What the engine cannot do, as sentences of its own; calls go on. */
  readonly troubles: readonly Trouble[];
  /** Of all servers together; absent while nobody measured. */
  readonly continuity?: ContinuitySnapshot;
}

/** Something of the engine's own that is out of order. */
export interface Trouble {
  readonly kind: 'auditTrail' | 'journal';
  /** The engine's words, where it has some. */
  readonly sentence: string | undefined;
}

export function healthOf(snapshot: ServerSnapshot): ServerHealth {
  switch (snapshot.state) {
    case 'idle':
      return 'idle';
    case 'connecting':
    case 'initializing':
    case 'probing':
      // A new try of a server that is down is no calm start: until it answers, it is down.
      return outageHealth(snapshot) ?? 'busy';
    case 'ready':
      return readyHealth(snapshot);
    case 'suspect':
      return 'unsure';
    case 'broken':
    case 'recovering':
      return outageHealth(snapshot) ?? 'recovering';
    case 'crashLoop':
      return 'failed';
    case 'needsSignIn':
    case 'isolated':
    case 'stopped':
      return 'waiting';
    default:
      return assertNever(snapshot.state);
  }
}

/** While it is down, or one of its connections is. One try that failed is where a short pause ends (decision 0084). */
function outageHealth({ metrics: { recovery } }: ServerSnapshot): 'recovering' | 'down' | undefined {
  const { since, failures } = recovery ?? {};
  if (since === undefined && failures === undefined) return undefined;
  return (failures ?? 0) > 0 ? 'down' : 'recovering';
}

function readyHealth({ breaker, degraded, busySince }: ServerSnapshot): ServerHealth {
  if (breaker.state === 'isolated') return 'waiting';
  if (breaker.state !== 'closed') return 'unsure';
  if (degraded !== undefined) return 'degraded';
  return busySince === undefined ? 'healthy' : 'working';
}

/** Puts the settings and the engine's latest word together. Servers stand in the order of the settings. */
export function buildHealthView(parts: {
  readonly engine: EngineStatus;
  readonly trusted: boolean;
  readonly configured: readonly ConfiguredServer[];
  readonly configProblems: readonly SettingsProblem[];
  readonly snapshot: Snapshot | undefined;
}): HealthView {
  const snapshot = parts.engine.kind === 'running' ? parts.snapshot : undefined;
  const known = new Map(snapshot?.servers.map((server) => [server.id, server]));
  const servers = parts.configured.map(({ name, enabled, config }): ServerView => {
    if (config === undefined) return { name, health: 'invalid', snapshot: undefined };
    const entry = { name, tier: config.lifeline.tier, transport: config.type };
    if (!enabled) return { ...entry, health: 'disabled', snapshot: undefined };
    const server = known.get(name);
    return { ...entry, health: server === undefined ? 'unknown' : healthOf(server), snapshot: server };
  });
  return {
    engine: parts.engine,
    trusted: parts.trusted,
    servers,
    problems: joinProblems(parts.configProblems, snapshot?.problems ?? []),
    hasSnapshot: snapshot !== undefined,
    alerts: snapshot?.alerts ?? [],
    troubles: troublesOf(snapshot),
    ...(snapshot?.engine.continuity === undefined ? {} : { continuity: snapshot.engine.continuity }),
  };
}

function troublesOf(snapshot: Snapshot | undefined): readonly Trouble[] {
  if (snapshot === undefined) return [];
  const { audit, journalReliable } = snapshot.engine;
  const troubles: Trouble[] = [];
  if (audit?.degraded !== undefined) troubles.push({ kind: 'auditTrail', sentence: audit.degraded });
  if (!journalReliable) troubles.push({ kind: 'journal', sentence: undefined });
  return troubles;
}

/** The same servers as another snapshot tells of them. */
export function withSnapshot(view: HealthView, { servers }: Snapshot): HealthView {
  const known = new Map(servers.map((server) => [server.id, server]));
  return {
    ...view,
    servers: view.servers.map((server) => {
      const snapshot = known.get(server.name);
      return snapshot === undefined || !canRun(server.health)
        ? server
        : { ...server, health: healthOf(snapshot), snapshot };
    }),
  };
}

/** Whether there is something that can be started, restarted or recovered. */
export function canRun(health: ServerHealth): boolean {
  return health !== 'disabled' && health !== 'invalid';
}

/** Neither broken nor in doubt: a recovery of all leaves it alone. */
export function isWell(health: ServerHealth): boolean {
  return health === 'healthy' || health === 'working' || health === 'degraded' || health === 'idle';
}

/** What a person should look at, from the worst. */
export const attention: readonly ServerHealth[] = [
  'failed',
  'down',
  'recovering',
  'unsure',
  'degraded',
  'waiting',
  'invalid',
];

/** Whoever looks at all of them looks for what is wrong; otherwise the order of the settings. */
export function worstFirst(servers: readonly ServerView[]): ServerView[] {
  const rank = ({ health }: ServerView): number => {
    const index = attention.indexOf(health);
    return index < 0 ? attention.length : index;
  };
  return [...servers].sort((a, b) => rank(a) - rank(b));
}

export interface HealthCounts {
  /** Servers that are switched on. */
  readonly enabled: number;
  /** Healthy, at work or idle. */
  readonly fine: number;
  readonly busy: number;
  readonly working: number;
  readonly degraded: number;
  readonly unsure: number;
  readonly recovering: number;
  readonly down: number;
  readonly failed: number;
  readonly waiting: number;
  readonly unknown: number;
}

export function countServers(view: HealthView): HealthCounts {
  const of = (...healths: ServerHealth[]): number =>
    view.servers.filter(({ health }) => healths.includes(health)).length;
  return {
    enabled: view.servers.length - of('disabled', 'invalid'),
    fine: of('healthy', 'working', 'idle'),
    busy: of('busy'),
    working: of('working'),
    degraded: of('degraded'),
    unsure: of('unsure'),
    recovering: of('recovering'),
    down: of('down'),
    failed: of('failed'),
    waiting: of('waiting'),
    unknown: of('unknown'),
  };
}
