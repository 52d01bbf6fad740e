import { isDeepStrictEqual } from 'node:util';
import { parseInputs } from '../../shared/settings/inputs.ts';
import { readJson } from '../../shared/settings/jsonc.ts';
import { anyScope, parseServerTemplate } from '../../shared/settings/serverTemplate.ts';
import { inputsIn } from '../../shared/settings/variables.ts';
import { withInputIds } from './inputIds.ts';
import { inOwnFolder, type NamedFolder } from './ownFolder.ts';
import { rawAt, withRaw, withValue } from './jsonText.ts';
import type { SettingsPart } from './settingsPart.ts';

/** What is remembered of an entry that was taken over, so that it can be given back (requirements R1.7). Holds what the file held: kept as a secret. */
export interface Adoption {
  readonly name: string;
  /** Where it was, as a URI. */
  readonly file: string;
  readonly scope: 'user' | 'workspace';
  /** The whole file before and after. */
  readonly before: string;
  readonly after: string;
  /** As it was written, with its comments. */
  readonly entryText: string;
  /** As they stand in the file, and as they were put into the settings. */
  readonly inputs: readonly {
    readonly theirs: unknown;
    readonly ours: unknown;
    readonly wasRemoved: boolean;
  }[];
}

const BROKEN_BY_US =
  'its file could not be changed without breaking it: look for a name that is there twice.';

export type AdoptVerdict =
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'plan';
      readonly entry: unknown;
      readonly adoption: Adoption;
      /** What the settings get. */
      readonly additions: SettingsPart;
    };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_TEXT = 4_194_304;

/** The entries of an `mcp.json`; a sentence when it cannot be read. */
export function serversOf(
  text: string,
): { readonly servers: Record<string, unknown> } | { readonly problem: string } {
  if (text.length > MAX_TEXT) return { problem: `it is longer than ${MAX_TEXT} characters.` };
  const read = readJson(text);
  if ('problem' in read) return { problem: read.problem };
  if (!isRecord(read.value)) return { problem: 'it is not an object.' };
  const { servers = {} } = read.value;
  return isRecord(servers) ? { servers } : { problem: '"servers" is not an object.' };
}

/** Members that VS Code writes for itself; a server is the same without them. */
const bookkeeping = new Set(['gallery', 'version']);
/** What VS Code does for a server and the engine cannot do. */
const notServed: Readonly<Record<string, string>> = {
  sandbox: 'VS Code runs it in a sandbox, which the engine does not have.',
  sandboxEnabled: 'VS Code runs it in a sandbox, which the engine does not have.',
  dev: 'VS Code watches and debugs it ("dev"), which the engine does not do.',
  envFile: 'its environment comes from a file ("envFile"), which the engine does not read yet.',
  oauth: 'it needs a sign-in (OAuth), which the engine cannot do yet.',
};

/** Why an entry cannot be taken over; `undefined` when it can. */
export function refusalOf(name: string, entry: unknown): string | undefined {
  // No settings file can hold it: to the editor it is no entry at all.
  if (name === '__proto__') return 'it is called "__proto__", which no setting can be.';
  if (!isRecord(entry)) return 'it is not an object.';
  for (const [key, reason] of Object.entries(notServed))
    if (entry[key] !== undefined && entry[key] !== false) return reason;
  const parsed = parseServerTemplate(name, withoutBookkeeping(entry), {
    pathPrefix: 'servers',
    trustByDefault: true,
    scope: anyScope,
  });
  const [first] = parsed.problems;
  // What is reported would be left out, and the server would not be the same any more.
  if (first !== undefined) return `"${first.path}" ${first.message}.`;
  return parsed.config === undefined ? 'it cannot be used.' : undefined;
}

function withoutBookkeeping(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).filter(
      ([key, item]) => !bookkeeping.has(key) && !(item === false && key in notServed),
    ),
  );
}

