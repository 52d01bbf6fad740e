import { isUsable, connectionStates } from '../../../shared/model/connectionState.ts';
import type { ContinuitySpan } from '../../../shared/model/continuity.ts';
import { breakerStates, type ServerSnapshot, type Snapshot } from '../../../shared/model/snapshot.ts';

/**
 * Every metric that is exported and is not of the semantic conventions; docs/telemetry.md has the same table (compared by a test). Values are those of the
 * snapshot: nothing is counted a second time.
 */

export type MetricKind = 'counter' | 'gauge';

export interface MetricSpec {
  readonly name: string;
  readonly kind: MetricKind;
  /** UCUM, as OpenTelemetry has it: `s`, `By`, `1` for a share, `{thing}` for counts. */
  readonly unit: string;
  readonly help: string;
}

export interface ServerMetric extends MetricSpec {
  /** Absent where there is nothing to tell. */
  readonly value: (server: ServerSnapshot) => number | undefined;
}

/** One series for each state: 1 for the one it is in, 0 for the others. */
export interface StateMetric extends MetricSpec {
  readonly states: readonly string[];
  readonly state: (server: ServerSnapshot) => string;
}

export interface EngineMetric extends MetricSpec {
  readonly value: (snapshot: Snapshot, own: OwnFigures) => number | undefined;
}

