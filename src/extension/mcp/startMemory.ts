import { createHash } from 'node:crypto';
import type { ConfiguredServer } from '../config/mergeServers.ts';

const MAX_ENTRIES = 1_000;

/**
 * A digest of what decides how a server is started; differs when its settings do. No secret can be read from it (the
 * settings may hold some), and the text itself is kept nowhere.
 */
export function fingerprintOf({ config }: ConfiguredServer): string {
  if (config === undefined) return '';
  const { lifeline, ...rest } = config;
  const text = JSON.stringify([rest, lifeline.enabled, lifeline.keepWarm]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export interface StartStore {
  read(): unknown;
  write(starts: Readonly<Record<string, string>>): void;
}

/** Which servers have been started once to learn their tools, and with what settings; survives the window. */
export class StartMemory {
  readonly #store: StartStore;
  #starts: Map<string, string>;

  constructor(store: StartStore) {
    this.#store = store;
    this.#starts = parseStarts(store.read());
  }

  has(server: string, fingerprint: string): boolean {
    return this.#starts.get(server) === fingerprint;
  }

  /** Remembers a start, whatever came of it. Servers that are not configured any more are forgotten. */
  note(server: string, fingerprint: string, configured: ReadonlySet<string>): void {
    this.#starts.set(server, fingerprint);
    this.#starts = new Map([...this.#starts].filter(([name]) => configured.has(name)).slice(-MAX_ENTRIES));
    this.#store.write(Object.fromEntries(this.#starts));
  }
}

/** Saved state is read as untrusted: whatever is not a short text by name is dropped. */
function parseStarts(value: unknown): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
  return new Map(
    Object.entries(value)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length <= 64)
      .slice(-MAX_ENTRIES),
  );
}
