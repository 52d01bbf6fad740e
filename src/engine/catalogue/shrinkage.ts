import type { Degradation, Degraded } from '../../shared/model/snapshot.ts';

/**
 * "Green, but fewer tools" (requirements R5.10): what a server offered before a start and does not offer after it. Pure; by list member
 * (`tools`, `prompts`, …) the names.
 */
export type Names = Readonly<Record<string, readonly string[]>>;

/** The member that names an item, by list member (MCP schema). */
const nameKeys: Readonly<Record<string, string>> = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
};
/** Of one list. More are not remembered by name. */
const MAX_NAMES = 10_000;
const MAX_NAME = 256;
const MAX_SHOWN = 50;
/** Of the sentence. */
const MAX_TOLD = 5;

/** The names in a list, each once; items without one say nothing. */
export function namesOf(member: string, items: readonly unknown[]): string[] {
  return [...itemsByName(member, items).keys()];
}

/** What a list holds under each name, the first of a name counting; items without one say nothing. */
export function itemsByName(member: string, items: readonly unknown[]): ReadonlyMap<string, unknown> {
  const key = nameKeys[member] ?? 'name';
  const named = new Map<string, unknown>();
  for (const item of items) {
    const name =
      typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[key] : undefined;
    if (typeof name === 'string' && named.size < MAX_NAMES && !named.has(name)) named.set(name, item);
  }
  return named;
}

/**
 * Which of the names known before are missing now. A list that is as long as it was has changed, not shrunk: an update renames tools. `before`
 * holds also what has been missing since an earlier start.
 */
export function missingNames(before: readonly string[], now: readonly string[]): string[] {
  const known = new Set(before);
  if (now.length >= known.size) return [];
  for (const name of now) known.delete(name);
  return [...known];
}

const kinds: readonly {
  readonly reason: Degradation;
  readonly members: readonly string[];
  readonly one: string;
  readonly many: string;
}[] = [
  { reason: 'fewerTools', members: ['tools'], one: 'tool', many: 'tools' },
  { reason: 'fewerPrompts', members: ['prompts'], one: 'prompt', many: 'prompts' },
  {
    reason: 'fewerResources',
    members: ['resources', 'resourceTemplates'],
    one: 'resource',
    many: 'resources',
  },
];

/** What is missing, in words; `undefined` when nothing is. `left`: how many items each list has now. */
export function describeMissing(
  missing: Names | undefined,
  left: (member: string) => number,
): Degraded | undefined {
  if (missing === undefined) return undefined;
  const found = kinds.flatMap((kind) => {
    const names = kind.members.flatMap((member) => missing[member] ?? []);
    const rest = kind.members.reduce((sum, member) => sum + left(member), 0);
    return names.length === 0 ? [] : [{ ...kind, names, rest }];
  });
  const [first] = found;
  if (first === undefined) return undefined;
  const parts = found.map(({ names, rest, one, many }) => {
    const told = names.slice(0, MAX_TOLD).map((name) => `"${name.slice(0, 64)}"`);
    const others = names.length > told.length ? ' and others' : '';
    const noun = names.length === 1 ? one : many;
    const all = names.length === 1 ? 'the only' : `all ${names.length}`;
    const count = rest === 0 ? all : String(names.length);
    return `${count} ${noun} (${told.join(', ')}${others})`;
  });
  return {
    reason: first.reason,
    sentence: `It answers, but since a restart it lacks what it had before: ${parts.join('; ')}.`,
    missing: found
      .flatMap(({ names }) => names)
      .slice(0, MAX_SHOWN)
      .map((name) => name.slice(0, MAX_NAME)),
  };
}
