/** A cause of one server that somebody does not want to be told of. */
export interface Mute {
  readonly cause: string;
  /** `undefined`: the whole extension. */
  readonly server: string | undefined;
}

export interface MuteStore {
  readonly read: () => unknown;
  /** Settles when a reload would not lose it. */
  readonly write: (keys: readonly string[]) => PromiseLike<void>;
}

const MAX_MUTED = 1_000;
const MAX_KEY = 512;

/** What is muted, over windows and restarts. What is saved is read anew each time: another window may have changed it. */
export class MuteList {
  readonly #store: MuteStore;

  constructor(store: MuteStore) {
    this.#store = store;
  }

  /** In the order in which they were muted. */
  get all(): readonly Mute[] {
    return this.#keys.map((key) => {
      const end = key.indexOf(':');
      const server = key.slice(end + 1);
      return { cause: key.slice(0, end), server: server === '' ? undefined : server };
    });
  }

  has(mute: Mute): boolean {
    return this.#keys.includes(keyOf(mute));
  }

  async add(mute: Mute): Promise<void> {
    if (!this.has(mute)) await this.#store.write([...this.#keys, keyOf(mute)].slice(-MAX_MUTED));
  }

  async remove(mutes: readonly Mute[]): Promise<void> {
    const gone = new Set(mutes.map(keyOf));
    await this.#store.write(this.#keys.filter((key) => !gone.has(key)));
  }

  get #keys(): readonly string[] {
    const saved = this.#store.read();
    if (!Array.isArray(saved)) return [];
    return saved
      .filter((key): key is string => typeof key === 'string' && key.length <= MAX_KEY && key.includes(':'))
      .slice(-MAX_MUTED);
  }
}

const keyOf = ({ cause, server = '' }: Mute): string => `${cause}:${server}`;
