import type { RecordFolder } from './recordFolder.ts';

/**
 * Where values of inputs are kept (requirements R1.4): secret ones in the editor's SecretStorage, others each in a file of its own. A value belongs to the place
 * whose settings define its input; those of a workspace are kept for that workspace alone.
 */

export interface Keeper {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

export interface SecretKeeper {
  get(key: string): PromiseLike<string | undefined>;
  store(key: string, value: string): PromiseLike<void>;
  delete(key: string): PromiseLike<void>;
}

/** Which value: the input's id, and whose settings define it. */
export interface InputPlace {
  readonly id: string;
  /** `user`, `workspace`, or `folder:` and its path. */
  readonly scope: string;
}

const PREFIX = 'mcpLifeline.input/';

/** What is kept of a value in the open: of a secret one only that there is one, because SecretStorage does not tell its keys. */
interface KeptValue {
  readonly key: string;
  /** Of which workspace; absent: of the user. */
  readonly workspace?: string;
  /** Absent for a secret. */
  readonly value?: string;
}

export interface InputStoreOptions {
  readonly secrets: SecretKeeper;
  readonly records: Pick<RecordFolder, 'read' | 'readAll' | 'write' | 'delete'>;
  /** Tells this workspace from others, because values are kept for all of them in one place. */
  readonly workspaceId: string;
}

export class InputStore {
  readonly #options: InputStoreOptions;

  constructor(options: InputStoreOptions) {
    this.#options = options;
  }

  async get(place: InputPlace, isSecret: boolean): Promise<string | undefined> {
    const key = this.#keyOf(place);
    if (isSecret) return this.#options.secrets.get(key);
    return parseKept(await this.#options.records.read(key))?.value;
  }

  async set(place: InputPlace, isSecret: boolean, value: string): Promise<void> {
    const { secrets, records, workspaceId } = this.#options;
    const key = this.#keyOf(place);
    const kept: KeptValue = {
      key,
      ...(place.scope === 'user' ? {} : { workspace: workspaceId }),
      ...(isSecret ? {} : { value }),
    };
    // First that there is one: a secret that is not noted could never be cleared.
    await records.write(key, kept);
    await (isSecret ? secrets.store(key, value) : secrets.delete(key));
  }

  /** All secret values that are kept for the user and for this workspace, to be taken out of texts. */
  async secretValues(): Promise<readonly string[]> {
    const own = await this.#ownRecords();
    const values = await Promise.all(own.map(({ key }) => this.#options.secrets.get(key)));
    return values.filter((value) => value !== undefined);
  }

  /** Deletes one value, secret or not. */
  async delete(place: InputPlace): Promise<void> {
    await this.#delete(this.#keyOf(place));
  }

  /** Deletes what is kept for the user and for this workspace; answers how many values that were. */
  async clear(): Promise<number> {
    let count = 0;
    for (const { key, value } of await this.#ownRecords()) {
      if ((value ?? (await this.#options.secrets.get(key))) !== undefined) count += 1;
      await this.#delete(key);
    }
    return count;
  }

  async #delete(key: string): Promise<void> {
    await this.#options.secrets.delete(key);
    await this.#options.records.delete(key);
  }

  async #ownRecords(): Promise<readonly KeptValue[]> {
    const { records, workspaceId } = this.#options;
    const all = (await records.readAll()).flatMap((saved) => parseKept(saved) ?? []);
    return all.filter(({ workspace = workspaceId }) => workspace === workspaceId);
  }

  #keyOf({ scope, id }: InputPlace): string {
    const whose = scope === 'user' ? '' : `${this.#options.workspaceId}/`;
    return `${PREFIX}${whose}${JSON.stringify([scope, id])}`;
  }
}

/** What was saved is read as untrusted. */
function parseKept(saved: unknown): KeptValue | undefined {
  if (typeof saved !== 'object' || saved === null) return undefined;
  const { key, workspace, value } = saved as Record<string, unknown>;
  if (typeof key !== 'string' || !key.startsWith(PREFIX)) return undefined;
  return {
    key,
    ...(typeof workspace === 'string' ? { workspace } : {}),
    ...(typeof value === 'string' ? { value } : {}),
  };
}
