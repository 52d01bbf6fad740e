import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  type JSONPath,
  type Node,
  type ParseError,
} from 'jsonc-parser';
import { MAX_DOCUMENT_LENGTH } from '../../shared/protocol/languageMessages.ts';

/** `mcp`: an `mcp.json`; `settings`: a `settings.json`; `workspace`: a `.code-workspace`, which has settings inside. */
export type DocumentKind = 'mcp' | 'settings' | 'workspace';

export interface ServerNode {
  readonly name: string;
  readonly key: Node;
  /** Absent while it is being typed. */
  readonly value: Node | undefined;
}

/** The parts of a text that are about MCP servers, with their places. */
export interface LifelineDocument {
  readonly kind: DocumentKind;
  readonly text: string;
  readonly root: Node | undefined;
  readonly servers: readonly ServerNode[];
  readonly inputs: Node | undefined;
  readonly inputIds: ReadonlySet<string>;
  readonly inputsPath: JSONPath;
  /** False while it is being typed: what is found is told, but nothing is added to it. */
  readonly isWhole: boolean;
}

/** Nobody's settings are deeper, and the parser would run out of stack. */
const MAX_DEPTH = 100;
const MAX_SERVERS = 1_000;

/** By the end of its address; `undefined` is none that we know. */
export function kindOf(uri: string): DocumentKind | undefined {
  const path = uri.replace(/[?#].*$/s, '');
  if (/(?:^|[\\/])mcp\.json$/i.test(path)) return 'mcp';
  if (/(?:^|[\\/])settings\.json$/i.test(path)) return 'settings';
  return /\.code-workspace$/i.test(path) ? 'workspace' : undefined;
}

/** Never throws, whatever the text is: of what is half typed it gives what there is. */
export function readDocument(kind: DocumentKind, text: string): LifelineDocument {
  const section = kind === 'workspace' ? ['settings'] : [];
  const inputsPath = [...section, kind === 'mcp' ? 'inputs' : 'mcpLifeline.inputs'];
  const errors: ParseError[] = [];
  const root =
    text.length > MAX_DOCUMENT_LENGTH || isTooDeep(text)
      ? undefined
      : parseTree(text, errors, { allowTrailingComma: true });
  const at = (path: JSONPath): Node | undefined => root && findNodeAtLocation(root, path);
  const inputs = at(inputsPath);
  return {
    kind,
    text,
    root,
    servers: membersOf(at([...section, kind === 'mcp' ? 'servers' : 'mcpLifeline.servers']))
      .slice(0, MAX_SERVERS)
      .map(({ name, key, value }) => ({ name, key, value })),
    inputs,
    inputIds: new Set(
      (inputs?.type === 'array' ? (inputs.children ?? []) : []).flatMap((input) => {
        const id: unknown = memberOf(input, 'id')?.value;
        return typeof id === 'string' ? [id] : [];
      }),
    ),
    inputsPath,
    isWhole: root !== undefined && errors.length === 0,
  };
}

/** Counts brackets, without recursion. */
function isTooDeep(text: string): boolean {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text[scanner.getTokenOffset()];
    if (first === '{' || first === '[') depth += 1;
    else if (first === '}' || first === ']') depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

export interface Member {
  readonly name: string;
  readonly key: Node;
  readonly value: Node | undefined;
}

/** The members of an object; none of anything else. */
export function membersOf(node: Node | undefined): readonly Member[] {
  if (node?.type !== 'object') return [];
  return (node.children ?? []).flatMap(({ children }) => {
    const [key, value] = children ?? [];
    return key === undefined ? [] : [{ name: String(key.value), key, value }];
  });
}

export function memberOf(node: Node | undefined, name: string): Node | undefined {
  return membersOf(node).find((member) => member.name === name)?.value;
}

export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.type === 'array' ? (node.children ?? []) : [];
}

export function textOf(node: Node | undefined): string | undefined {
  return node?.type === 'string' ? String(node.value) : undefined;
}

/** Plain data; `undefined` of nothing. */
export function valueOf(node: Node | undefined): unknown {
  return node === undefined ? undefined : (getNodeValue(node) as unknown);
}

export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Where a part of a text node stands; the whole node when it is written with escapes. `from`: begin to look there, in the value. */
export function partOf(text: string, node: Node, part: string, from = 0): Span {
  const written = text.slice(node.offset, node.offset + node.length);
  const at = written.includes('\\') ? -1 : written.indexOf(part, from + 1);
  return at < 0 || part === ''
    ? { offset: node.offset, length: node.length }
    : { offset: node.offset + at, length: part.length };
}

/**
 * The node of a place as the parsers of the settings tell it: `.lifeline.watch[0].name`. Names may hold dots, so the longest that fits is taken;
 * of what is not there, whatever it would be in.
 */
export function nodeAtPlace(start: Node, place: string): { readonly node: Node; readonly member: string } {
  let node = start;
  let rest = place;
  let member = '';
  while (rest !== '') {
    const index = /^\[(\d+)\]/.exec(rest);
    if (index !== null) {
      const item = itemsOf(node)[Number(index[1])];
      if (item === undefined) break;
      node = item;
      rest = rest.slice(index[0].length);
      continue;
    }
    const found = membersOf(node)
      .filter(({ name }) => rest.startsWith(`.${name}`) && /^(?:$|[.[])/.test(rest.slice(name.length + 1)))
      .sort((a, b) => b.name.length - a.name.length)[0];
    if (found === undefined) break;
    member = found.name;
    rest = rest.slice(found.name.length + 1);
    node = rest === '' && found.value?.type === 'object' ? found.key : (found.value ?? found.key);
  }
  return { node, member: member === '' ? '' : member };
}
