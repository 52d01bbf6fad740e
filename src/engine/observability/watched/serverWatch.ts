import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { MissReason, WatchedSnapshot } from '../../../shared/model/watched.ts';
import type { WatchedHistory } from '../../../shared/protocol/watchedMessages.ts';
import type { WatchEntry } from '../../../shared/settings/watch.ts';
import type { AlertHook } from '../alerts/alertHook.ts';
import { SampleTrack, type SampleResult } from './sampleTrack.ts';
import { isToolKnown, takeSample, type SampledLaunch, type SampledServer } from './takeSample.ts';

export interface WatchDeps {
  readonly clock: Clock;
  readonly alerts: Pick<AlertHook, 'raiseWatched' | 'clearWatched'>;
  readonly log: (level: 'info' | 'warn', message: string, server: string) => void;
}

/** A timer this late, or a wall clock this far ahead, tells of a sleep of the machine or a standstill of ours. */
const PAUSE_MS = 2_000;
/** While a sample is owed that cannot be asked for just now, it is looked at again so often. */
const LOOK_AGAIN_MS = 250;

/**
 * The watched values of one server: asks for each sample when it is due, over a connection that is there anyway. Without one nothing is done at all: no server is
 * started for a sample, kept running for one, or asked through a connection of its own.
 */
export class ServerWatch implements Disposable {
  readonly #deps: WatchDeps;
  readonly #server: SampledServer;
  /** Of each connection that is usable, the oldest first: a process that holds state of its own is asked as long as it lasts. */
  readonly #launches = new Map<string, SampledLaunch>();
  #tracks: readonly SampleTrack[] = [];
  /** Why a value could not be asked for until now; absent where it could. */
  readonly #hindrances = new Map<SampleTrack, MissReason>();
  #timer: { readonly disposable: Disposable; readonly plannedAt: number } | undefined;
  #wallAhead: number | undefined;
  readonly #told = new Map<string, string>();

  constructor(deps: WatchDeps, server: SampledServer) {
    this.#deps = deps;
    this.#server = server;
  }

  get hasTracks(): boolean {
    return this.#tracks.length > 0;
  }

  get hasLaunches(): boolean {
    return this.#launches.size > 0;
  }

