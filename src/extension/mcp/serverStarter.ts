import { sleep, type Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { AFTER_CHANGE_MS, type EditorServers } from './promiseKeeper.ts';
import { fingerprintOf, type StartMemory } from './startMemory.ts';
import { WarmServers } from './warmServers.ts';

/** A window that opens has more urgent things to do; and who uses a server at once needs no start of ours. */
const AFTER_ACTIVATION_MS = 5_000;
/** Settings that were just written may be half of what is meant, and half a command must not be run. */
const AFTER_SETTINGS_MS = 2_000;
const MAX_AT_ONCE = 2;
/** The engine gives a first start 120 s (`npx`) and has then said what is wrong; the editor has no limit at all. */
const START_LIMIT_MS = 130_000;
const STOP_LIMIT_MS = 30_000;
/** The editor drops a start of a server that it does not know yet, and says nothing. */
const MAX_TRIES = 3;
const TRY_AGAIN_MS = 1_000;
/** Between the editor having the tools and the engine having told of its catalogue. */
const CATALOGUE_LIMIT_MS = 5_000;
/** The editor's own lists follow a start; what runs longer than the limit is a call of somebody. */
const LISTS_MS = 1_000;
const LISTS_LIMIT_MS = 5_000;
/** Who waited for the tools calls them now: a stop would end that call. */
const STILL_MS = 2_000;
const STILL_POLL_MS = 100;

export interface ServerStarterOptions {
  readonly clock: Clock;
  readonly editor: EditorServers;
  readonly memory: StartMemory;
  /** Whether VS Code's settings and the workspace's trust let servers be started that nobody asked for. */
  readonly isAllowed: () => boolean;
  /** What is the case right now; `undefined` when there is no engine to ask. Never rejects. */
  readonly readSnapshot: () => Promise<Snapshot | undefined>;
  /** VS Code has listed the tools of a server whose catalogue has this digest. */
  readonly onListed: (server: string, digest: string) => void;
  readonly log: (message: string) => void;
}

/** `catalogue`: to learn its tools, then stopped again. `warm`: to stay. */
type Purpose = 'catalogue' | 'warm';
type Outcome = 'known' | 'failed' | 'not taken';

const outcomeWords: Readonly<Record<Outcome, string>> = {
  known: 'has been started',
  failed: 'did not come up',
  'not taken': 'was not started by VS Code, which may have switched it off',
};

interface Candidate {
  readonly name: string;
  readonly fingerprint: string;
  readonly purpose: Purpose;
}

/** A start under way. */
interface Run {
  readonly server: string;
  hasSession: boolean;
  readonly known: PromiseWithResolvers<Outcome>;
  readonly failed: PromiseWithResolvers<Outcome>;
}

const tiers = ['critical', 'high', 'medium'] as const;

/**
 * Starts servers before anybody uses them: each once, so that its tools are known, and those with `keepWarm` to stay. It
 * goes through VS Code, because only then VS Code knows the tools too.
 */
export class ServerStarter implements Disposable {
  readonly #options: ServerStarterOptions;
  readonly #warm = new WarmServers();
  readonly #runs = new Map<string, Run>();
  /** Servers that VS Code did not take, and with what settings: not asked for again in this window. */
  readonly #notTaken = new Map<string, string>();
  readonly #stopping = new AbortController();
  #servers: readonly ConfiguredServer[] = [];
  #latest: Snapshot | undefined;
  #notBefore: number;
  #recheck: Disposable = toDisposable(() => undefined);

  constructor(options: ServerStarterOptions, servers: readonly ConfiguredServer[]) {
    this.#options = options;
    this.#notBefore = options.clock.now() + AFTER_ACTIVATION_MS;
    this.#take(servers);
  }

  /** The settings changed. */
  configure(servers: readonly ConfiguredServer[]): void {
    this.#wait(AFTER_SETTINGS_MS);
    this.#take(servers);
    this.#check();
  }

  /** The provider has just told VS Code of changed definitions. */
  noteDefinitionsChanged(): void {
    this.#wait(AFTER_CHANGE_MS);
  }

  /** VS Code's settings or the workspace's trust changed: what is allowed, and what VS Code takes, may differ now. */
  recheck(): void {
    this.#notTaken.clear();
    this.#check();
  }

  apply(snapshot: Snapshot | undefined): void {
    this.#latest = snapshot;
    this.#warm.apply(snapshot, this.#options.clock.now());
    for (const run of this.#runs.values()) {
      const server = snapshot?.servers.find(({ id }) => id === run.server);
      if (server !== undefined) follow(run, server);
    }
    this.#check();
  }

  dispose(): void {
    this.#recheck.dispose();
    this.#stopping.abort();
  }

  #take(servers: readonly ConfiguredServer[]): void {
    this.#servers = servers.filter(({ enabled }) => enabled);
    const warm = this.#servers.filter(({ config }) => config?.lifeline.keepWarm === true);
    this.#warm.configure(new Map(warm.map((server) => [server.name, fingerprintOf(server)])));
  }

  #wait(forMs: number): void {
    this.#notBefore = Math.max(this.#notBefore, this.#options.clock.now() + forMs);
  }

  #check(): void {
    this.#recheck.dispose();
    if (this.#stopping.signal.aborted || this.#latest === undefined || !this.#options.isAllowed()) return;
    const now = this.#options.clock.now();
    const { names, againInMs } = this.#warm.wanted(now);
    const candidates = this.#candidates(new Set(names));
    const waitMs = candidates.length === 0 ? undefined : this.#notBefore - now;
    if (waitMs === undefined || waitMs > 0) {
      const inMs = Math.min(waitMs ?? Number.POSITIVE_INFINITY, againInMs ?? Number.POSITIVE_INFINITY);
      if (Number.isFinite(inMs)) this.#recheck = this.#options.clock.setTimer(inMs, () => this.#check());
      return;
    }
    for (const candidate of candidates) {
      if (this.#runs.size >= MAX_AT_ONCE) return;
      void this.#run(candidate);
    }
    if (againInMs !== undefined) this.#recheck = this.#options.clock.setTimer(againInMs, () => this.#check());
  }

  /** What is to be started, by tier, then in the order of the settings. */
  #candidates(wanted: ReadonlySet<string>): Candidate[] {
    const found: (Candidate & { readonly rank: number })[] = [];
    const seen = new Map(this.#latest?.servers.map((server) => [server.id, server]));
    for (const server of this.#servers) {
      const { name, config } = server;
      const snapshot = seen.get(name);
      if (config === undefined || snapshot === undefined || this.#runs.has(name)) continue;
      const fingerprint = fingerprintOf(server);
      if (this.#notTaken.get(name) === fingerprint) continue;
      const { keepWarm, tier } = config.lifeline;
      const isNew =
        snapshot.state === 'idle' &&
        snapshot.sessions === 0 &&
        snapshot.catalogue === undefined &&
        !this.#options.memory.has(name, fingerprint);
      if (keepWarm ? !wanted.has(name) : !isNew) continue;
      const purpose = keepWarm ? 'warm' : 'catalogue';
      found.push({ name, fingerprint, purpose, rank: tiers.indexOf(tier) });
    }
    return found.sort((a, b) => a.rank - b.rank);
  }

  async #run(candidate: Candidate): Promise<void> {
    const { name, fingerprint, purpose } = candidate;
    const { log, memory, onListed } = this.#options;
    const run: Run = {
      server: name,
      hasSession: false,
      known: Promise.withResolvers(),
      failed: Promise.withResolvers(),
    };
    this.#runs.set(name, run);
    try {
      log(`"${name}" is started ${purpose === 'warm' ? 'to be kept warm' : 'once, to learn its tools'}`);
      const outcome = await this.#start(run, purpose);
      log(`"${name}" ${outcomeWords[outcome]}`);
      if (outcome === 'not taken') this.#notTaken.set(name, fingerprint);
      else if (purpose === 'warm') this.#warm.noteStarted(name, fingerprint, run.hasSession);
      else {
        memory.note(name, fingerprint, new Set(this.#servers.map((server) => server.name)));
        const digest = this.#latest?.servers.find(({ id }) => id === name)?.catalogue?.digest;
        if (outcome === 'known' && digest !== undefined) onListed(name, digest);
        await this.#stopUnlessUsed(name);
      }
    } catch (error) {
      // Only the window's end gets here: nothing is to be done any more.
      if (!this.#stopping.signal.aborted)
        log(`"${name}" could not be started in the editor: ${String(error)}`);
    } finally {
      this.#runs.delete(name);
      this.#check();
    }
  }

  /** Has VS Code start it, and waits for what comes of that. Rejects only when the window closes. */
  async #start(run: Run, purpose: Purpose): Promise<Outcome> {
    const { clock, editor, log } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const started = editor.start(run.server).then(
        () => 'started' as const,
        (error: unknown) => {
          log(`"${run.server}" was not started by VS Code: ${String(error)}`);
          return 'failed' as const;
        },
      );
      const answer = await this.#within(START_LIMIT_MS, started, run.failed.promise);
      if (answer !== 'started') return 'failed';
      if (run.hasSession || tries === MAX_TRIES) break;
      await sleep(clock, TRY_AGAIN_MS, this.#stopping.signal);
    }
    if (!run.hasSession) return 'not taken';
    if (purpose === 'warm') return 'known';
    return (await this.#within(CATALOGUE_LIMIT_MS, run.known.promise, run.failed.promise)) ?? 'failed';
  }

  /** The server is to be idle again, but not under the hands of somebody who began to use it. */
  async #stopUnlessUsed(name: string): Promise<void> {
    const { editor, log } = this.#options;
    const use = await this.#watchUse(name);
    if (use === 'left') return;
    if (use === 'used') {
      log(`"${name}" is in use, and stays`);
      return;
    }
    const stopped = editor.stop(name).catch((error: unknown) => {
      log(`"${name}" could not be stopped in the editor: ${String(error)}`);
    });
    await this.#within(STOP_LIMIT_MS, stopped);
  }

  /** Whether somebody else than the editor itself uses a server that was just started; `left`: it has no session any more. */
  async #watchUse(name: string): Promise<'used' | 'unused' | 'left'> {
    const { clock, readSnapshot } = this.#options;
    const began = clock.now();
    let callsByNow: number | undefined;
    let stillUntil = began + LISTS_LIMIT_MS;
    for (;;) {
      // Asked for, because the latest one may be older than a call.
      const server = (await readSnapshot())?.servers.find(({ id }) => id === name);
      const now = clock.now();
      if (server?.sessions === 0) return 'left';
      const isBusy = server === undefined || server.metrics.inFlight + server.metrics.waiting > 0;
      if (callsByNow === undefined) {
        if (isBusy && now >= stillUntil) return 'used';
        if (!isBusy && now >= began + LISTS_MS) {
          callsByNow = server.metrics.total;
          stillUntil = now + STILL_MS;
        }
      } else if (isBusy || server.metrics.total !== callsByNow) return 'used';
      if (server !== undefined && server.sessions > 1) return 'used';
      if (callsByNow !== undefined && now >= stillUntil) return 'unused';
      await sleep(clock, STILL_POLL_MS, this.#stopping.signal);
    }
  }

  /** The first of the promises to settle, or `undefined` when it takes longer. Rejects when the window closes. */
  async #within<T>(limitMs: number, ...promises: Promise<T>[]): Promise<T | undefined> {
    const done = new AbortController();
    const tooLate = sleep(
      this.#options.clock,
      limitMs,
      AbortSignal.any([this.#stopping.signal, done.signal]),
    ).then(() => undefined);
    tooLate.catch(() => undefined); // ended early: somebody else was first
    try {
      return await Promise.race([...promises, tooLate]);
    } finally {
      done.abort();
    }
  }
}

/** Takes note of what a snapshot says of a start under way. */
function follow(run: Run, { sessions, state, catalogue }: ServerSnapshot): void {
  if (sessions > 0) run.hasSession = true;
  if (!run.hasSession) return;
  if (catalogue !== undefined) run.known.resolve('known');
  else if (state === 'crashLoop' || state === 'needsSignIn') run.failed.resolve('failed');
}