/** What the snapshot does not have. */
export interface OwnFigures {
  readonly spansSent: number;
  readonly spansDropped: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

const counter = (name: string, unit: string, help: string, value: ServerMetric['value']): ServerMetric => ({
  name: `mcp.lifeline.${name}`,
  kind: 'counter',
  unit,
  help,
  value,
});
const gauge = (name: string, unit: string, help: string, value: ServerMetric['value']): ServerMetric => ({
  name: `mcp.lifeline.${name}`,
  kind: 'gauge',
  unit,
  help,
  value,
});
const engine = (
  name: string,
  kind: MetricKind,
  unit: string,
  help: string,
  value: EngineMetric['value'],
): EngineMetric => ({ name, kind, unit, help, value });

export const serverMetrics: readonly ServerMetric[] = [
  counter(
    'calls.cancelled',
    '{call}',
    'Calls that the client took back, or left.',
    ({ metrics }) => metrics.cancelled,
  ),
  counter(
    'calls.stale',
    '{call}',
    'Calls that were given an earlier answer, because the server is down.',
    ({ metrics }) => metrics.stale,
  ),
  counter(
    'calls.remembered',
    '{call}',
    'Lists that were answered from the catalogue.',
    ({ metrics }) => metrics.remembered,
  ),
  counter(
    'retry.delay',
    's',
    'Time from the end of failed attempts to the next ones.',
    ({ metrics: { retryDelay } }) =>
      retryDelay === undefined ? undefined : (retryDelay.averageMs * retryDelay.count) / 1_000,
  ),
  counter(
    'connections.failed',
    '{connection}',
    'Times that a connection was lost or could not be made.',
    ({ metrics }) => metrics.failedConnections,
  ),
  counter(
    'outages',
    '{outage}',
    'Times that the last usable connection was lost, or a first start failed.',
    ({ metrics }) => metrics.recovery?.outages,
  ),
  counter(
    'recovery.attempts',
    '{attempt}',
    'Attempts to end an outage.',
    ({ metrics }) => metrics.recovery?.attempts,
  ),
  counter(
    'recovery.successes',
    '{outage}',
    'Outages that ended with a usable connection.',
    ({ metrics }) => metrics.recovery?.successes,
  ),
  gauge(
    'uptime',
    '1',
    'Usable part of the time that the server was wanted.',
    ({ metrics }) => metrics.uptime?.ratio,
  ),
  gauge(
    'calls.queued',
    '{call}',
    'Calls that wait, for whatever it is.',
    ({ metrics }) => metrics.queueDepth,
  ),
  counter('calls.taken', '{call}', 'Requests of clients that were taken.', ({ metrics }) => metrics.total),
  counter(
    'calls.successful',
    '{call}',
    'Calls that were answered by the server.',
    ({ metrics }) => metrics.successful,
  ),
  counter(
    'calls.failed',
    '{call}',
    'Calls that were answered with a fault of the layer.',
    ({ metrics }) => metrics.failed,
  ),
  counter(
    'calls.broken_pipe',
    '{call}',
    'Failed calls whose server was lost under them.',
    ({ metrics }) => metrics.brokenPipe,
  ),
  counter(
    'calls.timed_out',
    '{call}',
    'Failed calls that passed their deadline.',
    ({ metrics }) => metrics.timeouts,
  ),
  counter(
    'calls.outcome_unknown',
    '{call}',
    'Failed calls of which it is not known whether they were carried out.',
    ({ metrics }) => metrics.outcomeUnknown,
  ),
  counter('retries', '{retry}', 'Times that a call was tried again.', ({ metrics }) => metrics.retries),
  counter(
    'restarts',
    '{restart}',
    'Restarts of processes, and renewed sessions with remote servers.',
    ({ metrics }) => metrics.restarts,
  ),
  counter(
    'breaker.opens',
    '{open}',
    'Times that the circuit breaker has opened.',
    ({ metrics }) => metrics.breakerOpens,
  ),
  gauge(
    'calls.in_flight',
    '{call}',
    'Calls that the server is at work on.',
    ({ metrics }) => metrics.inFlight,
  ),
  gauge(
    'calls.waiting',
    '{call}',
    'Calls that wait for the server to come up.',
    ({ metrics }) => metrics.waiting,
  ),
  gauge('pool.available', '{place}', 'Places for calls that are free.', ({ pool }) => pool.available),
  gauge('pool.max', '{place}', 'Places for calls that the settings allow.', ({ pool }) => pool.max),
  gauge('pool.queued', '{call}', 'Calls that wait for a place.', ({ pool }) => pool.queued),
  gauge('sessions', '{session}', 'Sessions of clients.', ({ sessions }) => sessions),
  gauge('tools', '{tool}', 'Tools that the server listed last.', ({ catalogue }) => catalogue?.tools),
  gauge(
    'suspicion',
    '1',
    'Phi of the silence of the server, 0 to 100; while it is watched.',
    ({ suspicion }) => suspicion,
  ),
  gauge(
    'rate',
    '{request}/s',
    'Requests per second that are let through, while the rate is limited.',
    ({ rate }) => rate?.current,
  ),
  gauge('up', '1', '1 while the server is connected and answers, else 0.', ({ state }) =>
    isUsable(state) ? 1 : 0,
  ),
];

/** Continuity (docs/continuity.md) of the last while; each is absent while there is nothing to measure it by. */
const continuity: readonly (Omit<MetricSpec, 'kind'> & {
  readonly of: (span: ContinuitySpan) => number | undefined;
})[] = [
  {
    name: 'continuity.phi',
    unit: '1',
    help: 'Share of the wanted time in which it could be used.',
    of: ({ phi }) => phi,
  },
  {
    name: 'continuity.psi',
    unit: '1',
    help: 'Share of the long generative calls that were completed.',
    of: ({ psi }) => psi,
  },
  {
    name: 'continuity.sigma',
    unit: '1',
    help: 'Similarity of what was offered before and after a reconnect.',
    of: ({ sigma }) => sigma,
  },
  {
    name: 'continuity.delta',
    unit: 's',
    help: 'Time that failures cost a call.',
    of: ({ deltaMs }) => (deltaMs === undefined ? undefined : deltaMs / 1_000),
  },
];

export const continuityMetrics: readonly ServerMetric[] = continuity.map(({ name, unit, help, of }) =>
  gauge(name, unit, help, (server) =>
    server.continuity === undefined ? undefined : of(server.continuity.recent),
  ),
);

export const stateMetrics: readonly StateMetric[] = [
  {
    name: 'mcp.lifeline.state',
    kind: 'gauge',
    unit: '1',
    help: 'State of the connection: 1 for the state it is in, 0 for the others.',
    states: connectionStates,
    state: ({ state }) => state,
  },
  {
    name: 'mcp.lifeline.breaker.state',
    kind: 'gauge',
    unit: '1',
    help: 'State of the circuit breaker: 1 for the state it is in, 0 for the others.',
    states: breakerStates,
    state: ({ breaker }) => breaker.state,
  },
];

export const engineMetrics: readonly EngineMetric[] = [
  ...continuity.map(({ name, unit, help, of }) =>
    engine(`mcp.lifeline.overall.${name}`, 'gauge', unit, `All servers together: ${help}`, (snapshot) => {
      const { continuity: overall } = snapshot.engine;
      return overall === undefined ? undefined : of(overall.recent);
    }),
  ),
  engine(
    'mcp.lifeline.servers',
    'gauge',
    '{server}',
    'Servers in the settings.',
    ({ servers }) => servers.length,
  ),
  engine(
    'mcp.lifeline.settings.problems',
    'gauge',
    '{problem}',
    'Settings that cannot be used.',
    ({ problems }) => problems.length,
  ),
  engine(
    'mcp.lifeline.journal.reliable',
    'gauge',
    '1',
    '1 while the journal of calls can be written, else 0.',
    (snapshot) => (snapshot.engine.journalReliable ? 1 : 0),
  ),
  engine(
    'mcp.lifeline.audit.lost',
    'counter',
    '{record}',
    'Records that the audit trail has lost.',
    (snapshot) => snapshot.engine.audit?.lost,
  ),
  engine(
    'mcp.lifeline.telemetry.spans.sent',
    'counter',
    '{span}',
    'Spans that the collector has taken.',
    (_, own) => own.spansSent,
  ),
  engine(
    'mcp.lifeline.telemetry.spans.dropped',
    'counter',
    '{span}',
    'Spans that were dropped, because the collector did not take them in time.',
    (_, own) => own.spansDropped,
  ),
  engine('process.cpu.time', 'counter', 's', 'Processor time of the engine.', (_, own) => own.cpuSeconds),
  engine(
    'process.memory.usage',
    'gauge',
    'By',
    'Resident memory of the engine.',
    (_, own) => own.memoryBytes,
  ),
];

/** The metrics of the semantic conventions for MCP. */
export const durationMetrics = {
  server: {
    name: 'mcp.server.operation.duration',
    unit: 's',
    help: 'Time from a request of a client to its answer, with all waiting and all attempts.',
  },
  client: {
    name: 'mcp.client.operation.duration',
    unit: 's',
    help: 'Time from the moment a request was handed to the server to its answer, for each attempt.',
  },
} as const;
