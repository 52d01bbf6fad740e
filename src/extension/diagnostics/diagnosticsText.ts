import { Redactor } from '../../shared/redaction/redactor.ts';

/** Everything of one report, before secrets are taken out. */
export interface Facts {
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** Versions and the like: one line each. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** As sentences. */
  readonly engine: string;
  /** What the engine gets: settings of all scopes, put together. */
  readonly settings: unknown;
  /** Parts that may be missing: data, or why there is none. */
  readonly parts: readonly {
    readonly title: string;
    readonly value: unknown;
    /** Of each element of `value` a line. */
    readonly isList?: boolean;
  }[];
  readonly logs: readonly { readonly name: string; readonly tail: string }[];
}

export interface Hidden {
  readonly secrets: Iterable<string>;
  /** Stands as `~`. */
  readonly home: string;
}

/** Of one section. */
const MAX_SECTION = 200_000;
const HIDDEN = '[hidden]';
/** Whose values are never shown, whatever they are. */
const withValues = new Set(['env', 'headers']);
const MAX_DEPTH = 12;

/** One Markdown text that a person can read before passing it on: no secrets, no home folder. */
export function diagnosticsText(facts: Facts, hidden: Hidden): string {
  const redactor = new Redactor();
  redactor.learn(hidden.secrets);
  const clean = (text: string): string => withoutHome(redactor.redact(text), hidden.home);
  const raw: (readonly [string, string])[] = [
    ['Environment', facts.environment.map(([name, value]) => `${name}: ${value}`).join('\n')],
    ['Settings', JSON.stringify(withoutValues(facts.settings), undefined, 1)],
    ...facts.parts.map(({ title, value, isList }) => [title, partText(value, isList === true)] as const),
    ...facts.logs.map(({ name, tail }) => [`Log ${name}`, tail] as const),
  ];
  const sections = raw.map(([title, text]) => [clean(title), cut(clean(text))] as const);
  return [
    '# Diagnostics of MCP Lifeline',
    '',
    `Made at ${new Date(facts.at).toISOString()}. ${clean(facts.engine)}`,
    '',
    'Values of `env` and `headers`, secrets that are known, and what looks like one, were taken out. Names of servers and tools, commands, paths and what servers wrote to their logs',
    'are in it: read it before you pass it on.',
    '',
    `Contents: ${sections.map(([title, text]) => `${title} (${text.length} characters)`).join(', ')}.`,
    ...sections.flatMap(([title, text]) => ['', `## ${title}`, '', ...fenced(text)]),
    '',
  ].join('\n');
}

function partText(value: unknown, isList: boolean): string {
  if (typeof value === 'string') return value;
  if (isList && Array.isArray(value)) return value.map((each) => JSON.stringify(each)).join('\n');
  return JSON.stringify(value, undefined, 1);
}

/** Names stay, values of `env` and `headers` go. */
function withoutValues(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return HIDDEN;
  if (Array.isArray(value)) return value.map((each) => withoutValues(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      withValues.has(name) ? hiddenValues(member) : withoutValues(member, depth + 1),
    ]),
  );
}

function hiddenValues(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return HIDDEN;
  return Object.fromEntries(Object.keys(value).map((name) => [name, HIDDEN]));
}

function withoutHome(text: string, home: string): string {
  if (home.length < 4) return text;
  const escaped = JSON.stringify(home).slice(1, -1);
  return text.replaceAll(escaped, '~').replaceAll(home, '~');
}

function cut(text: string): string {
  return text.length <= MAX_SECTION
    ? text
    : `${text.slice(0, MAX_SECTION)}\n… cut at ${MAX_SECTION} characters`;
}

/** Longer than any fence in the text, so that a server's words cannot end it. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}text`, text, fence];
}