/** What taking an entry over changes. `names` are the servers that are there already, whatever their scope. */
export function planAdoption(options: {
  readonly name: string;
  readonly file: string;
  readonly scope: 'user' | 'workspace';
  readonly text: string;
  readonly names: readonly string[];
  /** The servers of other files that VS Code reads here. */
  readonly otherNames?: readonly string[];
  /** The settings of the same scope. */
  readonly settings: SettingsPart;
  /** The workspace folder that the file is in, and all there are. */
  readonly folder?: string | undefined;
  readonly folders?: readonly NamedFolder[];
}): AdoptVerdict {
  const { name, file, scope, text, names, otherNames = [], settings } = options;
  const refused = (reason: string): AdoptVerdict => ({ kind: 'refused', reason });
  const read = serversOf(text);
  if ('problem' in read) return refused(`its file cannot be read: ${read.problem}`);
  const entry = read.servers[name];
  const entryText = rawAt(text, ['servers', name]);
  if (!isRecord(entry)) return refused('it is not in the file any more.');
  // There, but not in the first of two "servers".
  if (entryText === undefined) return refused(BROKEN_BY_US);
  const { value } = readJson(text) as { value: Record<string, unknown> };
  if (isRecord(value['sandbox'])) return refused(notServed['sandbox'] ?? '');
  const clash = names.find((other) => other.toLowerCase() === name.toLowerCase());
  if (clash !== undefined)
    return refused(`MCP Lifeline has a server "${clash}" already; VS Code would switch one of them off.`);
  const twin = otherNames.find((other) => other.toLowerCase() === name.toLowerCase());
  if (twin !== undefined)
    return refused(`another mcp.json has a server "${twin}" too; VS Code would switch one of them off.`);
  const reason = refusalOf(name, entry);
  if (reason !== undefined) return refused(reason);
  const placed = inOwnFolder(entry, options.folder, options.folders ?? []);
  if ('reason' in placed) return refused(placed.reason);
  const defined: readonly unknown[] = Array.isArray(value['inputs']) ? (value['inputs'] as unknown[]) : [];
  const otherServers = JSON.stringify(Object.entries(read.servers).filter(([other]) => other !== name));
  const ids = new Map<string, string>();
  const named = [...new Set(inputsIn(JSON.stringify(entry)))];
  const inputs: Adoption['inputs'][number][] = [];
  for (const id of named) {
    const theirs = defined.find((input) => isRecord(input) && input['id'] === id);
    const parsed = parseInputs(theirs === undefined ? [] : [theirs], 'inputs');
    if (parsed.inputs.length === 0)
      return refused(
        theirs === undefined
          ? `it names the input "${id}", which the file does not define.`
          : `its input "${id}" cannot be used: it ${parsed.problems[0]?.message ?? 'is not understood'}.`,
      );
    const others = named.filter((other) => other !== id);
    const ownId = freeInputId(id, {
      server: name,
      theirs,
      settings: settings.inputs,
      taken: [...others, ...ids.values()],
    });
    ids.set(id, ownId);
    inputs.push({
      theirs,
      ours: { ...(theirs as object), id: ownId },
      wasRemoved: !otherServers.includes(`\${input:${id}}`),
    });
  }
  let after = withValue(text, ['servers', name], undefined);
  for (const { theirs, wasRemoved } of inputs) if (wasRemoved) after = withoutInput(after, theirs);
  // Nobody's file is broken by us. One with the same key twice would keep the other of the two, and the server would be there twice.
  const removed = inputs.flatMap(({ theirs, wasRemoved }) => (wasRemoved ? [theirs] : []));
  if (!isWithout(after, value, { name, inputs: removed })) return refused(BROKEN_BY_US);
  const settingsEntry = withInputIds(withoutBookkeeping(placed.entry), ids);
  return {
    kind: 'plan',
    entry: settingsEntry,
    adoption: { name, file, scope, before: text, after, entryText, inputs },
    additions: { servers: { [name]: settingsEntry }, inputs: inputs.map((input) => input.ours) },
  };
}

/** Whether a text says what `before` said, but for one server and these inputs. */
function isWithout(
  text: string,
  before: Record<string, unknown>,
  { name, inputs }: { readonly name: string; readonly inputs: readonly unknown[] },
): boolean {
  const read = readJson(text);
  if ('problem' in read || !isRecord(read.value)) return false;
  const without = (root: Record<string, unknown>): unknown[] =>
    Object.entries(root).filter(([key]) => key !== 'servers' && key !== 'inputs');
  const servers = (root: Record<string, unknown>): unknown[] => Object.entries(root['servers'] ?? {});
  const left = Array.isArray(before['inputs']) ? [...(before['inputs'] as unknown[])] : [];
  for (const input of inputs) {
    const index = left.findIndex((other) => isDeepStrictEqual(other, input));
    if (index >= 0) left.splice(index, 1);
  }
  return isDeepStrictEqual(
    [without(read.value), servers(read.value), read.value['inputs'] ?? []],
    [
      without(before),
      servers(before).filter((entry) => (entry as [string, unknown])[0] !== name),
      Array.isArray(before['inputs']) ? left : (before['inputs'] ?? []),
    ],
  );
}

