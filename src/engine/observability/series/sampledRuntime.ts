import type { Disposable } from '../../../shared/base/disposable.ts';
import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import type { ServerRuntime } from '../../servers/serverRuntime.ts';
import type { LatencyClasses } from './compactHistogram.ts';
import type { SampledServer } from './sampler.ts';

/** A server as the series look at it. */
export class SampledRuntime implements SampledServer {
  readonly key: object;
  readonly #runtime: ServerRuntime;

  constructor(runtime: ServerRuntime) {
    this.key = runtime;
    this.#runtime = runtime;
  }

  get name(): string {
    return this.#runtime.name;
  }

  get state(): ConnectionState {
    return this.#runtime.state;
  }

  get breaker(): BreakerStateName {
    return this.#runtime.breaker.state;
  }

  /** Those that a client was answered; what it took back is neither a success nor a failure. */
  get calls(): number {
    const { successful, failed } = this.#runtime.counters;
    return successful + failed;
  }

  get failures(): number {
    return this.#runtime.counters.failed;
  }

  get retries(): number {
    return this.#runtime.counters.retries;
  }

  get restarts(): number {
    return this.#runtime.outages.restarts;
  }

  get usableMs(): number {
    return this.#runtime.outages.uptime.reading.usableMs;
  }

  get downMs(): number {
    return this.#runtime.outages.uptime.reading.downMs;
  }

  get queued(): number {
    return this.#runtime.places.takeMostQueued();
  }

  follow(sink: LatencyClasses): Disposable {
    return this.#runtime.latency.follow(sink);
  }
}
