import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView, ServerView } from '../health/healthView.ts';
import { stateSentence } from '../health/words.ts';
import type { Translate } from '../translate.ts';
import type { NotificationGate } from './gate.ts';

/** A settings file is often wrong for a moment while somebody writes it. */
const PROBLEMS_STAND_MS = 5_000;
/** Single failed starts happen (the old engine is just ending); these many in a row are worth a word. */
const ENGINE_TRIES = 3;
const MAX_SENTENCE = 300;

export interface HealthWatchOptions {
  readonly clock: Clock;
  readonly gate: NotificationGate;
  readonly t: Translate;
  readonly onError: (error: unknown) => void;
  readonly actions: {
    showLog(server: string | undefined): void;
    forceRecovery(server: string): void;
    startEngine(): void;
    showProblems(): void;
  };
}

/** A notification is for a glance; the log has all of it. */
function shortened(text: string): string {
  return text.length <= MAX_SENTENCE ? text : `${text.slice(0, MAX_SENTENCE)}…`;
}

/** Decides what is worth a notification: a server that keeps failing, settings that stay wrong, no engine. */
export class HealthWatch implements Disposable {
  readonly #options: HealthWatchOptions;
  readonly #model: Pick<HealthModel, 'view'>;
  readonly #store = new DisposableStore();
  #problemsTimer: Disposable | undefined;

  constructor(model: Pick<HealthModel, 'view' | 'onDidChange'>, options: HealthWatchOptions) {
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
    for (const server of view.servers) {
      if (server.health === 'failed') {
        this.#tellCrashLoop(server);
      }
    }
    if (view.engine.kind === 'recovering' && view.engine.failedTries >= ENGINE_TRIES) {
      this.#tellEngine(view.engine.reason);
    }
    if (view.problems.length === 0) {
      this.#problemsTimer?.dispose();
      this.#problemsTimer = undefined;
    } else {
      this.#problemsTimer ??= this.#options.clock.setTimer(PROBLEMS_STAND_MS, () => this.#tellProblems());
    }
  }

  #tell(notice: Parameters<NotificationGate['tell']>[0]): void {
    this.#options.gate.tell(notice).catch(this.#options.onError);
  }

  #tellCrashLoop({ name: server, snapshot }: ServerView): void {
    const { t, actions } = this.#options;
    const sentence = snapshot === undefined ? '' : stateSentence(snapshot, t);
    this.#tell({
      server,
      cause: 'crashLoop',
      severity: 'error',
      message: t('MCP server "{0}": {1}', server, shortened(sentence)),
      actions: [
        { title: t('Show Log'), run: () => actions.showLog(server) },
        { title: t('Force Recovery'), run: () => actions.forceRecovery(server) },
      ],
    });
  }

  #tellEngine(reason: string): void {
    const { t, actions } = this.#options;
    this.#tell({
      server: undefined,
      cause: 'engine',
      severity: 'error',
      message: t(
        'The MCP Lifeline engine cannot be started: {0}. It is tried again every few seconds.',
        reason,
      ),
      actions: [
        { title: t('Show Log'), run: () => actions.showLog(undefined) },
        { title: t('Try Now'), run: () => actions.startEngine() },
      ],
    });
  }

  #tellProblems(): void {
    const { t, actions } = this.#options;
    const { problems } = this.#model.view;
    const [first] = problems;
    if (first === undefined) return;
    this.#tell({
      server: undefined,
      cause: 'settings',
      severity: 'warning',
      message:
        problems.length === 1
          ? t('A setting of MCP Lifeline cannot be used: {0} {1}.', first.path, first.message)
          : t(
              '{0} settings of MCP Lifeline cannot be used. The first: {1} {2}.',
              problems.length,
              first.path,
              first.message,
            ),
      actions: [{ title: t('Show All'), run: () => actions.showProblems() }],
    });
  }
}
