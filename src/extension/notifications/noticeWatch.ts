import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import type { Translate } from '../translate.ts';
import { alertNotices, type NoticeActions } from './alertNotices.ts';
import type { NotificationGate } from './gate.ts';
import { windowNotices } from './windowNotices.ts';

/** A settings file is often wrong for a moment while somebody writes it. */
const PROBLEMS_STAND_MS = 5_000;

export interface NoticeWatchOptions {
  readonly clock: Clock;
  readonly gate: Pick<NotificationGate, 'update'>;
  readonly t: Translate;
  readonly actions: NoticeActions;
}

/** Hands over to the gate what there is to tell: the engine's alerts as they are, and what this window knows by itself. */
export class NoticeWatch implements Disposable {
  readonly #options: NoticeWatchOptions;
  readonly #model: Pick<HealthModel, 'view'>;
  readonly #store = new DisposableStore();
  #problemsTimer: Disposable | undefined;
  #haveProblemsStood = false;

  constructor(model: Pick<HealthModel, 'view' | 'onDidChange'>, options: NoticeWatchOptions) {
    this.#options = options;
    this.#model = model;
    this.#store.add(model.onDidChange((view) => this.#look(view)));
    this.#store.add(toDisposable(() => this.#problemsTimer?.dispose()));
    this.#look(model.view);
  }

  dispose(): void {
    this.#store.dispose();
  }

  #look(view: HealthView): void {
    const { gate, actions, t } = this.#options;
    this.#watchProblems(view);
    // Without an engine nobody knows which alerts are over.
    if (view.hasSnapshot) gate.update('alerts', alertNotices(view, actions, t));
    gate.update('window', windowNotices(view, { haveProblemsStood: this.#haveProblemsStood }, actions, t));
  }

  #watchProblems(view: HealthView): void {
    if (view.problems.length === 0) {
      this.#problemsTimer?.dispose();
      this.#problemsTimer = undefined;
      this.#haveProblemsStood = false;
      return;
    }
    this.#problemsTimer ??= this.#options.clock.setTimer(PROBLEMS_STAND_MS, () => {
      this.#haveProblemsStood = true;
      this.#look(this.#model.view);
    });
  }
}