  /** What the settings ask for. A value that they still ask for goes on as it was. */
  configure(entries: readonly WatchEntry[]): void {
    const before = this.#tracks;
    this.#tracks = entries.map(
      (entry) =>
        before.find((track) => isDeepStrictEqual(track.entry, entry)) ??
        new SampleTrack(entry, this.#deps.clock),
    );
    for (const track of this.#hindrances.keys())
      if (!this.#tracks.includes(track)) this.#hindrances.delete(track);
    for (const { entry } of before)
      if (!this.#tracks.some((track) => track.entry.name === entry.name)) this.#forget(entry.name);
    this.refresh();
  }

  #forget(name: string): void {
    this.#told.delete(name);
    this.#deps.alerts.clearWatched(this.#server.name, name);
  }

  /** A connection is usable, with this launch, or is not any more. */
  setLaunch(connection: string, launch: SampledLaunch | undefined): void {
    if (launch === undefined) this.#launches.delete(connection);
    else this.#launches.set(connection, launch);
    this.refresh();
  }

  /** Something is another way than it was: what nobody asked for is accounted for, and what is owed is asked for if that is possible now. */
  refresh(): void {
    if (this.#tracks.length === 0) {
      this.#plan();
      return;
    }
    this.#noteSleep();
    const launch = this.#launch;
    for (const track of this.#tracks) {
      track.pass(this.#hindrances.get(track) ?? 'paused');
      const hindrance = this.#hindranceNow(track, launch);
      if (hindrance !== undefined) this.#hindrances.set(track, hindrance);
      else if (track.isOwed && launch !== undefined) void this.#ask(track, launch);
      if (hindrance === undefined) this.#hindrances.delete(track);
    }
    this.#plan();
  }

  /** On Linux the monotonic clock stands still while the machine sleeps. */
  #noteSleep(): void {
    const { clock } = this.#deps;
    const ahead = clock.wallNow() - clock.now();
    const sleptMs = this.#wallAhead === undefined ? 0 : ahead - this.#wallAhead;
    this.#wallAhead = ahead;
    if (sleptMs < PAUSE_MS) return;
    for (const track of this.#tracks) track.noteSleep(sleptMs);
  }

  get #launch(): SampledLaunch | undefined {
    for (const launch of this.#launches.values()) if (!launch.hasEnded && !launch.isLingering) return launch;
    return undefined;
  }

  #hindranceNow({ entry }: SampleTrack, launch: SampledLaunch | undefined): MissReason | undefined {
    const { state, breaker, places } = this.#server;
    if (state === 'isolated' || state === 'stopped') return 'off';
    if (launch === undefined) return state === 'idle' ? 'idle' : 'away';
    // It has just come up, and has not listed its tools yet.
    if (!isToolKnown(entry, launch)) return 'away';
    return breaker.state === 'closed' && places.hasRoom ? undefined : 'heldBack';
  }

  async #ask(track: SampleTrack, launch: SampledLaunch): Promise<void> {
    track.begin(this.#hindrances.get(track) ?? 'paused');
    const result = await takeSample(track.entry, this.#server, launch);
    track.end(result);
    this.#tell(track, result);
    this.#server.touch();
    this.refresh();
  }

  #tell({ entry, stateOfLast }: SampleTrack, result: SampleResult): void {
    if (!this.#tracks.some((track) => track.entry === entry)) return; // not watched any more
    const { alerts, log } = this.#deps;
    const { name: server } = this.#server;
    if (result.kind === 'missed' && result.why !== undefined) {
      if (this.#told.get(entry.name) !== result.why)
        log('warn', `the watched value "${entry.name}" could not be sampled: ${result.why}`, server);
      this.#told.set(entry.name, result.why);
    }
    if (result.kind !== 'value') return;
    this.#told.delete(entry.name);
    if (stateOfLast !== 'below' && stateOfLast !== 'above') {
      alerts.clearWatched(server, entry.name);
      return;
    }
    const limit = stateOfLast === 'below' ? entry.min : entry.max;
    const what = `The watched value "${entry.name}" is ${result.value}, ${stateOfLast} its threshold of ${String(limit)}.`;
    alerts.raiseWatched(server, entry.name, what);
  }

  /** The next look: when a sample is due; soon, while one is owed. None without a connection: its coming is told. */
  #plan(): void {
    const { clock } = this.#deps;
    const dueInMs =
      this.#launch === undefined ? Infinity : Math.min(...this.#tracks.map(({ dueInMs: ms }) => ms));
    const inMs = dueInMs === 0 ? LOOK_AGAIN_MS : dueInMs;
    const at = clock.now() + inMs;
    // One that comes early does no harm.
    if (this.#timer !== undefined && Number.isFinite(at) && this.#timer.plannedAt <= at) return;
    this.#timer?.disposable.dispose();
    this.#timer = undefined;
    if (!Number.isFinite(inMs)) return;
    const disposable = clock.setTimer(inMs, () => this.#onTimer(at), { unref: true });
    this.#timer = { disposable, plannedAt: at };
  }

  #onTimer(plannedAt: number): void {
    this.#timer = undefined;
    if (this.#deps.clock.now() - plannedAt > PAUSE_MS) for (const track of this.#tracks) track.pass('paused');
    this.refresh();
  }

  /** Up to the moment. */
  get snapshot(): WatchedSnapshot[] {
    this.#bringUpToDate();
    return this.#tracks.map((track) => track.snapshot(this.#hindrances.get(track)));
  }

  get history(): WatchedHistory['watches'] {
    this.#bringUpToDate();
    return this.#tracks.map(({ entry: { name, min, max }, everyMs, entries }) => ({
      ...{ name, everyMs, entries: [...entries] },
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    }));
  }

  /** Who looks changes nothing but how far is accounted for. */
  #bringUpToDate(): void {
    for (const [track, hindrance] of this.#hindrances) track.pass(hindrance);
  }

  dispose(): void {
    this.#timer?.disposable.dispose();
    this.#timer = undefined;
    for (const { entry } of this.#tracks) this.#forget(entry.name);
    this.#tracks = [];
    this.#hindrances.clear();
  }
}
