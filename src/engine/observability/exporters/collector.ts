import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../../shared/base/clock.ts';
import { OTLP_FROM_ENVIRONMENT, type TelemetrySettings } from '../../../shared/settings/telemetrySettings.ts';

/** The official exporters give a batch so long, tries again included; the environment may say otherwise. */
const TIMEOUT_MS = 10_000;
/** Whatever the collector does, its connections are cut then: one that answers a byte at a time is never done. */
const HARD_LIMIT_MS = 30_000;
const MAX_WORDS = 200;

export interface CollectorOptions {
  readonly settings: Pick<TelemetrySettings, 'otlp' | 'headers'>;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

/** Why a batch was not taken; `undefined` when it was. */
type Verdict = string | undefined;

/**
 * The collector that metrics and traces go to, by OTLP/HTTP with protobuf. Sending never rejects and ends in bounded time; that a collector cannot be reached, and
 * that it can again, is told once.
 */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #agents: (HttpAgent | HttpsAgent)[] = [];
  readonly #traces: OTLPTraceExporter;
  readonly #metrics: OTLPMetricExporter;
  #failures = 0;
  #isClosed = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    const { settings, environment } = options;
    const common = (signal: 'traces' | 'metrics') => ({
      ...urlOf(settings.otlp, signal),
      headers: { ...settings.headers },
      concurrencyLimit: 2,
      ...(environment['OTEL_EXPORTER_OTLP_TIMEOUT'] === undefined ? { timeoutMillis: TIMEOUT_MS } : {}),
      httpAgentOptions: (protocol: string) => this.#agent(protocol, signal),
      userAgent: 'mcp-lifeline',
    });
    this.#traces = new OTLPTraceExporter(common('traces'));
    this.#metrics = new OTLPMetricExporter(common('metrics'));
  }

  sendSpans(spans: ReadableSpan[]): Promise<boolean> {
    return this.#send((done) => this.#traces.export(spans, done));
  }

  sendMetrics(metrics: ResourceMetrics): Promise<boolean> {
    return this.#send((done) => this.#metrics.export(metrics, done));
  }

  /** Cuts whatever is under way. */
  close(): void {
    this.#isClosed = true;
    for (const agent of this.#agents) agent.destroy();
  }

  async #send(send: (done: (result: ExportResult) => void) => void): Promise<boolean> {
    if (this.#isClosed) return false;
    const limit = this.#options.clock.setTimer(
      HARD_LIMIT_MS,
      () => this.#agents.forEach((agent) => agent.destroy()),
      { unref: true },
    );
    const verdict = await new Promise<Verdict>((resolve) => {
      try {
        send(({ code, error }) =>
          resolve(code === ExportResultCode.SUCCESS ? undefined : (error?.message ?? 'no reason given')),
        );
      } catch (error) {
        resolve(String(error));
      }
    });
    limit.dispose();
    this.#note(verdict);
    return verdict === undefined;
  }

  #note(verdict: Verdict): void {
    if (this.#isClosed) return;
    const { log } = this.#options;
    if (verdict === undefined) {
      if (this.#failures > 0)
        log(
          'info',
          `the telemetry collector takes what it is sent again; ${this.#failures} batches were lost`,
        );
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    const words = verdict.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS);
    if (this.#failures === 1)
      log(
        'warn',
        `the telemetry collector does not take what it is sent (${words}); it is dropped until it does`,
      );
  }

  /** As the official exporters make it, but known, so that it can be cut. */
  #agent(protocol: string, signal: 'traces' | 'metrics'): HttpAgent | HttpsAgent {
    const agent =
      protocol === 'http:'
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({ keepAlive: true, ...this.#certificates(signal) });
    this.#agents.push(agent);
    return agent;
  }

  #certificates(signal: string): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
    const { environment, log } = this.#options;
    const read = (what: string): Buffer | undefined => {
      const variable = [
        `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${what}`,
        `OTEL_EXPORTER_OTLP_${what}`,
      ].find((name) => (environment[name] ?? '') !== '');
      if (variable === undefined) return undefined;
      try {
        return readFileSync(environment[variable] ?? '');
      } catch {
        log('warn', `the file that ${variable} names cannot be read; it is not used`);
        return undefined;
      }
    };
    const [ca, cert, key] = [read('CERTIFICATE'), read('CLIENT_CERTIFICATE'), read('CLIENT_KEY')];
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
  }
}

/** The setting's address, with the path of the signal; without one the exporters read the environment. */
function urlOf(otlp: string | undefined, signal: 'traces' | 'metrics'): { url?: string } {
  if (otlp === undefined || otlp === OTLP_FROM_ENVIRONMENT) return {};
  return { url: `${otlp.replace(/\/+$/, '')}/v1/${signal}` };
}
