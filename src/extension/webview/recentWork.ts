import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthView } from '../health/healthView.ts';
import { Recoveries } from './recoveries.ts';
import { RestartTimes } from './restartTimes.ts';

/** What a dashboard shows of the time before it was opened, as far as the engine does not remember it. */
export class RecentWork implements Disposable {
  readonly recoveries: Recoveries;
  readonly restarts: RestartTimes;
  readonly #store = new DisposableStore();

  constructor(
    engine: Pick<EngineClient, 'snapshot' | 'onDidChangeSnapshot' | 'onDidStartRecovery'>,
    clock: Clock,
    view: () => HealthView,
    onError: (error: unknown) => void,
  ) {
    this.recoveries = this.#store.add(new Recoveries(engine, clock, view, onError));
    this.restarts = new RestartTimes(clock);
    this.restarts.apply(engine.snapshot);
    this.#store.add(engine.onDidChangeSnapshot((snapshot) => this.restarts.apply(snapshot)));
  }

  dispose(): void {
    this.#store.dispose();
  }
}
