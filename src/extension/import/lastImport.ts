import { createHash, randomUUID } from 'node:crypto';
import type { Keeper, SecretKeeper } from '../inputs/inputStore.ts';

const STATE_KEY = 'mcpLifeline.lastImport';
const PREFIX = 'mcpLifeline.lastImport/';

/** What was added to the settings of one scope by the last import, or by the wizard. */
export interface SavedImport {
  readonly scope: 'user' | 'workspace';
  /** With a digest of the entry, so that one that was changed since is not deleted. */
  readonly servers: readonly { readonly name: string; readonly digest: string }[];
  /** Ids. */
  readonly inputs: readonly string[];
  /** Ids of inputs whose values were put into the secret storage. */
  readonly secrets: readonly string[];
  /** The key of the file's text before and after, which is kept as a secret: a settings file may hold some. */
  readonly file?: string;
}

/** The settings file that an import changed, as a URI; `before` is `null` when it was not there. */
export interface SavedFile {
  readonly uri: string;
  readonly before: string | null;
  readonly after: string;
}

/** Remembers the last import of this workspace, so that it can be taken back, also after a reload. */
export class LastImport {
  readonly #secrets: SecretKeeper;
  readonly #state: Keeper;

  constructor(secrets: SecretKeeper, state: Keeper) {
    this.#secrets = secrets;
    this.#state = state;
  }

  digestOf(entry: unknown): string {
    return createHash('sha256').update(JSON.stringify(entry)).digest('hex').slice(0, 32);
  }

  list(): readonly SavedImport[] {
    const saved = this.#state.get(STATE_KEY);
    return Array.isArray(saved) ? saved.flatMap((one) => parseSaved(one) ?? []) : [];
  }

  async fileOf({ file }: SavedImport): Promise<SavedFile | undefined> {
    if (file === undefined) return undefined;
    try {
      return parseFile(JSON.parse((await this.#secrets.get(file)) ?? 'null'));
    } catch {
      return undefined; // then the file is edited, and not put back as a whole
    }
  }

  /** Forgets the import before, too. */
  async note(
    parts: readonly (Omit<SavedImport, 'file'> & { readonly changed?: SavedFile | undefined })[],
  ): Promise<void> {
    const old = this.list();
    const saved: SavedImport[] = [];
    for (const { changed, ...part } of parts) {
      const file = changed === undefined ? undefined : PREFIX + randomUUID();
      if (file !== undefined) await this.#secrets.store(file, JSON.stringify(changed));
      saved.push(file === undefined ? part : { ...part, file });
    }
    await this.#state.update(STATE_KEY, saved);
    for (const { file } of old) if (file !== undefined) await this.#secrets.delete(file);
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** Saved state is read as untrusted. */
function parseSaved(saved: unknown): SavedImport | undefined {
  if (typeof saved !== 'object' || saved === null) return undefined;
  const { scope, servers, inputs, secrets = [], file } = saved as Record<string, unknown>;
  if ((scope !== 'user' && scope !== 'workspace') || !Array.isArray(servers)) return undefined;
  if (!isTexts(inputs) || !isTexts(secrets)) return undefined;
  const named = servers.flatMap((server: unknown) => {
    const { name, digest } = (server ?? {}) as Record<string, unknown>;
    return typeof name === 'string' && typeof digest === 'string' ? [{ name, digest }] : [];
  });
  return {
    scope,
    servers: named,
    inputs,
    secrets,
    ...(typeof file === 'string' && file.startsWith(PREFIX) ? { file } : {}),
  };
}

function parseFile(saved: unknown): SavedFile | undefined {
  const { uri, before, after } = (saved ?? {}) as Record<string, unknown>;
  const isUsable =
    typeof uri === 'string' && (typeof before === 'string' || before === null) && typeof after === 'string';
  return isUsable ? { uri, before, after } : undefined;
}
