import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { Snapshot } from '../../../shared/model/snapshot.ts';
import { isTelemetryOn, type TelemetrySettings } from '../../../shared/settings/telemetrySettings.ts';
import type { CallTracer, Tracing } from '../../pipeline/callTrace.ts';
import type { Observations } from '../observations.ts';
import type { Exporters } from './exporters.ts';

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly observations: Observations;
  readonly environment: NodeJS.ProcessEnv;
  readonly snapshot: () => Snapshot;
  readonly redact: (text: string) => string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/**
 * The switch of telemetry (requirements R11.8): off until the settings say otherwise, whatever the environment holds. What does the work is loaded when it is
 * switched on, and taken out again when it is switched off; no restart is needed.
 */
export class Telemetry implements Tracing {
  readonly #options: TelemetryOptions;
  #settings = '';
  #running: { readonly exporters: Exporters; readonly observer: Disposable } | undefined;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: TelemetryOptions) {
    this.#options = options;
  }

  get tracer(): CallTracer | undefined {
    return this.#running?.exporters.tracer;
  }

  onError(error: unknown): void {
    this.#options.log('warn', `telemetry could not follow a call: ${String(error)}`);
  }

  /** The metrics for Prometheus, when changes of the settings have been carried out; `undefined` while it is off. */
  async prometheus(): Promise<Exporters['prometheus']> {
    await this.#work;
    return this.#running?.exporters.prometheus;
  }

  /** Takes settings over; returns at once. */
  configure(settings: TelemetrySettings): void {
    const text = JSON.stringify(settings);
    if (text === this.#settings || this.#isStopped) return;
    const isFirst = this.#settings === '';
    this.#settings = text;
    if (isFirst && !isTelemetryOn(settings)) return;
    this.#work = this.#work.then(() => this.#switch(settings, text));
  }

  /** Never rejects. */
  async #switch(settings: TelemetrySettings, text: string): Promise<void> {
    await this.#end();
    // Others have come meanwhile.
    if (this.#isOutdated(text) || !isTelemetryOn(settings)) return;
    const { observations, environment, log, ...options } = this.#options;
    if (/^true$/i.test(environment['OTEL_SDK_DISABLED']?.trim() ?? '')) {
      log('warn', 'telemetry stays off, because OTEL_SDK_DISABLED says so');
      return;
    }
    try {
      const { startExporters } = await import('./exporters.ts');
      if (this.#isOutdated(text)) return;
      const exporters = startExporters({ ...options, settings, environment, log });
      this.#running = { exporters, observer: observations.add(exporters.observer) };
      log('info', `telemetry is on: ${describe(settings)}`);
    } catch (error) {
      log('error', `telemetry could not be switched on: ${String(error)}`);
    }
  }

  #isOutdated(text: string): boolean {
    return text !== this.#settings || this.#isStopped;
  }

  async #end(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.observer.dispose();
    await running.exporters.stop();
  }

  /** Ends within about a second, whatever the collector does. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
    await this.#end();
  }
}

function describe({ prometheus, otlp }: TelemetrySettings): string {
  const parts = [
    ...(prometheus ? ['metrics at /metrics'] : []),
    ...(otlp === undefined ? [] : [`metrics and traces by OTLP (${otlp})`]),
  ];
  return parts.join(', ');
}