/** The same id, unless the settings mean something else by it, or the entry itself. */
function freeInputId(
  id: string,
  {
    server,
    theirs,
    settings,
    taken,
  }: {
    readonly server: string;
    readonly theirs: unknown;
    readonly settings: readonly unknown[];
    readonly taken: readonly string[];
  },
): string {
  const known = (wanted: string): unknown =>
    settings.find((input) => isRecord(input) && input['id'] === wanted);
  const isFree = (wanted: string): boolean => {
    if (taken.includes(wanted)) return false;
    const other = known(wanted);
    return other === undefined || isDeepStrictEqual(other, { ...(theirs as object), id: wanted });
  };
  const first = [id, `${id}-${server.replace(/[{}]/g, '')}`].find(isFree);
  if (first !== undefined) return first;
  for (let number = 2; ; number += 1) if (isFree(`${id}-${number}`)) return `${id}-${number}`;
}

function withoutInput(text: string, input: unknown): string {
  const { value } = readJson(text) as { value: { inputs?: unknown[] } };
  const index = value.inputs?.findIndex((other) => isDeepStrictEqual(other, input)) ?? -1;
  return index < 0 ? text : withValue(text, ['inputs', index], undefined);
}

export type GiveBackVerdict =
  | { readonly kind: 'refused'; readonly reason: string }
  /** `exact`: the file is again what it was, byte for byte. */
  | { readonly kind: 'plan'; readonly text: string; readonly exact: boolean };

/** Puts an entry back. `text` is the file now; `undefined`: it is gone. */
export function planGiveBack(adoption: Adoption, text: string | undefined): GiveBackVerdict {
  const { name, before, after, entryText, inputs } = adoption;
  if (text === after) return { kind: 'plan', text: before, exact: true };
  let current = text === undefined || text.trim() === '' ? '{}\n' : text;
  const start = current;
  const read = readJson(current);
  if ('problem' in read) return { kind: 'refused', reason: `Its file cannot be read: ${read.problem}` };
  if (!isRecord(read.value)) return { kind: 'refused', reason: 'Its file is not a JSON object any more.' };
  const { servers = {}, inputs: present = [] } = read.value;
  if (!isRecord(servers))
    return { kind: 'refused', reason: '"servers" in its file is not an object any more.' };
  if (!Array.isArray(present))
    return { kind: 'refused', reason: '"inputs" in its file is not a list any more.' };
  const clash = Object.keys(servers).find((other) => other.toLowerCase() === name.toLowerCase());
  if (clash !== undefined)
    return {
      kind: 'refused',
      reason: `Its file has a server "${clash}" again; rename or remove that one first.`,
    };
  current = withRaw(current, ['servers', name], entryText);
  const added = inputs
    .map(({ theirs }) => theirs)
    .filter((input) => !present.some((other) => isDeepStrictEqual(other, input)));
  for (const input of added)
    current =
      rawAt(current, ['inputs']) === undefined
        ? withValue(current, ['inputs'], [input])
        : withValue(current, ['inputs', -1], input);
  // The editor reads the last of two with one name, and what was written may stand in the first.
  const back = readJson(current);
  const isThere =
    'value' in back &&
    isRecord(back.value) &&
    isRecord(back.value['servers']) &&
    isDeepStrictEqual(
      [back.value['servers'][name], isWithout(start, back.value, { name, inputs: added })],
      [(readJson(entryText) as { value?: unknown }).value, true],
    );
  if (!isThere) return { kind: 'refused', reason: `I${BROKEN_BY_US.slice(1)}` };
  return { kind: 'plan', text: current, exact: false };
}

/** What was saved, read as untrusted. */
export function parseAdoption(saved: unknown): Adoption | undefined {
  if (!isRecord(saved)) return undefined;
  const { name, file, scope, before, after, entryText, inputs } = saved;
  const areTexts = [name, file, before, after, entryText].every((value) => typeof value === 'string');
  if (!areTexts || (scope !== 'user' && scope !== 'workspace') || !Array.isArray(inputs)) return undefined;
  return inputs.every((input) => isRecord(input) && 'theirs' in input && 'ours' in input)
    ? (saved as unknown as Adoption)
    : undefined;
}
