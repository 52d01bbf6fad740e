import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import type { DashboardModel, DashboardWatched } from '../../shared/protocol/dashboardMessages.ts';
import type { EventsAnswer, EventsParams } from '../../shared/protocol/eventMessages.ts';
import type { History, HistoryParams } from '../../shared/protocol/historyMessages.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Translate } from '../translate.ts';
import { buildDashboard } from './dashboardModel.ts';
import type { RecentWork } from './recentWork.ts';
import { buildWatched } from './watchedModel.ts';

const HISTORY_LIMIT_MS = 2_000;
const limit = { timeoutMs: HISTORY_LIMIT_MS };

export interface DashboardSourceOptions {
  readonly clock: Clock;
  readonly engine: Pick<EngineClient, 'status' | 'snapshot' | 'getHistory' | 'getEvents' | 'getWatched'>;
  readonly model: HealthModel;
  readonly recent: Pick<RecentWork, 'recoveries' | 'restarts'>;
  readonly t: Translate;
  readonly onError: (error: unknown) => void;
}

/** What all dashboards of this window show. */
export class DashboardSource implements Disposable {
  readonly #options: DashboardSourceOptions;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<undefined>;
  #didTellError = false;

  constructor(options: DashboardSourceOptions) {
    const { model, recent, onError } = options;
    this.#options = options;
    this.#changed = this.#store.add(new Emitter<undefined>(onError));
    this.#store.add(model.onDidChange(() => this.#changed.fire(undefined)));
    this.#store.add(recent.recoveries.onDidChange(() => this.#changed.fire(undefined)));
  }

  /** Something that is shown may have changed. */
  get onDidChange(): Event<undefined> {
    return this.#changed.event;
  }

  get model(): DashboardModel {
    const { clock, model, recent, t } = this.#options;
    return buildDashboard(
      {
        view: model.view,
        now: clock.wallNow(),
        recoveryOf: (server) => recent.recoveries.of(server),
        restartedAt: (server) => recent.restarts.of(server),
      },
      t,
    );
  }

  /** Asks the engine. `undefined` when it does not tell; never rejects. */
  history(params: HistoryParams): Promise<History | undefined> {
    return this.#ask(() => this.#options.engine.getHistory(params, limit));
  }

  /** The same. */
  events(params: EventsParams): Promise<EventsAnswer | undefined> {
    return this.#ask(() => this.#options.engine.getEvents(params, limit));
  }

  /** The watched values of every server that has some. */
  async watched(windowMs: number): Promise<DashboardWatched[]> {
    const { engine, model, t } = this.#options;
    const watching = model.view.servers.flatMap(({ snapshot }) =>
      snapshot?.watched === undefined || snapshot.watched.length === 0 ? [] : [snapshot],
    );
    const all = await Promise.all(
      watching.map(async (snapshot) => {
        const history = await this.#ask(() => engine.getWatched({ server: snapshot.id }, limit));
        return history === undefined ? undefined : buildWatched(snapshot, history, windowMs, t);
      }),
    );
    return all.filter((watched) => watched !== undefined);
  }

  async #ask<T>(request: () => Promise<T>): Promise<T | undefined> {
    const { engine, onError } = this.#options;
    const isRunning = (): boolean => engine.status.kind === 'running';
    if (!isRunning()) return undefined;
    try {
      return await request();
    } catch (error) {
      // An engine of an earlier version does not know all of it, and is asked every few seconds.
      if (!this.#didTellError && isRunning()) onError(error);
      this.#didTellError = true;
      return undefined;
    }
  }

  dispose(): void {
    this.#store.dispose();
  }
}
