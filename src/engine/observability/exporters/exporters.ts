import {
  detectResources,
  resourceAttributesEnvDetector,
  serviceNameEnvDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { Snapshot } from '../../../shared/model/snapshot.ts';
import type { TelemetrySettings } from '../../../shared/settings/telemetrySettings.ts';
import type { CallTracer } from '../../pipeline/callTrace.ts';
import type { Observer } from '../observations.ts';
import { CallDurations } from './callDurations.ts';
import { CallRecorder } from './callRecorder.ts';
import { Collector } from './collector.ts';
import { metricsOf } from './metricData.ts';
import { PROMETHEUS_TYPE, prometheusText } from './prometheusText.ts';
import { SpanQueue } from './spanRecords.ts';
import { SpanWriter } from './spans.ts';

export interface ExportersOptions {
  readonly settings: TelemetrySettings;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly snapshot: () => Snapshot;
  readonly redact: (text: string) => string;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

/** Spans wait so long for each other, at most. */
const SPAN_INTERVAL_MS = 5_000;
/** So many are sent together: to write them takes a millisecond, for which calls wait. */
const SPAN_BATCH = 128;
/** When so many wait they are sent at once. */
const SEND_AT = 512;
/** What is left is sent at the end, if the collector takes it in this time. */
const FAREWELL_MS = 1_000;

/** Everything that tells others how the calls fare; it runs only while telemetry is switched on, and its code is loaded only then. */
export class Exporters {
  readonly #options: ExportersOptions;
  readonly #recorder: CallRecorder;
  readonly #durations: CallDurations;
  readonly #spans: SpanQueue | undefined;
  readonly #writer: SpanWriter;
  readonly #collector: Collector | undefined;
  readonly #resource: Resource;
  readonly #version: string;
  readonly #since: number;
  #sent = 0;
  #refused = 0;
  #spanTimer: Disposable | undefined;
  #metricTimer: Disposable | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isSending = false;
  #isStopped = false;

  constructor(options: ExportersOptions) {
    const { settings, environment, clock, snapshot, redact, log } = options;
    const { engine } = snapshot();
    this.#options = options;
    this.#since = clock.wallNow();
    this.#version = engine.version;
    this.#resource = resourceOf(engine);
    this.#durations = new CallDurations(settings.toolNames);
    this.#writer = new SpanWriter({ resource: this.#resource, version: engine.version, redact });
    if (settings.otlp !== undefined) {
      this.#collector = new Collector({ settings, environment, clock, log });
      this.#spans = new SpanQueue(() => this.#sendSpansIn(this.#spanIntervalMs));
      this.#sendMetricsLater();
    }
    const { sampling } = settings;
    this.#recorder = new CallRecorder({
      ...{ clock, durations: this.#durations, spans: this.#spans, sampling },
      onError: (error) => log('warn', `telemetry could not follow a call: ${String(error)}`),
    });
  }

  get tracer(): CallTracer {
    return this.#recorder;
  }

  get observer(): Observer {
    return {
      onCall: (call, outcome) => {
        this.#recorder.onCall(call, outcome);
        if ((this.#spans?.size ?? 0) >= SEND_AT && !this.#isSending) this.#sendSpansIn(0);
      },
    };
  }

  /** The metrics for Prometheus; `undefined` unless the settings ask for it. */
  get prometheus(): { readonly type: string; readonly text: string } | undefined {
    return this.#options.settings.prometheus
      ? { type: PROMETHEUS_TYPE, text: prometheusText(this.#metrics) }
      : undefined;
  }

  get #spanIntervalMs(): number {
    return Math.min(SPAN_INTERVAL_MS, this.#options.settings.intervalSeconds * 1_000);
  }

  get #metrics() {
    const { snapshot, clock } = this.#options;
    const { user, system } = process.cpuUsage();
    return metricsOf({
      snapshot: snapshot(),
      durations: this.#durations,
      own: {
        spansSent: this.#sent,
        spansDropped: this.#refused + (this.#spans?.dropped ?? 0),
        cpuSeconds: (user + system) / 1_000_000,
        memoryBytes: process.memoryUsage.rss(),
      },
      resource: this.#resource,
      version: this.#version,
      since: this.#since,
      now: clock.wallNow(),
    });
  }

  #sendMetricsLater(): void {
    const { clock, settings } = this.#options;
    this.#metricTimer = clock.setTimer(
      settings.intervalSeconds * 1_000,
      () =>
        void this.#sendMetrics().finally(() => {
          if (!this.#isStopped) this.#sendMetricsLater();
        }),
      { unref: true },
    );
  }

  async #sendMetrics(): Promise<void> {
    await this.#collector?.sendMetrics(this.#metrics);
  }

  #sendSpansIn(delayMs: number): void {
    if (this.#isStopped || this.#isSending) return;
    this.#spanTimer?.dispose();
    this.#spanTimer = this.#options.clock.setTimer(delayMs, () => void this.#sendSpans(), { unref: true });
  }

  /** One batch after the other, until none is left. */
  #sendSpans(): Promise<void> {
    if (!this.#isSending) {
      this.#isSending = true;
      this.#sending = this.#sendAllSpans().finally(() => (this.#isSending = false));
    }
    return this.#sending;
  }

  async #sendAllSpans(): Promise<void> {
    const { clock } = this.#options;
    while (this.#spans !== undefined && this.#spans.size > 0) {
      const batch = this.#spans.take(SPAN_BATCH).map((record) => this.#writer.write(record));
      const taken = await this.#collector?.sendSpans(batch);
      if (taken === true) this.#sent += batch.length;
      else this.#refused += batch.length;
      // Calls come first.
      await new Promise<void>((resolve) => void clock.setTimer(0, () => resolve()));
    }
  }

  /** Sends what is left, as far as the collector takes it in a second. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#spanTimer?.dispose();
    this.#metricTimer?.dispose();
    const collector = this.#collector;
    if (collector === undefined) return;
    const { clock } = this.#options;
    const rest = Promise.all([this.#sendSpans().then(() => this.#sendSpans()), this.#sendMetrics()]);
    const limit = Promise.withResolvers<undefined>();
    const timer = clock.setTimer(FAREWELL_MS, () => limit.resolve(undefined));
    await Promise.race([rest, limit.promise]);
    timer.dispose();
    collector.close();
  }
}

/** Who tells: the standard variables may add to it, or name the service otherwise. Nothing of the machine or the person. */
function resourceOf({ version, pid, startedAt }: Snapshot['engine']): Resource {
  return resourceFromAttributes({
    'service.name': 'mcp-lifeline',
    'service.version': version,
    'service.instance.id': `${pid}-${startedAt.toString(36)}`,
    'process.pid': pid,
  }).merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
}

export function startExporters(options: ExportersOptions): Exporters {
  return new Exporters(options);
}
