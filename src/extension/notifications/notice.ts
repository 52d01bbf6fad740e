/** What a notice is about: an alert rule of the engine (requirements R11.3), or what only this side can tell. */
export type NoticeCause = string;

export interface NoticeAction {
  readonly title: string;
  readonly run: () => void;
  /** It makes sense also when what was told is over; else it is said that it is. */
  readonly isForLater?: boolean;
}

/** Something worth interrupting a person for. */
export interface Notice {
  readonly cause: NoticeCause;
  /** The server it is about; `undefined` for the whole extension. */
  readonly server: string | undefined;
  /** Which of several of that cause and server. */
  readonly subject?: string;
  readonly severity: 'warning' | 'error';
  readonly message: string;
  /** A few words, for one among others. */
  readonly title: string;
  readonly actions: readonly NoticeAction[];
}

/** One at a time is told of each. */
export function noticeKey({ cause, server = '', subject = '' }: Notice): string {
  return `${cause}:${server}\0${subject}`;
}
