import type { WriteStream } from 'node:tty';
import type { Clock } from '../../shared/base/clock.ts';
import { sleep } from '../../shared/base/clock.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import { durationText } from './durationText.ts';
import type { StatusView } from './statusText.ts';
import { coloured, shortened, wantsColours } from './table.ts';

/** The other screen, no cursor, nothing wrapped; and back (xterm control sequences: DECSET 1049, 25, 7). */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** What stands between is shown at once (DEC mode 2026); terminals that do not know it pass over it. */
const BEGIN = '\u001b[?2026h\u001b[H';
const END = '\u001b[0J\u001b[?2026l';
const CLEAR_REST_OF_LINE = '\u001b[0K';

export interface WatchOptions {
  readonly clock: Clock;
  readonly output: WriteStream;
  readonly intervalMs: number;
  readonly asJson: boolean;
  /** What was read already. */
  readonly first: Snapshot;
  readonly read: () => Promise<Snapshot>;
  readonly text: (snapshot: Snapshot, view: StatusView) => string;
  /** Told where nothing can be redrawn: the engine has left, or is back. */
  readonly note: (why: string) => void;
}

/**
 * Shows the status again and again until a signal ends it: redrawn in place on a terminal, else one block, or JSON line, after the other. An engine that
 * goes away is waited for.
 */
export async function watchStatus(options: WatchOptions): Promise<void> {
  const { clock, intervalMs, output } = options;
  const stop = new AbortController();
  const onEnd = (): void => stop.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onEnd);
  // Nobody looks any more.
  output.on('error', onEnd);
  const page = output.isTTY && !options.asJson ? new ScreenPage(options) : new PlainPage(options);
  let goneSince: number | undefined;
  let snapshot = options.first;
  try {
    page.show(snapshot, undefined);
    for (;;) {
      await sleep(clock, intervalMs, stop.signal);
      try {
        snapshot = await unlessAborted(options.read(), stop.signal);
        goneSince = undefined;
        page.show(snapshot, undefined);
      } catch (error) {
        stop.signal.throwIfAborted();
        // Whatever it is that cannot be read now: it may be there again the next time.
        goneSince ??= clock.now();
        const why = error instanceof Error ? error.message : String(error);
        page.show(snapshot, { why, forMs: clock.now() - goneSince });
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    page.close();
    for (const signal of signals) process.off(signal, onEnd);
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('ended'));
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

interface Absence {
  readonly why: string;
  readonly forMs: number;
}

const waiting = ({ why, forMs }: Absence): string =>
  `waiting for the engine${forMs < 1_000 ? '' : ` for ${durationText(forMs)}`}; below is what was known last (${why})`;

/** A terminal that nobody has told its size (a container, `script`) says 0; it is taken for one of the usual size. */
function sizeOf({ columns, rows }: WriteStream): { readonly width: number; readonly rows: number } {
  return { width: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/** On a terminal: always the same page. */
class ScreenPage {
  readonly #options: WatchOptions;
  #lines: readonly string[] = [];
  #last: Parameters<ScreenPage['show']> | undefined;
  /** When what is shown was read: what is known of an engine that is away does not grow older. */
  #readAt = 0;
  readonly #redraw = (): void => {
    if (this.#last !== undefined) this.show(...this.#last);
  };
  readonly #suspend = (): void => {
    this.#options.output.write(LEAVE);
    process.kill(process.pid, 'SIGSTOP');
  };
  readonly #resume = (): void => {
    this.#options.output.write(ENTER);
    this.#redraw();
  };

  constructor(options: WatchOptions) {
    this.#options = options;
    options.output.write(ENTER);
    options.output.on('resize', this.#redraw);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#resume);
  }

  show(snapshot: Snapshot, absence: Absence | undefined): void {
    const { output, clock } = this.#options;
    if (this.#last?.[0] !== snapshot) this.#readAt = clock.wallNow();
    this.#last = [snapshot, absence];
    this.#lines = this.#pageOf(snapshot, absence);
    if (output.writableNeedDrain) return; // the terminal is slow; what it shows next is newer anyway
    const shown = this.#lines.slice(0, sizeOf(output).rows);
    const left = this.#lines.length - shown.length;
    if (left > 0) shown[shown.length - 1] = shortened(`… ${left + 1} more lines`, sizeOf(output).width);
    output.write(BEGIN + shown.map((line) => line + CLEAR_REST_OF_LINE).join('\n') + END);
  }

  #pageOf(snapshot: Snapshot, absence: Absence | undefined): string[] {
    const { text, output, intervalMs } = this.#options;
    const now = this.#readAt;
    const { width } = sizeOf(output);
    const isColoured = wantsColours(output);
    const head =
      absence === undefined
        ? `${new Date(now).toLocaleTimeString()}, every ${intervalMs / 1_000} s`
        : waiting(absence);
    const colour = absence === undefined ? 'dim' : 'yellow';
    return [
      coloured(shortened(head, width), colour, isColoured),
      ...text(snapshot, { now, isColoured, width }).split('\n'),
    ];
  }

  /** Leaves the terminal as it was, with the last page on it. */
  close(): void {
    const { output } = this.#options;
    output.off('resize', this.#redraw);
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#resume);
    output.write(`${LEAVE}${this.#lines.join('\n')}\n`);
  }
}

/** Into a file or a pipe: one after the other. */
class PlainPage {
  readonly #options: WatchOptions;
  #isAway = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  show(snapshot: Snapshot, absence: Absence | undefined): void {
    const { clock, text, output, asJson, note } = this.#options;
    if (absence !== undefined) {
      if (!this.#isAway) note(`${absence.why} Waiting for it.`);
      this.#isAway = true;
      return;
    }
    if (this.#isAway) note(`The engine is back (pid ${snapshot.engine.pid}).`);
    this.#isAway = false;
    if (output.writableNeedDrain) return; // who reads late, reads fewer
    const now = clock.wallNow();
    const block = text(snapshot, { now, isColoured: wantsColours(output) });
    output.write(asJson ? `${block}\n` : `${new Date(now).toISOString()}\n${block}\n\n`);
  }

  close(): void {
    // Nothing was changed that would have to be put back.
  }
}
