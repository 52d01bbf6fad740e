import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ENDING = '.json';
/** Nobody has so many; a folder that somebody filled is not read for ever. */
const MAX_RECORDS = 10_000;

/**
 * Small things that are kept, each in a file of its own: the editor writes its state of an extension as a whole, from what a window last saw of it, so that of two
 * windows that write at once one loses what the other wrote (decision 96).
 */
export class RecordFolder {
  readonly #path: string;

  /** `path` is made when something is kept. */
  constructor(path: string) {
    this.#path = path;
  }

  /** `undefined` where there is none, and where it cannot be read. */
  async read(key: string): Promise<unknown> {
    return this.#readFile(nameOf(key));
  }

  /** Those that can be read, in no order. */
  async readAll(): Promise<readonly unknown[]> {
    const names = await readdir(this.#path).catch(() => []);
    const records = names.filter((name) => name.endsWith(ENDING)).slice(0, MAX_RECORDS);
    const values = await Promise.all(records.map((name) => this.#readFile(name)));
    return values.filter((value) => value !== undefined);
  }

  async write(key: string, value: unknown): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    // Whoever reads meanwhile sees the one or the other, never a half.
    const draft = join(this.#path, `${randomUUID()}.tmp`);
    try {
      await writeFile(draft, JSON.stringify(value), { mode: 0o600 });
      await rename(draft, join(this.#path, nameOf(key)));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await rm(join(this.#path, nameOf(key)), { force: true });
  }

  async #readFile(name: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(join(this.#path, name), 'utf8')) as unknown;
    } catch {
      return undefined; // gone, or nothing of ours: then there is no such record
    }
  }
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32) + ENDING;
}
