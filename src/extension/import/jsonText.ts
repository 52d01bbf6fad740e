import {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  modify,
  parseTree,
  type JSONPath,
} from 'jsonc-parser';

/** Changes of JSON texts with comments that leave everything else as it stands (requirements R1.7). */

function formattingOf(text: string): { tabSize: number; insertSpaces: boolean; eol: string } {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 4 : Math.min(8, indent.length),
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

/** Splits a byte order mark off: the parser knows none. */
function split(text: string): readonly [string, string] {
  return text.startsWith('\ufeff') ? ['\ufeff', text.slice(1)] : ['', text];
}

/** The text with a value at a place; `undefined` removes what is there. A negative last index appends to a list. */
export function withValue(text: string, path: JSONPath, value: unknown): string {
  const [mark, json] = split(text);
  if (value === undefined) return mark + withoutMember(json, path);
  const isAppended = path.at(-1) === -1;
  const edits = modify(json.trim() === '' ? '{}' : json, path, value, {
    formattingOptions: formattingOf(json),
    ...(isAppended ? { isArrayInsertion: true } : {}),
  });
  return mark + applyEdits(json.trim() === '' ? '{}' : json, edits);
}

/** The library's own removal leaves a comma behind where the last member has one. */
function withoutMember(json: string, path: JSONPath): string {
  const root = parseTree(json, [], { allowTrailingComma: true });
  const value = root && findNodeAtLocation(root, path);
  if (value === undefined) return json;
  const member = value.parent?.type === 'property' ? value.parent : value;
  let start = member.offset;
  let end = member.offset + member.length;
  let comma: number | undefined;
  // Without what is between the tokens.
  const scanner = createScanner(json, true);
  for (scanner.scan(); scanner.getTokenOffset() < json.length; scanner.scan()) {
    const at = scanner.getTokenOffset();
    const isComma = json[at] === ',';
    if (at < start) comma = isComma ? at : undefined;
    else if (at >= end) {
      if (isComma) {
        end = at + 1;
        comma = undefined;
      }
      break;
    }
  }
  // A line that held nothing else goes with it.
  const before = /[ \t]*$/.exec(json.slice(0, start))?.[0].length ?? 0;
  const isOwnLine = start - before === 0 || json[start - before - 1] === '\n';
  const rest = /^[ \t]*\r?\n/.exec(json.slice(end))?.[0].length;
  if (isOwnLine && rest !== undefined) {
    start -= before;
    end += rest;
  }
  const head = json.slice(0, start);
  const kept = comma === undefined ? head : head.slice(0, comma) + head.slice(comma + 1);
  return kept + json.slice(end);
}

/** What is written at a place, with its comments; `undefined` when nothing is. */
export function rawAt(text: string, path: JSONPath): string | undefined {
  const [, json] = split(text);
  const root = parseTree(json, [], { allowTrailingComma: true });
  const node = root && findNodeAtLocation(root, path);
  return node && json.slice(node.offset, node.offset + node.length);
}

/** The text with something that was written like this before. */
export function withRaw(text: string, path: JSONPath, raw: string): string {
  const marker = '"mcp-lifeline: is put back here"';
  const marked = withValue(text, path, JSON.parse(marker));
  // A function, so that `$&` in the text is no pattern.
  return marked.replace(marker, () => raw);
}
