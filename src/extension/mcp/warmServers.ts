import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';

/** A session this old is no leftover of the window before a reload. */
const SETTLED_MS = 5_000;
/** A new engine gets this long until its predecessor's sessions are back. */
const REJOIN_MS = 5_000;

/**
 * - `wanted`: it is to be started. `since`: when a session was first seen that we did not start.
 * - `up`: it has a session. `until`: an engine is new; until then the session may still come back.
 * - `left`: it lost its session and nothing of ours was the cause: a person stopped it.
 * - `failed`: VS Code refused to start it, under the engine of that process.
 */
type Phase =
  | { readonly kind: 'wanted'; readonly since?: number }
  | { readonly kind: 'up'; readonly until?: number }
  | { readonly kind: 'left' }
  | { readonly kind: 'failed' };

/**
 * Which of the servers with `keepWarm` have to be started now. A person's stop is respected: only a change of the
 * server's settings, or the next window, makes it wanted again. Pure but for its memory; time is handed in.
 */
export class WarmServers {
  readonly #servers = new Map<string, { readonly fingerprint: string; phase: Phase }>();
  #snapshot: Snapshot | undefined;
  #enginePid: number | undefined;

  /** The servers that are to be kept warm, each with a digest of its settings. */
  configure(servers: ReadonlyMap<string, string>): void {
    for (const name of [...this.#servers.keys()]) if (!servers.has(name)) this.#servers.delete(name);
    for (const [name, fingerprint] of servers) {
      if (this.#servers.get(name)?.fingerprint === fingerprint) continue;
      this.#servers.set(name, { fingerprint, phase: { kind: 'wanted' } });
    }
  }

  /** `undefined`: there is no engine that could tell. */
  apply(snapshot: Snapshot | undefined, now: number): void {
    this.#snapshot = snapshot;
    if (snapshot === undefined) return;
    const { pid } = snapshot.engine;
    const isNewEngine = this.#enginePid !== undefined && this.#enginePid !== pid;
    this.#enginePid = pid;
    for (const [name, server] of this.#servers) {
      if (isNewEngine && server.phase.kind === 'up') server.phase = { kind: 'up', until: now + REJOIN_MS };
      if (isNewEngine && server.phase.kind === 'failed') server.phase = { kind: 'wanted' };
      const seen = this.#find(name);
      if (seen !== undefined) server.phase = next(server.phase, seen.sessions > 0, now);
    }
  }

  /** Servers to start now, and the time after which to look again even if nothing else happens. */
  wanted(now: number): { readonly names: readonly string[]; readonly againInMs: number | undefined } {
    const names: string[] = [];
    let againAt = Number.POSITIVE_INFINITY;
    for (const [name, server] of this.#servers) {
      const seen = this.#find(name);
      if (seen === undefined) continue;
      server.phase = next(server.phase, seen.sessions > 0, now);
      const { phase } = server;
      if (phase.kind === 'wanted') {
        if (seen.sessions === 0 && seen.state === 'idle') names.push(name);
        else if (phase.since !== undefined) againAt = Math.min(againAt, phase.since + SETTLED_MS);
      } else if (phase.kind === 'up' && phase.until !== undefined) againAt = Math.min(againAt, phase.until);
    }
    return { names, againInMs: Number.isFinite(againAt) ? Math.max(0, againAt - now) : undefined };
  }

  /** What came of a start that was made because it was wanted. */
  noteStarted(name: string, fingerprint: string, hasSession: boolean): void {
    const server = this.#servers.get(name);
    if (server?.fingerprint === fingerprint) server.phase = { kind: hasSession ? 'up' : 'failed' };
  }

  #find(name: string): ServerSnapshot | undefined {
    return this.#snapshot?.servers.find(({ id }) => id === name);
  }
}

function next(phase: Phase, hasSession: boolean, now: number): Phase {
  switch (phase.kind) {
    case 'wanted': {
      if (!hasSession) return { kind: 'wanted' };
      const since = phase.since ?? now;
      return now - since >= SETTLED_MS ? { kind: 'up' } : { kind: 'wanted', since };
    }
    case 'up':
      if (hasSession) return { kind: 'up' };
      if (phase.until === undefined) return { kind: 'left' };
      return now >= phase.until ? { kind: 'wanted' } : phase;
    case 'left':
    case 'failed':
      return hasSession ? { kind: 'up' } : phase;
  }
}
