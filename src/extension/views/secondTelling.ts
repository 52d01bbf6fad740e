import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { compareRows, type Row, type RowChanges } from './row.ts';

/** After rows were handed out, for how long a change is told once more; the editor takes rows in within a few milliseconds. */
export const TAKING_IN_MS = 1_000;

/**
 * Tells once more what changed while the editor took rows in.
 *
 * It forgets a change that reaches its window together with rows that it had asked for (observed in VS Code 1.139: a change directly after
 * the first rows was lost each time, and the row stayed as it was until its next change). As far as its code shows, the change names a row
 * that is not there yet, and the question for all rows that follows is merged with the one just answered.
 */
export class SecondTelling implements Disposable {
  readonly #clock: Clock;
  readonly #rows: () => readonly Row[];
  readonly #tell: (changes: RowChanges) => void;
  #timer: Disposable | undefined;
  /** What was handed out first while the timer runs. */
  #later: readonly Row[] | undefined;

  /**
   * @param rows what the tree shows now
   * @param tell is only called when something changed
   */
  constructor(clock: Clock, rows: () => readonly Row[], tell: (changes: RowChanges) => void) {
    this.#clock = clock;
    this.#rows = rows;
    this.#tell = tell;
  }

  /** The editor is given rows now. */
  noteHandedOut(): void {
    if (this.#timer === undefined) this.#watch(this.#rows());
    else this.#later ??= this.#rows();
  }

  dispose(): void {
    this.#timer?.dispose();
  }

  #watch(handedOut: readonly Row[]): void {
    this.#timer = this.#clock.setTimer(TAKING_IN_MS, () => {
      const later = this.#later;
      this.#later = undefined;
      this.#timer = undefined;
      if (later !== undefined) this.#watch(later);
      const changes = compareRows(handedOut, this.#rows());
      if (changes.isListChanged || changes.changed.length > 0) this.#tell(changes);
    });
  }
}
