/**
 * Where values of inputs are kept (requirements R1.4): secret ones in the editor's SecretStorage, others in its state. A value belongs to the place
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

const VALUES_KEY = 'mcpLifeline.inputValues';
const SECRETS_KEY = 'mcpLifeline.inputSecrets';
const PREFIX = 'mcpLifeline.input/';
const MAX_KEPT = 1_000;

export class InputStore {
  readonly #options: {
    readonly secrets: SecretKeeper;
    readonly global: Keeper;
    readonly workspace: Keeper;
    /** Tells this workspace from others, because secrets are kept for all of them in one place. */
    readonly workspaceId: string;
  };

  constructor(options: {
    readonly secrets: SecretKeeper;
    readonly global: Keeper;
    readonly workspace: Keeper;
    readonly workspaceId: string;
  }) {
    this.#options = options;
  }

  async get(place: InputPlace, isSecret: boolean): Promise<string | undefined> {
    if (isSecret) return this.#options.secrets.get(this.#secretKey(place));
    return this.#values(place).get(nameOf(place));
  }

  async set(place: InputPlace, isSecret: boolean, value: string): Promise<void> {
    const keeper = this.#keeper(place);
    if (!isSecret) {
      const values = this.#values(place);
      values.set(nameOf(place), value);
      await keeper.update(VALUES_KEY, Object.fromEntries([...values].slice(-MAX_KEPT)));
      return;
    }
    await this.#options.secrets.store(this.#secretKey(place), value);
    // SecretStorage does not tell its keys in every editor; without them nothing could be cleared.
    const keys = new Set(listOf(keeper.get(SECRETS_KEY))).add(this.#secretKey(place));
    await keeper.update(SECRETS_KEY, [...keys].slice(-MAX_KEPT));
  }

  /** All secret values that are kept for the user and for this workspace, to be taken out of texts. */
  async secretValues(): Promise<readonly string[]> {
    const { global, workspace, secrets } = this.#options;
    const keys = [global, workspace].flatMap((keeper) => listOf(keeper.get(SECRETS_KEY)));
    const values = await Promise.all(keys.map((key) => secrets.get(key)));
    return values.filter((value) => value !== undefined);
  }

  /** Deletes one value, secret or not. */
  async delete(place: InputPlace): Promise<void> {
    const keeper = this.#keeper(place);
    const key = this.#secretKey(place);
    await this.#options.secrets.delete(key);
    const keys = listOf(keeper.get(SECRETS_KEY));
    if (keys.includes(key))
      await keeper.update(
        SECRETS_KEY,
        keys.filter((other) => other !== key),
      );
    const values = this.#values(place);
    if (values.delete(nameOf(place))) await keeper.update(VALUES_KEY, Object.fromEntries(values));
  }

  /** Deletes what is kept for the user and for this workspace; answers how many values that were. */
  async clear(): Promise<number> {
    const { global, workspace, secrets } = this.#options;
    let count = 0;
    for (const keeper of [global, workspace]) {
      for (const key of listOf(keeper.get(SECRETS_KEY))) {
        await secrets.delete(key);
        count += 1;
      }
      count += valuesOf(keeper.get(VALUES_KEY)).size;
      await keeper.update(SECRETS_KEY, undefined);
      await keeper.update(VALUES_KEY, undefined);
    }
    return count;
  }

  #keeper({ scope }: InputPlace): Keeper {
    return scope === 'user' ? this.#options.global : this.#options.workspace;
  }

  #values(place: InputPlace): Map<string, string> {
    return valuesOf(this.#keeper(place).get(VALUES_KEY));
  }

  #secretKey(place: InputPlace): string {
    const whose = place.scope === 'user' ? '' : `${this.#options.workspaceId}/`;
    return `${PREFIX}${whose}${nameOf(place)}`;
  }
}

function nameOf({ scope, id }: InputPlace): string {
  return JSON.stringify([scope, id]);
}

/** Saved state is read as untrusted. */
function valuesOf(saved: unknown): Map<string, string> {
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) return new Map();
  return new Map(
    Object.entries(saved).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function listOf(saved: unknown): string[] {
  return Array.isArray(saved)
    ? saved.filter((key): key is string => typeof key === 'string' && key.startsWith(PREFIX))
    : [];
}
