import { createHash } from 'node:crypto';
import type { SecretKeeper } from '../inputs/inputStore.ts';
import type { RecordFolder } from '../inputs/recordFolder.ts';
import { parseAdoption, type Adoption } from './adopt.ts';

const PREFIX = 'mcpLifeline.adoption/';
const MAX_KEPT = 200;

/** That there is one, and which came after which. */
interface Entry {
  readonly key: string;
  readonly order: number;
}

/** What was taken over, kept so that it can be given back after a reload. As secrets, because the files may hold some. */
export class Adoptions {
  readonly #secrets: SecretKeeper;
  readonly #records: RecordFolder;

  constructor(secrets: SecretKeeper, records: RecordFolder) {
    this.#secrets = secrets;
    this.#records = records;
  }

  /** The newest first. */
  async list(): Promise<readonly Adoption[]> {
    const entries = (await this.#entries()).slice(0, MAX_KEPT);
    const saved = await Promise.all(entries.map(({ key }) => this.#secrets.get(key)));
    return saved.flatMap((text) => {
      try {
        return text === undefined ? [] : (parseAdoption(JSON.parse(text)) ?? []);
      } catch {
        return []; // nothing that could be given back
      }
    });
  }

  async add(adoption: Adoption): Promise<void> {
    const key = keyOf(adoption);
    const others = (await this.#entries()).filter((entry) => entry.key !== key);
    await this.#secrets.store(key, JSON.stringify(adoption));
    await this.#records.write(key, { key, order: (others[0]?.order ?? 0) + 1 });
    // Nobody could find it any more.
    for (const old of others.slice(MAX_KEPT - 1)) await this.#forget(old.key);
  }

  async remove(adoption: Adoption): Promise<void> {
    await this.#forget(keyOf(adoption));
  }

  async #forget(key: string): Promise<void> {
    await this.#records.delete(key);
    await this.#secrets.delete(key);
  }

  /** The newest first; of two windows' at once, in whatever order. */
  async #entries(): Promise<readonly Entry[]> {
    const entries = (await this.#records.readAll()).flatMap((saved) => parseEntry(saved) ?? []);
    return entries.sort((one, other) => other.order - one.order);
  }
}

/** What was saved is read as untrusted. */
function parseEntry(saved: unknown): Entry | undefined {
  const { key, order } = (saved ?? {}) as Record<string, unknown>;
  const isUsable = typeof key === 'string' && key.startsWith(PREFIX) && Number.isSafeInteger(order);
  return isUsable ? { key, order: order as number } : undefined;
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
