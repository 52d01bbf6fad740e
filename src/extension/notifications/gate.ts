import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { counted } from '../figures.ts';
import type { Translate } from '../translate.ts';
import type { MuteList } from './muteList.ts';
import { noticeKey, type Notice } from './notice.ts';

/** What comes within this time is told together. */
const GATHER_MS = 1_000;
/** Of many, so many are named in the one notification for all. */
const MAX_NAMED = 3;

/** Shows a notification; answers the title that was chosen, `undefined` when it was closed. */
export type ShowMessage = (
  severity: 'info' | Notice['severity'],
  message: string,
  titles: readonly string[],
) => PromiseLike<string | undefined>;

export interface GateOptions {
  readonly clock: Clock;
  readonly show: ShowMessage;
  readonly mutes: MuteList;
  readonly t: Translate;
  /** Shows all servers, and what is wrong with each. */
  readonly showDetails: () => void;
  readonly onError: (error: unknown) => void;
}

interface Told {
  notice: Notice;
  /** A person has been shown it, alone or among others. */
  isShown: boolean;
  /** A notification of it alone is on the screen, or in the editor's list, and nobody has answered it. */
  isOpen: boolean;
}

/**
 * The one way to a notification: one per server and cause while it lasts, one for all that come together, none that is muted. VS Code closes no message for
 * an extension (decision 57), so that of one that is over it is said that it is.
 */
export class NotificationGate implements Disposable {
  readonly #options: GateOptions;
  /** By who tells of them, what is the case now. */
  readonly #present = new Map<string, ReadonlySet<string>>();
  readonly #told = new Map<string, Told>();
  #waiting: readonly Notice[] = [];
  /** Was told, and has ended since, not longer than `GATHER_MS` ago. */
  #over: readonly Told[] = [];
  #timer: Disposable | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Everything that `source` has to tell now. What it told before and does not tell any more is over. */
  update(source: string, notices: readonly Notice[]): void {
    const keys = new Set(notices.map(noticeKey));
    const before = this.#present.get(source) ?? new Set();
    this.#present.set(source, keys);
    for (const key of before) if (!keys.has(key)) this.#end(key);
    for (const notice of notices) {
      const told = this.#told.get(noticeKey(notice));
      if (told !== undefined) told.notice = notice;
      else this.#begin(notice);
    }
  }

  /** A person has just been told of these servers, by what was asked for; that it is over needs no further word. */
  noteTold(servers: readonly string[]): void {
    for (const told of [...this.#told.values(), ...this.#over]) {
      const { server } = told.notice;
      if (server !== undefined && servers.includes(server)) told.isOpen = false;
    }
  }

  dispose(): void {
    this.#timer?.dispose();
  }

  #begin(notice: Notice): void {
    const key = noticeKey(notice);
    // Whoever was told a moment ago need not be told that it went and came: it is the same to a person.
    const back = this.#over.find((told) => noticeKey(told.notice) === key);
    if (back !== undefined) {
      this.#over = this.#over.filter((told) => told !== back);
      back.notice = notice;
      this.#told.set(key, back);
      return;
    }
    this.#told.set(key, { notice, isShown: false, isOpen: false });
    if (this.#options.mutes.has(notice)) return;
    this.#waiting = [...this.#waiting, notice];
    this.#tellSoon();
  }

  #end(key: string): void {
    const told = this.#told.get(key);
    this.#told.delete(key);
    this.#waiting = this.#waiting.filter((notice) => noticeKey(notice) !== key);
    if (told?.isShown !== true) return;
    this.#over = [...this.#over, told];
    this.#tellSoon();
  }

  #tellSoon(): void {
    this.#timer ??= this.#options.clock.setTimer(GATHER_MS, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    // As it is worded now.
    const fresh = this.#waiting.map((notice) => this.#told.get(noticeKey(notice))?.notice ?? notice);
    const over = this.#over.filter(({ isOpen }) => isOpen).map(({ notice }) => notice);
    this.#waiting = [];
    this.#over = [];
    for (const notice of fresh) this.#noteShown(notice);
    const [first] = fresh;
    if (fresh.length > 1) this.#run(this.#showAll(fresh));
    else if (first !== undefined) this.#run(this.#showOne(first));
    if (over.length > 0) this.#run(this.#showOver(over));
  }

  #noteShown(notice: Notice): void {
    const told = this.#told.get(noticeKey(notice));
    if (told !== undefined) told.isShown = true;
  }

  #run(work: Promise<void>): void {
    work.catch(this.#options.onError);
  }

  async #showOne(notice: Notice): Promise<void> {
    const { show, mutes, t } = this.#options;
    const mute = t('Mute');
    const told = this.#told.get(noticeKey(notice));
    if (told !== undefined) told.isOpen = true;
    const titles = [...notice.actions.map(({ title }) => title), mute];
    const chosen = await show(notice.severity, notice.message, titles);
    if (told !== undefined) told.isOpen = false;
    if (chosen === mute) await mutes.add(notice);
    const action = notice.actions.find(({ title }) => title === chosen);
    if (action === undefined) return;
    if (action.isForLater === true || this.#told.has(noticeKey(notice))) action.run();
    else await this.#showOver([notice]);
  }

  async #showAll(notices: readonly Notice[]): Promise<void> {
    const { show, showDetails, t } = this.#options;
    const named = notices.slice(0, MAX_NAMED).map((notice) => inWords(notice, t));
    const left = notices.length - named.length;
    const list = named.join('; ');
    const message =
      left === 0
        ? counted(
            t,
            notices.length,
            'One alert of MCP Lifeline: {1}.',
            '{0} alerts of MCP Lifeline: {1}.',
            list,
          )
        : counted(
            t,
            notices.length,
            'One alert of MCP Lifeline: {1} and {2} more.',
            '{0} alerts of MCP Lifeline: {1} and {2} more.',
            list,
            left,
          );
    const severity = notices.some((notice) => notice.severity === 'error') ? 'error' : 'warning';
    const details = t('Show Details');
    if ((await show(severity, message, [details])) === details) showDetails();
  }

  async #showOver(notices: readonly Notice[]): Promise<void> {
    const { show, t } = this.#options;
    const list = notices.slice(0, MAX_NAMED).map((notice) => inWords(notice, t));
    await show('info', t('No longer the case: {0}.', list.join('; ')), []);
  }
}

function inWords({ server, title }: Notice, t: Translate): string {
  return server === undefined ? title : t('"{0}" {1}', server, title);
}
