import type { SettingsProblem } from '../model/snapshot.ts';

/** One of `mcpLifeline.inputs`, the shape of `inputs` in an `mcp.json`: a value that a person gives when a server needs it. */
export interface InputDefinition {
  readonly id: string;
  readonly type: 'promptString' | 'pickString';
  /** What a person is asked; empty when it says nothing. */
  readonly description: string;
  /** What is proposed. */
  readonly default: string | undefined;
  /** Typed unseen, and kept as a secret. */
  readonly isSecret: boolean;
  /** Of a `pickString`. */
  readonly options: readonly { readonly label: string; readonly value: string }[];
}

export interface ParsedInputs {
  readonly inputs: readonly InputDefinition[];
  readonly problems: readonly SettingsProblem[];
}

/** Characters of a value: what a text of an entry may be long, and one message to the engine can hold. */
export const MAX_INPUT_VALUE = 32_768;
const MAX_INPUTS = 200;
const MAX_ID = 256;
const MAX_TEXT = 4_096;
const MAX_OPTIONS = 500;

/** Every member that an input may have; compared with the schema of the setting by a test. */
export const inputKeys = ['id', 'type', 'description', 'default', 'password', 'options'] as const;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT && !value.includes('\0');
}

/** Reads the list. Never throws: what cannot be used is reported with its place, and the rest is used. */
export function parseInputs(value: unknown, path: string): ParsedInputs {
  const problems: SettingsProblem[] = [];
  const report = (place: string, message: string): void => {
    if (problems.length < 50) problems.push({ path: place, message });
  };
  const inputs = new Map<string, InputDefinition>();
  if (value === undefined) return { inputs: [], problems };
  if (!Array.isArray(value)) {
    report(path, 'must be a list of inputs; it is ignored');
    return { inputs: [], problems };
  }
  for (const [index, item] of value.entries()) {
    const place = `${path}[${index}]`;
    if (inputs.size >= MAX_INPUTS) {
      report(path, `may hold ${MAX_INPUTS} inputs at most; the rest is left out`);
      break;
    }
    const input = readInput(item, place, report);
    if (input === undefined) continue;
    if (inputs.has(input.id)) report(`${place}.id`, 'is the id of an earlier input too; it is left out');
    else inputs.set(input.id, input);
  }
  return { inputs: [...inputs.values()], problems };
}

type Report = (path: string, message: string) => void;

function readInput(item: unknown, place: string, report: Report): InputDefinition | undefined {
  if (!isRecord(item)) {
    report(place, 'must be an object; it is left out');
    return undefined;
  }
  const { id, type, description, default: proposed, password } = item;
  if (!isText(id) || id === '' || id.length > MAX_ID || /[{}]/.test(id)) {
    report(
      `${place}.id`,
      `must be a text of 1 to ${MAX_ID} characters without braces; the input is left out`,
    );
    return undefined;
  }
  if (type === 'command') {
    report(
      `${place}.type`,
      'is "command", which runs a command of the editor; a server outlives the editor that would run it. Write "promptString" or "pickString". The input is left out',
    );
    return undefined;
  }
  if (type !== 'promptString' && type !== 'pickString') {
    report(`${place}.type`, 'must be "promptString" or "pickString"; the input is left out');
    return undefined;
  }
  for (const key of Object.keys(item))
    if (!(inputKeys as readonly string[]).includes(key))
      report(`${place}.${key}`, 'is not a known setting; it is ignored');
  const textOr = (key: string, given: unknown): string | undefined => {
    if (given === undefined || isText(given)) return given;
    report(`${place}.${key}`, 'must be text; it is ignored');
    return undefined;
  };
  if (password !== undefined && typeof password !== 'boolean')
    // Whoever meant a secret must not have it kept in the open.
    report(`${place}.password`, 'must be true or false; true is used');
  const options = type === 'pickString' ? readOptions(item['options'], `${place}.options`, report) : [];
  if (type === 'pickString' && options.length === 0) {
    report(`${place}.options`, 'must be a list of at least one text to choose from; the input is left out');
    return undefined;
  }
  return {
    id,
    type,
    description: textOr('description', description) ?? '',
    default: textOr('default', proposed),
    isSecret: type === 'promptString' && password !== undefined && password !== false,
    options,
  };
}

function readOptions(value: unknown, place: string, report: Report): InputDefinition['options'] {
  if (!Array.isArray(value)) return [];
  const options: { label: string; value: string }[] = [];
  for (const [index, option] of value.slice(0, MAX_OPTIONS).entries()) {
    if (isText(option)) options.push({ label: option, value: option });
    else if (isRecord(option) && isText(option['value']))
      options.push({
        label: isText(option['label']) ? option['label'] : option['value'],
        value: option['value'],
      });
    else report(`${place}[${index}]`, 'must be text, or an object with "label" and "value"; it is left out');
  }
  return options;
}

/** The variable of the environment that gives an input's value to a stand-alone engine, the exact one first. */
export function inputVariables(id: string): readonly string[] {
  const exact = `MCP_LIFELINE_INPUT_${id}`;
  const plain = `MCP_LIFELINE_INPUT_${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
  return exact === plain ? [exact] : [exact, plain];
}
