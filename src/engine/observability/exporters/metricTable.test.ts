import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { emptyResource } from '@opentelemetry/resources';
import type { ServerSnapshot, Snapshot } from '../../../shared/model/snapshot.ts';
import { telemetryDefaults, telemetryLimits } from '../../../shared/settings/telemetrySettings.ts';
import { CallDurations, durationBoundaries, MAX_SERVERS, MAX_SERIES, MAX_TOOLS } from './callDurations.ts';
import { metricsOf } from './metricData.ts';
import {
  continuityMetrics,
  durationMetrics,
  engineMetrics,
  serverMetrics,
  stateMetrics,
} from './metricTable.ts';
import { prometheusName, prometheusText } from './prometheusText.ts';
import { MAX_QUEUED_SPANS } from './spanRecords.ts';

const docs = readFileSync(join(import.meta.dirname, '../../../../docs/telemetry.md'), 'utf8');
const rows = docs
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
const own = [
  ...[...serverMetrics, ...continuityMetrics, ...stateMetrics].map((spec) => ({ ...spec, of: 'server' })),
  ...engineMetrics.map((spec) => ({ ...spec, of: 'engine' })),
];

const server = (id: string): ServerSnapshot => ({
  id,
  state: 'ready',
  sentence: '',
  since: 0,
  breaker: { state: 'closed', failures: 0 },
  sessions: 1,
  pids: [],
  pool: { available: 1, max: 2 },
  metrics: {
    ...{ total: 1, successful: 2, failed: 3, brokenPipe: 4, timeouts: 5, breakerOpens: 6, retries: 7 },
    ...{ restarts: 8, outcomeUnknown: 9, inFlight: 10, waiting: 11 },
  },
  promiseBroken: false,
});
const snapshotOf = (servers: ServerSnapshot[]): Snapshot => ({
  version: 1,
  engine: { pid: 1, version: '1', startedAt: 0, journalReliable: true },
  servers,
  problems: [],
});
const collect = (servers: ServerSnapshot[]) =>
  metricsOf({
    snapshot: snapshotOf(servers),
    durations: new CallDurations(false),
    own: { spansSent: 0, spansDropped: 0, cpuSeconds: 0, memoryBytes: 0 },
    resource: emptyResource(),
    version: '1',
    since: 0,
    now: 1,
  });

describe('the metrics that are exported', () => {
  it('R11.8 are those of docs/telemetry.md, with the same names, kinds and words', () => {
    const expected = [
      ...own.map((spec) => [
        spec.name,
        prometheusName(spec, spec.kind === 'counter'),
        spec.kind,
        spec.help.replace(/\.$/, ''),
      ]),
      ...Object.values(durationMetrics).map((spec) => [
        spec.name,
        prometheusName(spec, false),
        'histogram',
        spec.help.replace(/\.$/, ''),
      ]),
    ];
    const documented = rows.filter(([name = '']) => /^(mcp|process)\.[\w.]+$/.test(name) && rows.length > 0);
    assert.deepEqual(documented.filter((row) => row.length === 4).toSorted(), expected.toSorted());
  });

  it('R11.8 the settings and bounds of docs/telemetry.md are those of the code', () => {
    const setting = (name: string) => rows.find(([key]) => key === name);
    assert.equal(setting('prometheus')?.[1], String(telemetryDefaults.prometheus));
    assert.equal(setting('interval')?.[1], String(telemetryDefaults.intervalSeconds));
    assert.equal(setting('sampling')?.[1], String(telemetryDefaults.sampling));
    assert.equal(setting('toolNames')?.[1], String(telemetryDefaults.toolNames));
    assert.ok(docs.includes(`${telemetryLimits.minInterval} to ${telemetryLimits.maxInterval}`));
    for (const [value, what] of [
      [MAX_SERVERS, 'servers'],
      [MAX_SERIES, 'series'],
      [MAX_TOOLS, 'names of tools'],
      [MAX_QUEUED_SPANS, 'spans'],
    ] as const)
      assert.ok(docs.includes(`${value.toLocaleString('en')} ${what}`), `${value} ${what}`);
    assert.ok(docs.includes(durationBoundaries.join(', ')));
  });

  it('R11.8 have the names that the semantic conventions have', () => {
    const conventional: ReadonlySet<unknown> = new Set(Object.values(conventions));
    for (const { name } of Object.values(durationMetrics)) assert.ok(conventional.has(name), name);
    for (const { name } of engineMetrics)
      if (name.startsWith('process.')) assert.ok(conventional.has(name), name);
    const names = own.map((spec) => prometheusName(spec, spec.kind === 'counter'));
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z][a-z0-9_]*$/);
    // A name that is also the beginning of another is no good (OpenTelemetry, naming).
    const all = own.map(({ name }) => name);
    assert.deepEqual(
      all.filter(
        (name) => name !== 'mcp.lifeline.state' && all.some((other) => other.startsWith(`${name}.`)),
      ),
      [],
    );
  });

  it('R14.3 tell of a bounded number of servers, and escape what a name holds', () => {
    const many = collect(Array.from({ length: 1_000 }, (_, n) => server(`s${n}`)));
    for (const { metrics } of many.scopeMetrics)
      for (const { dataPoints } of metrics) assert.ok(dataPoints.length <= MAX_SERVERS * 12);
    const text = prometheusText(collect([server('a"b\\c\nd')]));
    assert.ok(text.includes('mcp_lifeline_calls_taken_total{server="a\\"b\\\\c\\nd"} 1'));
    assert.ok(!text.includes('# UNIT'));
  });
});
