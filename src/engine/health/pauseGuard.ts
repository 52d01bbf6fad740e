/** A timer of ours that fires this much late tells that we stood still, not that servers were silent. */
const LOCAL_PAUSE_MS = 2_000;
/** A pause this long is no stall of a program: the machine slept (where its monotonic clock goes on meanwhile). */
const SLEEP_MS = 30_000;

/** What the time between two ticks was: nothing special; a pause of our own process; a sleep of the machine. */
export type TickKind = 'normal' | 'pause' | 'wake';

/**
 * Judges our own timer before it judges others (Cassandra's local pause, Lifeguard): a late tick is our own standstill, and a wall clock that
 * ran ahead of the monotonic one is a machine that slept (Linux stops the monotonic clock meanwhile, macOS and Windows do not).
 */
export class PauseGuard {
  #wallAhead: number | undefined;

  /** Notes a tick that was planned for `plannedAt` and came at `now` (monotonic), at `wallNow`. */
  tick(plannedAt: number, now: number, wallNow: number): TickKind {
    const ahead = wallNow - now;
    const jumpedMs = this.#wallAhead === undefined ? 0 : ahead - this.#wallAhead;
    this.#wallAhead = ahead;
    const lateMs = now - plannedAt;
    if (jumpedMs > LOCAL_PAUSE_MS || lateMs > SLEEP_MS) return 'wake';
    return lateMs > LOCAL_PAUSE_MS ? 'pause' : 'normal';
  }

  /** Nobody has ticked for a while: what the clocks did meanwhile is no news. */
  reset(): void {
    this.#wallAhead = undefined;
  }
}
