import type { SettingsProblem } from '../model/snapshot.ts';
import { parseServerConfig, type LifelineDefaults, type ParsedServer } from './serverConfig.ts';
import { inputsIn, resolveVariables, type VariableScope } from './variables.ts';

/** What an entry still lacks: values that a person gives when the server is started. */
export interface ServerInputs {
  /** Each once; never empty. */
  readonly ids: readonly string[];
  /** What is written in place of what is not known yet; tells two such entries apart. */
  readonly template: string;
  /** The entry with these values. Without one of them, or with one that cannot be used, there is no `config`. */
  fill(values: ReadonlyMap<string, string>): ParsedServer;
}

export interface ParsedTemplate extends ParsedServer {
  /** Absent when the entry names no input. Then `config` has the inputs as they are written, and must not be started. */
  readonly inputs?: ServerInputs;
}

/** Stands for an address that depends on an input; never connected to. */
const unknownUrl = 'https://input.invalid/';

/** A scope in which everything has a value: for whoever only has to know which servers there are. */
export const anyScope: VariableScope = {
  userHome: '/',
  pathSeparator: '/',
  workspaceFolder: '/',
  folders: { get: () => '/' } as unknown as ReadonlyMap<string, string>,
  env: () => '1',
};

/** `parseServerConfig` for an entry with variables. */
export function parseServerTemplate(
  name: string,
  entry: unknown,
  options: {
    readonly pathPrefix: string;
    readonly scope: VariableScope;
  } & LifelineDefaults,
): ParsedTemplate {
  const { scope, ...parserOptions } = options;
  const path = `${options.pathPrefix}.${name}`;
  const problems: SettingsProblem[] = [];
  const report = (place: string, message: string): void => {
    if (problems.length < 50) problems.push({ path: place, message });
  };
  const { env, userHome, pathSeparator, workspaceFolder, folders } = scope;
  const known = { env, userHome, pathSeparator, workspaceFolder, folders } as VariableScope;
  const resolved = resolveVariables(scope === anyScope ? withAnyUrl(entry) : entry, known, { path, report });
  if (!resolved.usable) return { config: undefined, problems };
  if (resolved.inputs.length === 0) {
    const parsed = parseServerConfig(name, resolved.entry, parserOptions);
    return { config: parsed.config, problems: [...problems, ...parsed.problems] };
  }
  const parsed = parseServerConfig(name, withoutUnknownUrl(resolved.entry), parserOptions);
  const inputs: ServerInputs = {
    ids: resolved.inputs,
    template: JSON.stringify([resolved.inputs, (resolved.entry as { url?: unknown }).url ?? null]),
    fill(values) {
      const filled = resolveVariables(
        entry,
        { ...known, input: (id) => values.get(id) },
        { path, report: () => undefined },
      );
      return filled.usable
        ? parseServerConfig(name, filled.entry, parserOptions)
        : { config: undefined, problems: [] };
    },
  };
  return { config: parsed.config, problems: [...problems, ...parsed.problems], inputs };
}

/** An address that may be anything, as long as nobody goes there. */
function withAnyUrl(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null || !('url' in entry)) return entry;
  const { url } = entry;
  return typeof url === 'string' && /\$\{(?!input:)/.test(url)
    ? {
        ...entry,
        url:
          inputsIn(url).length === 0
            ? unknownUrl
            : `${unknownUrl}${inputsIn(url)
                .map((id) => `$\{input:${id}}`)
                .join('')}`,
      }
    : entry;
}

/** Whether an address is one of this machine often shows without the input (a port, a key); the rest counts as far away. */
function withoutUnknownUrl(entry: unknown): unknown {
  const { url } = entry as { readonly url?: unknown };
  if (typeof url !== 'string' || inputsIn(url).length === 0) return entry;
  const guess = url.replace(/\$\{input:[^{}]*\}/g, '1');
  const isUsable = /^https?:\/\//i.test(guess) && URL.canParse(guess);
  return { ...(entry as object), url: isUsable ? guess : unknownUrl };
}
