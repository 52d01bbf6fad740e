/** Something worth interrupting a person for. */
export interface Notice {
  /** The server it is about; `undefined` for the whole extension. */
  readonly server: string | undefined;
  readonly cause: 'crashLoop' | 'settings' | 'engine';
  readonly severity: 'warning' | 'error';
  readonly message: string;
  readonly actions: readonly { readonly title: string; readonly run: () => void }[];
}

export interface NoticeBoard {
  /** Shows a notification; answers the title that was chosen. */
  show(severity: Notice['severity'], message: string, titles: readonly string[]): Promise<string | undefined>;
  /** Causes the user does not want to hear of again. */
  readMuted(): unknown;
  writeMuted(keys: readonly string[]): void;
}

const MAX_MUTED = 1_000;

/**
 * The one way to a notification: at most one per server and cause while this window lives, and none that the user
 * has switched off. What comes and goes is seen in status bar and tree.
 */
export class NotificationGate {
  readonly #board: NoticeBoard;
  readonly #dontShowAgain: string;
  readonly #told = new Set<string>();
  readonly #muted: Set<string>;

  constructor(board: NoticeBoard, dontShowAgain: string) {
    this.#board = board;
    this.#dontShowAgain = dontShowAgain;
    const saved = board.readMuted();
    this.#muted = new Set(
      Array.isArray(saved) ? saved.filter((key) => typeof key === 'string').slice(0, MAX_MUTED) : [],
    );
  }

  /** Settles when the notification was answered or closed, at once when it is not shown. */
  async tell(notice: Notice): Promise<void> {
    const key = `${notice.cause}:${notice.server ?? ''}`;
    if (this.#told.has(key) || this.#muted.has(key)) return;
    this.#told.add(key);
    const titles = [...notice.actions.map(({ title }) => title), this.#dontShowAgain];
    const chosen = await this.#board.show(notice.severity, notice.message, titles);
    if (chosen === this.#dontShowAgain) {
      this.#muted.add(key);
      this.#board.writeMuted([...this.#muted].slice(-MAX_MUTED));
    }
    notice.actions.find(({ title }) => title === chosen)?.run();
  }
}
