import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Event } from '../../shared/base/emitter.ts';
import type {
  DashboardHistory,
  DashboardModel,
  HostMessage,
} from '../../shared/protocol/dashboardMessages.ts';

/** Figures follow each other at most this often; a change of a state goes out at once. */
const POST_INTERVAL_MS = 250;
const HISTORY_INTERVAL_MS = 5_000;

/** The part of the source that one page needs. */
export interface FeedSource {
  readonly model: DashboardModel;
  readonly onDidChange: Event<undefined>;
  history(): Promise<DashboardHistory | undefined>;
}

/** One page, as its host sees it. */
export interface FeedTarget {
  post(message: HostMessage): void;
}

/**
 * Keeps one page up to date while somebody can see it. A page that is hidden gets nothing, and everything when it is shown
 * again: what it had may be gone with it.
 */
export class DashboardFeed implements Disposable {
  readonly #clock: Clock;
  readonly #source: FeedSource;
  readonly #target: FeedTarget;
  readonly #store = new DisposableStore();
  #isVisible = false;
  #shown = { everything: '', states: '' };
  #lastPostAt = -Infinity;
  #pending: Disposable | undefined;
  #historyTimer: Disposable | undefined;
  /** Counts the times that the page was shown; an answer for an earlier time is dropped. */
  #showing = 0;

  constructor(clock: Clock, source: FeedSource, target: FeedTarget) {
    this.#clock = clock;
    this.#source = source;
    this.#target = target;
    this.#store.add(source.onDidChange(() => this.#update()));
    this.#store.add(toDisposable(() => this.setVisible(false)));
  }

  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    if (isVisible) {
      this.postAll();
      return;
    }
    this.#showing += 1;
    this.#pending?.dispose();
    this.#pending = undefined;
    this.#historyTimer?.dispose();
    this.#historyTimer = undefined;
  }

  /** The page is new, or shown again: it has nothing. */
  postAll(): void {
    if (!this.#isVisible) return;
    this.#showing += 1;
    this.#shown = { everything: '', states: '' };
    this.#update();
    this.#historyTimer?.dispose();
    void this.#followHistory(this.#showing);
  }

  dispose(): void {
    this.#store.dispose();
  }

  #update(): void {
    if (!this.#isVisible) return;
    const { model } = this.#source;
    const next = { everything: JSON.stringify({ ...model, now: 0 }), states: statesOf(model) };
    if (next.everything === this.#shown.everything) return;
    const waitMs = this.#lastPostAt + POST_INTERVAL_MS - this.#clock.now();
    if (next.states === this.#shown.states && waitMs > 0) {
      this.#pending ??= this.#clock.setTimer(waitMs, () => {
        this.#pending = undefined;
        this.#update();
      });
      return;
    }
    this.#pending?.dispose();
    this.#pending = undefined;
    this.#lastPostAt = this.#clock.now();
    this.#shown = next;
    this.#target.post({ kind: 'model', model });
  }

  async #followHistory(showing: number): Promise<void> {
    const history = await this.#source.history();
    if (showing !== this.#showing) return;
    if (history !== undefined) this.#target.post({ kind: 'history', history });
    // What is worth showing only for a while goes without anything else having changed.
    this.#update();
    this.#historyTimer = this.#clock.setTimer(HISTORY_INTERVAL_MS, () => void this.#followHistory(showing));
  }
}

/** What a person must not see late: everything but figures. */
function statesOf({ tone, notices, cards }: DashboardModel): string {
  return JSON.stringify([
    tone,
    notices.map(({ key, text }) => [key, text]),
    cards.map((card) => [card.name, card.state, card.recent?.at, card.recovery?.kind, card.canRecover]),
  ]);
}
