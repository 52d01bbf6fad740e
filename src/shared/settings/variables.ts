/**
 * The variables of an entry (requirements R1.4): `${workspaceFolder}` (also `${workspaceFolder:name}`), `${userHome}`, `${env:X}`,
 * `${input:x}`, and the names that other clients write for the same things. They stand in `command`, `args`, `env`, `cwd`, `url` and
 * `headers`, and are replaced in one pass, so that a value is never read as a variable again.
 */

/** What the variables stand for. */
export interface VariableScope {
  readonly userHome: string;
  readonly pathSeparator: string;
  /** Absent in a window without a folder. */
  readonly workspaceFolder?: string | undefined;
  /** The folders of a multi-root workspace, by name. */
  readonly folders?: ReadonlyMap<string, string>;
  readonly env: (name: string) => string | undefined;
  /** `undefined`: there is no value; absent: inputs are left as they are written. */
  readonly input?: (id: string) => string | undefined;
}

export interface ResolvedEntry {
  /** A copy with values in place of variables; whatever is no text is as it was. */
  readonly entry: unknown;
  /** Ids of the inputs that it names, each once, in the order of the entry. */
  readonly inputs: readonly string[];
  /** False when a variable has no value: the server must not be started with half a command. */
  readonly usable: boolean;
}

type Report = (path: string, message: string) => void;

/** Members of an entry that may hold variables. */
export const membersWithVariables = ['command', 'args', 'env', 'cwd', 'url', 'headers'] as const;

const variable = /\$\{([^{}]*)\}/g;
/** Variables of VS Code that are about an open document, or run something; nothing of that is known to a server that outlives the editor. */
const editorOnly =
  /^(?:command:|config:|extensionInstallFolder:)|^(?:file|fileBasename|fileBasenameNoExtension|fileDirname|fileDirnameBasename|fileExtname|fileWorkspaceFolder|relativeFile|relativeFileDirname|selectedText|lineNumber|columnNumber|execPath|defaultBuildTask|cwd)(?::|$)/;
const MAX_INPUTS = 100;
const MAX_INPUT_ID = 256;

type Value =
  | { readonly kind: 'value'; readonly text: string }
  /** Stays as it is written; `problem` is a sentence without its subject. */
  | { readonly kind: 'kept'; readonly problem?: string }
  | { readonly kind: 'missing'; readonly problem: string };

const value = (text: string): Value => ({ kind: 'value', text });

function isRecord(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

/** The ids of the inputs that a text names. */
export function inputsIn(text: string): string[] {
  return [...text.matchAll(variable)]
    .map(([, name = '']) => name)
    .filter((name) => name.startsWith('input:'))
    .map((name) => name.slice('input:'.length));
}

/**
 * Puts values in place of the variables of an entry. `path` is the entry's place; what has no value is reported there by its member. Never
 * throws, whatever the entry is.
 */
export function resolveVariables(
  entry: unknown,
  scope: VariableScope,
  { path, report }: { readonly path: string; readonly report: Report },
): ResolvedEntry {
  const inputs = new Set<string>();
  let usable = true;
  const text = (place: string, written: string): string =>
    written.replace(variable, (whole: string, name: string) => {
      if (name.startsWith('input:') && inputs.size < MAX_INPUTS) inputs.add(name.slice('input:'.length));
      const found = valueOf(name, scope);
      if (found.kind === 'value') return found.text;
      if (found.problem !== undefined)
        report(
          place,
          found.problem.replace('{}', () => `"${whole}"`),
        );
      if (found.kind === 'missing') usable = false;
      return whole;
    });
  const walk = (place: string, given: unknown): unknown => {
    if (typeof given === 'string') return text(place, given);
    if (Array.isArray(given)) return given.map((item: unknown, index) => walk(`${place}[${index}]`, item));
    if (!isRecord(given)) return given;
    // Made as own properties, so that a key `__proto__` stays a key.
    return Object.fromEntries(
      Object.entries(given).map(([key, item]) => [key, walk(`${place}.${key}`, item)]),
    );
  };
  if (!isRecord(entry)) return { entry, inputs: [], usable };
  const resolved = Object.fromEntries(
    Object.entries(entry).map(([key, item]) =>
      (membersWithVariables as readonly string[]).includes(key)
        ? [key, isShallow(item) ? walk(`${path}.${key}`, item) : item]
        : [key, item],
    ),
  );
  return { entry: resolved, inputs: [...inputs], usable };
}

/** A text, or a list or an object of such: what is deeper is no use of these members, and the parser says so. */
function isShallow(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return true;
  return Object.values(item).every((member) => typeof member !== 'object' || member === null);
}

const leftAlone = 'holds {}, which is no variable of a server; it is passed on as it stands';

function valueOf(name: string, scope: VariableScope): Value {
  const notStarted = '; the server is not started';
  const [kind, rest] = splitOnce(name);
  switch (kind) {
    case 'input': {
      const id = rest ?? '';
      if (id === '' || id.length > MAX_INPUT_ID)
        return { kind: 'missing', problem: `holds {}, which names no input${notStarted}` };
      if (scope.input === undefined) return { kind: 'kept' };
      const given = scope.input(id);
      return given === undefined
        ? { kind: 'missing', problem: `holds {}, which has no value yet${notStarted}` }
        : value(given);
    }
    case 'env': {
      const given = rest === undefined || rest === '' ? undefined : scope.env(rest);
      return given === undefined
        ? { kind: 'missing', problem: `holds {}, and there is no such environment variable${notStarted}` }
        : value(given);
    }
    case 'workspaceFolder':
    case 'workspaceRoot':
    case 'workspaceFolderBasename': {
      const folder = rest === undefined ? scope.workspaceFolder : scope.folders?.get(rest);
      if (folder === undefined) {
        const why = rest === undefined ? 'no folder is open' : 'the workspace has no folder of that name';
        return { kind: 'missing', problem: `holds {}, but ${why}${notStarted}` };
      }
      return value(kind === 'workspaceFolderBasename' ? baseName(folder) : folder);
    }
    case 'userHome':
      if (rest === undefined) return value(scope.userHome);
      break;
    case 'pathSeparator':
    case '/':
      if (rest === undefined) return value(scope.pathSeparator);
      break;
  }
  if (editorOnly.test(name))
    return { kind: 'missing', problem: `holds {}, which only the editor itself can fill in${notStarted}` };
  return { kind: 'kept', problem: leftAlone };
}

function splitOnce(name: string): [string, string | undefined] {
  const colon = name.indexOf(':');
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

function baseName(folder: string): string {
  return /[^\\/]*$/.exec(folder.replace(/[\\/]+$/, ''))?.[0] ?? '';
}
