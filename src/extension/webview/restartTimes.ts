import type { Clock } from '../../shared/base/clock.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';

/**
 * When each server was last started again, as far as this window saw it. A restart can be over in 150 ms: a person who
 * looks at the state alone sees nothing of it.
 */
export class RestartTimes {
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly restarts: number; readonly at: number | undefined }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a snapshot in; without an engine there is none, and what is known stays. */
  apply(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    const present = new Set(snapshot.servers.map(({ id }) => id));
    for (const id of [...this.#known.keys()]) if (!present.has(id)) this.#known.delete(id);
    for (const { id, metrics } of snapshot.servers) {
      const { restarts } = metrics;
      const before = this.#known.get(id);
      // Fewer than before: another engine counts now.
      const isNew = before !== undefined && restarts > before.restarts;
      this.#known.set(id, { restarts, at: isNew ? this.#clock.wallNow() : before?.at });
    }
  }

  /** Wall-clock milliseconds; `undefined` when none was seen. */
  of(server: string): number | undefined {
    return this.#known.get(server)?.at;
  }
}
