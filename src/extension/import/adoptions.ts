import { createHash } from 'node:crypto';
import type { Keeper, SecretKeeper } from '../inputs/inputStore.ts';
import { parseAdoption, type Adoption } from './adopt.ts';

const INDEX_KEY = 'mcpLifeline.adoptions';
const PREFIX = 'mcpLifeline.adoption/';
const MAX_KEPT = 200;

/** What was taken over, kept so that it can be given back after a reload. As secrets, because the files may hold some. */
export class Adoptions {
  readonly #secrets: SecretKeeper;
  readonly #state: Keeper;

  constructor(secrets: SecretKeeper, state: Keeper) {
    this.#secrets = secrets;
    this.#state = state;
  }

  get #keys(): string[] {
    const saved = this.#state.get(INDEX_KEY);
    return Array.isArray(saved)
      ? saved
          .filter((key): key is string => typeof key === 'string' && key.startsWith(PREFIX))
          .slice(-MAX_KEPT)
      : [];
  }

  /** The newest first. */
  async list(): Promise<readonly Adoption[]> {
    const saved = await Promise.all(this.#keys.map((key) => this.#secrets.get(key)));
    return saved
      .flatMap((text) => {
        try {
          return text === undefined ? [] : (parseAdoption(JSON.parse(text)) ?? []);
        } catch {
          return []; // nothing that could be given back
        }
      })
      .reverse();
  }

  async add(adoption: Adoption): Promise<void> {
    const key = keyOf(adoption);
    await this.#secrets.store(key, JSON.stringify(adoption));
    const keys = [...this.#keys.filter((other) => other !== key), key];
    await this.#state.update(INDEX_KEY, keys.slice(-MAX_KEPT));
    // Nobody could find it any more.
    for (const old of keys.slice(0, -MAX_KEPT)) await this.#secrets.delete(old);
  }

  async remove(adoption: Adoption): Promise<void> {
    const key = keyOf(adoption);
    await this.#state.update(
      INDEX_KEY,
      this.#keys.filter((other) => other !== key),
    );
    await this.#secrets.delete(key);
  }
}

function keyOf({ file, name }: Adoption): string {
  return (
    PREFIX +
    createHash('sha256')
      .update(JSON.stringify([file, name]))
      .digest('hex')
      .slice(0, 32)
  );
}
