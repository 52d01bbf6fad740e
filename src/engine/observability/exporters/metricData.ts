import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ServerSnapshot, Snapshot } from '../../../shared/model/snapshot.ts';
import { durationBoundaries, MAX_SERVERS, type CallDurations, type DurationSeries } from './callDurations.ts';
import {
  continuityMetrics,
  durationMetrics,
  engineMetrics,
  serverMetrics,
  stateMetrics,
  type MetricSpec,
  type OwnFigures,
} from './metricTable.ts';

export const SCOPE = 'mcp-lifeline';
export const SERVER = 'mcp.lifeline.server';
export const STATE = 'mcp.lifeline.state';

/** Wall-clock milliseconds as OpenTelemetry writes them. */
export function hrTime(wallMs: number): HrTime {
  const seconds = Math.floor(wallMs / 1_000);
  return [seconds, Math.round((wallMs - seconds * 1_000) * 1_000_000)];
}

export interface MetricSource {
  readonly snapshot: Snapshot;
  readonly durations: CallDurations;
  readonly own: OwnFigures;
  readonly resource: Resource;
  readonly version: string;
  /** Wall-clock milliseconds since when durations are counted, and now. */
  readonly since: number;
  readonly now: number;
}

/** Everything there is to tell, in OpenTelemetry's form; counters are cumulative since the engine's start. */
export function metricsOf(source: MetricSource): ResourceMetrics {
  const { snapshot, durations, own, resource, version } = source;
  const start = hrTime(snapshot.engine.startedAt);
  const end = hrTime(source.now);
  const point = <T>(attributes: Attributes, value: T): DataPoint<T> => ({
    attributes,
    value,
    startTime: start,
    endTime: end,
  });
  const servers = snapshot.servers.slice(0, MAX_SERVERS);
  const label = ({ id }: ServerSnapshot): Attributes => ({ [SERVER]: id });
  const metrics: MetricData[] = [
    ...[...serverMetrics, ...continuityMetrics].map((spec) =>
      numbers(
        spec,
        servers.flatMap((server) => {
          const value = spec.value(server);
          return value === undefined ? [] : [point(label(server), value)];
        }),
      ),
    ),
    ...stateMetrics.map((spec) =>
      numbers(
        spec,
        servers.flatMap((server) =>
          spec.states.map((state) =>
            point({ ...label(server), [STATE]: state }, spec.state(server) === state ? 1 : 0),
          ),
        ),
      ),
    ),
    ...engineMetrics.map((spec) => {
      const value = spec.value(snapshot, own);
      return numbers(spec, value === undefined ? [] : [point({}, value)]);
    }),
    ...(['server', 'client'] as const).map((side) =>
      histogram(
        durationMetrics[side],
        durations.all
          .filter((series) => series.side === side)
          .map((series) => ({
            ...point(durationLabels(series), bucketsOf(series)),
            startTime: hrTime(source.since),
          })),
      ),
    ),
  ];
  return {
    resource,
    scopeMetrics: [
      { scope: { name: SCOPE, version }, metrics: metrics.filter(({ dataPoints }) => dataPoints.length > 0) },
    ],
  };
}

function numbers(spec: MetricSpec, dataPoints: DataPoint<number>[]): MetricData {
  const { name, unit, help: description, kind } = spec;
  const descriptor = { name, description, unit, valueType: ValueType.DOUBLE };
  const base = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE, dataPoints };
  return kind === 'counter'
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...base, dataPointType: DataPointType.GAUGE };
}

type HistogramPoint = Extract<MetricData, { dataPointType: DataPointType.HISTOGRAM }>['dataPoints'][number];

function histogram(
  { name, unit, help }: { readonly name: string; readonly unit: string; readonly help: string },
  dataPoints: HistogramPoint[],
): MetricData {
  return {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints,
  };
}

function durationLabels({ server, method, tool, errorType }: DurationSeries): Attributes {
  return {
    [SERVER]: server,
    'mcp.method.name': method,
    ...(tool === undefined ? {} : { 'gen_ai.tool.name': tool }),
    ...(errorType === undefined ? {} : { 'error.type': errorType }),
  };
}

function bucketsOf({ counts, count, sumSeconds }: DurationSeries): HistogramPoint['value'] {
  return { buckets: { boundaries: [...durationBoundaries], counts: [...counts] }, count, sum: sumSeconds };
}
