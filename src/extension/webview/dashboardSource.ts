import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import type { DashboardHistory, DashboardModel } from '../../shared/protocol/dashboardMessages.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Translate } from '../translate.ts';
import { buildDashboard } from './dashboardModel.ts';
import { buildHistory } from './historyModel.ts';
import { Recoveries } from './recoveries.ts';
import { RestartTimes } from './restartTimes.ts';

const HISTORY_LIMIT_MS = 2_000;

export interface DashboardSourceOptions {
  readonly clock: Clock;
  readonly engine: Pick<
    EngineClient,
    'status' | 'snapshot' | 'getHistory' | 'onDidChangeSnapshot' | 'onDidStartRecovery'
  >;
  readonly model: HealthModel;
  readonly t: Translate;
  readonly onError: (error: unknown) => void;
}

/** What all dashboards of this window show. */
export class DashboardSource implements Disposable {
  readonly #options: DashboardSourceOptions;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<undefined>;
  readonly #recoveries: Recoveries;
  readonly #restarts: RestartTimes;
  #didTellHistoryError = false;

  constructor(options: DashboardSourceOptions) {
    const { clock, engine, model, onError } = options;
    this.#options = options;
    this.#changed = this.#store.add(new Emitter<undefined>(onError));
    this.#recoveries = this.#store.add(new Recoveries(engine, clock, () => model.view, onError));
    this.#restarts = new RestartTimes(clock);
    this.#restarts.apply(engine.snapshot);
    this.#store.add(engine.onDidChangeSnapshot((snapshot) => this.#restarts.apply(snapshot)));
    this.#store.add(model.onDidChange(() => this.#changed.fire(undefined)));
    this.#store.add(this.#recoveries.onDidChange(() => this.#changed.fire(undefined)));
  }

  /** Something that is shown may have changed. */
  get onDidChange(): Event<undefined> {
    return this.#changed.event;
  }

  get model(): DashboardModel {
    const { clock, model, t } = this.#options;
    return buildDashboard(
      {
        view: model.view,
        now: clock.wallNow(),
        recoveryOf: (server) => this.#recoveries.of(server),
        restartedAt: (server) => this.#restarts.of(server),
      },
      t,
    );
  }

  /** Asks the engine. `undefined` when it does not tell; never rejects. */
  async history(): Promise<DashboardHistory | undefined> {
    const { engine, t, onError } = this.#options;
    const isRunning = (): boolean => engine.status.kind === 'running';
    if (!isRunning()) return undefined;
    try {
      return buildHistory(await engine.getHistory({}, { timeoutMs: HISTORY_LIMIT_MS }), t);
    } catch (error) {
      // An engine of an earlier version knows no history, and is asked every few seconds.
      if (!this.#didTellHistoryError && isRunning()) onError(error);
      this.#didTellHistoryError = true;
      return undefined;
    }
  }

  dispose(): void {
    this.#store.dispose();
  }
}
