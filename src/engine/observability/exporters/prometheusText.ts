import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { SERVER, STATE } from './metricData.ts';

/** Prometheus' text format, version 0.0.4. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Base units as Prometheus names them; counts have none (prometheus.io, "Metric and label naming"). */
const suffixes: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };
/** Shorter than the attribute's whole name; no two are the same. */
const labels: Readonly<Record<string, string>> = { [SERVER]: 'server', [STATE]: 'state' };

/** The name as Prometheus has it; a counter's `_total` is put there by the serializer too, and stays one. */
export function prometheusName(
  { name, unit }: { readonly name: string; readonly unit: string },
  isCounter: boolean,
): string {
  const base = name.replaceAll('.', '_');
  const suffix = suffixes[unit];
  return `${base}${suffix === undefined ? '' : `_${suffix}`}${isCounter ? '_total' : ''}`;
}

function labelled(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [labels[key] ?? key.replaceAll('.', '_'), value]),
  );
}

function renamed(metric: MetricData): MetricData {
  const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
  const { descriptor } = metric;
  return {
    ...metric,
    descriptor: { ...descriptor, name: prometheusName(descriptor, isCounter), unit: '' },
    // The points are those of the same kind, with other labels.
    dataPoints: metric.dataPoints.map((point) => ({ ...point, attributes: labelled(point.attributes) })),
  } as MetricData;
}

/** The metrics as text; the official serializer writes it. */
export function prometheusText({ resource, scopeMetrics }: ResourceMetrics): string {
  const serializer = new PrometheusSerializer('', false, undefined, false, true);
  return serializer.serialize({
    resource,
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(renamed) })),
  });
}
