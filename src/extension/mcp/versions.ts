import type { Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';

/**
 * A server has to be without a session for this long before its version changes. VS Code looks at definitions
 * half a second after the event, and stops what is running by then under another version.
 */
export const QUIET_MS = 3_000;

export interface VersionStore {
  read(): unknown;
  write(saved: SavedVersions): void;
}

/** Catalogue digests by server. */
export interface SavedVersions {
  readonly versions: Readonly<Record<string, string>>;
  readonly listed: Readonly<Record<string, string>>;
}

/**
 * The version of each server's definition: its last catalogue digest, by which VS Code knows that its remembered
 * tools are old. Frozen while the server has a session, because a changed version ends running calls.
 */
export class Versions implements Disposable {
  readonly #clock: Clock;
  readonly #store: VersionStore;
  readonly #onChange: () => void;
  readonly #versions: Map<string, string>;
  /** Catalogues that VS Code listed itself, under the version that the server has. */
  readonly #listed: Map<string, string>;
  readonly #quietSince = new Map<string, number>();
  #latest: readonly ServerSnapshot[] = [];
  #recheck: Disposable = toDisposable(() => undefined);

  constructor(clock: Clock, store: VersionStore, onChange: () => void) {
    this.#clock = clock;
    this.#store = store;
    this.#onChange = onChange;
    const saved = store.read();
    this.#versions = parseDigests(member(saved, 'versions'));
    this.#listed = parseDigests(member(saved, 'listed'));
  }

  versionOf(server: string): string | undefined {
    return this.#versions.get(server);
  }

  /** Takes note of a snapshot (`undefined`: the engine is gone, and with it all knowledge of sessions). */
  apply(snapshot: Snapshot | undefined): void {
    this.#recheck.dispose();
    this.#latest = snapshot?.servers ?? [];
    const now = this.#clock.now();
    const quiet = new Set(this.#latest.filter(({ sessions }) => sessions === 0).map(({ id }) => id));
    for (const id of [...this.#quietSince.keys()]) if (!quiet.has(id)) this.#quietSince.delete(id);
    for (const id of quiet) if (!this.#quietSince.has(id)) this.#quietSince.set(id, now);
    this.#adopt();
  }

  /**
   * VS Code has just listed what has this digest, so it keeps that under the version of now. Another version would make it
   * start a server only to list the same again.
   */
  noteListed(server: string, digest: string): void {
    this.#listed.set(server, digest);
    this.#save();
  }

  dispose(): void {
    this.#recheck.dispose();
  }

  #adopt(): void {
    const now = this.#clock.now();
    let changed = false;
    let waitMs = Number.POSITIVE_INFINITY;
    for (const { id, catalogue } of this.#latest) {
      const since = this.#quietSince.get(id);
      if (since === undefined || catalogue === undefined) continue;
      if ([this.#versions.get(id), this.#listed.get(id)].includes(catalogue.digest)) continue;
      const leftMs = since + QUIET_MS - now;
      if (leftMs > 0) {
        waitMs = Math.min(waitMs, leftMs);
        continue;
      }
      this.#versions.set(id, catalogue.digest);
      this.#listed.delete(id); // it was listed under the version before
      changed = true;
    }
    if (Number.isFinite(waitMs)) this.#recheck = this.#clock.setTimer(waitMs, () => this.#adopt());
    if (!changed) return;
    this.#save();
    this.#onChange();
  }

  #save(): void {
    this.#store.write({
      versions: Object.fromEntries(this.#versions),
      listed: Object.fromEntries(this.#listed),
    });
  }
}

/** Saved state is read as untrusted: whatever is not a short text by name is dropped. */
function parseDigests(value: unknown): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
  return new Map(
    Object.entries(value)
      .slice(0, 1_000)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length <= 128),
  );
}

function member(value: unknown, name: keyof SavedVersions): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
