import { findNodeAtLocation, type Node } from 'jsonc-parser';
import type { FixCode } from '../../shared/protocol/languageMessages.ts';
import { isSecretName } from '../../shared/redaction/secretValues.ts';
import type { Finding } from './findings.ts';
import type { LifelineDocument } from './lifelineDocument.ts';

export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** A change that mends a finding. */
export interface Fix {
  readonly code: FixCode;
  readonly args: readonly string[];
  /** They do not overlap. */
  readonly edits: readonly TextEdit[];
}

/** How a finding is mended; `undefined` when only a person knows. `freePort` is a port that nobody uses now. */
export async function fixOf(
  document: LifelineDocument,
  finding: Finding,
  freePort: () => Promise<number | undefined>,
): Promise<Fix | undefined> {
  const { code, node } = finding;
  switch (code) {
    case 'plainSecret':
      return useInput(document, finding);
    case 'undefinedInput': {
      const [id = ''] = finding.args;
      return document.isWhole
        ? { code: 'addInput', args: [id], edits: [addInputs(document, [{ id, isSecret: isSecretName(id) }])] }
        : undefined;
    }
    case 'insecureUrl': {
      if (node === undefined) return undefined;
      const secure = String(node.value).replace(/^http:/i, 'https:');
      return { code: 'useHttps', args: [], edits: [replaced(node, secure)] };
    }
    case 'nameClash': {
      if (node === undefined) return undefined;
      const taken = new Set(document.servers.map(({ name }) => name.toLowerCase()));
      const name = unused(finding.server ?? '', taken);
      return { code: 'rename', args: [name], edits: [replaced(node, name)] };
    }
    case 'portCollision': {
      if (finding.isOwnPort !== true) return undefined;
      const port = await freePort();
      return port === undefined
        ? undefined
        : { code: 'usePort', args: [String(port)], edits: [withPort(finding, port)] };
    }
    case 'commandMissing':
    case 'nameTaken':
    case 'badValue':
      return undefined;
  }
}

function withPort({ span, node, args: [port = ''] }: Finding, other: number): TextEdit {
  // Written with escapes, the whole text is what the finding is about.
  if (node?.type === 'string' && span.offset === node.offset)
    return replaced(node, String(node.value).replace(port, String(other)));
  return { offset: span.offset, length: span.length, text: String(other) };
}

function replaced(node: { readonly offset: number; readonly length: number }, text: string): TextEdit {
  return { offset: node.offset, length: node.length, text: JSON.stringify(text) };
}

function useInput(document: LifelineDocument, finding: Finding): Fix | undefined {
  const { node, parts, server = '' } = finding;
  const [name = 'secret'] = finding.args;
  if (node === undefined || parts === undefined || !document.isWhole) return undefined;
  const taken = new Set([...document.inputIds].map((id) => id.toLowerCase()));
  let value = String(node.value);
  const added: NewInput[] = [];
  for (const part of parts) {
    const id = unused(idOf(server, name), taken);
    taken.add(id.toLowerCase());
    added.push({ id, isSecret: true, description: name });
    value = value.split(part).join(`\${input:${id}}`);
  }
  return { code: 'useInput', args: [name], edits: [replaced(node, value), addInputs(document, added)] };
}

/** "GITHUB_TOKEN" of the server "git" is "git-github-token". */
function idOf(server: string, name: string): string {
  const words = `${server} ${name}`
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
  return words === '' ? 'secret' : words;
}

function unused(name: string, taken: ReadonlySet<string>): string {
  let unusedName = name;
  for (let number = 2; taken.has(unusedName.toLowerCase()); number += 1) unusedName = `${name}-${number}`;
  return unusedName;
}

interface NewInput {
  readonly id: string;
  readonly isSecret: boolean;
  readonly description?: string;
}

/** What adds inputs to a text, which may have some or none. Nothing else is touched: the library would lay out what is around it anew. */
function addInputs(
  { text, root, inputs, inputsPath }: LifelineDocument,
  added: readonly NewInput[],
): TextEdit {
  const values = added.map(({ id, isSecret, description }) => ({
    id,
    type: 'promptString',
    description: description ?? id,
    ...(isSecret ? { password: true } : {}),
  }));
  if (inputs?.type === 'array') return appended(text, inputs, values, '');
  const name = String(inputsPath.at(-1));
  const container = root && findNodeAtLocation(root, inputsPath.slice(0, -1));
  if (container === undefined) return { offset: 0, length: 0, text: '' };
  // What is there and no list is no use to anybody.
  return inputs === undefined
    ? appended(text, container, [values], `${JSON.stringify(name)}: `)
    : { offset: inputs.offset, length: inputs.length, text: JSON.stringify(values) };
}

/** New children behind the last one, laid out like it. A comma that stands behind the last one stays behind the new ones. */
function appended(text: string, container: Node, values: readonly unknown[], label: string): TextEdit {
  const last = container.children?.at(-1);
  if (last === undefined)
    return {
      offset: container.offset + 1,
      length: 0,
      text: values.map((value) => label + JSON.stringify(value)).join(', '),
    };
  const line = /(?:^|[\r\n])([ \t]*)$/.exec(text.slice(0, last.offset))?.[1];
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const unit = /[\r\n]([ \t]+)\S/.exec(text)?.[1]?.slice(0, 8) ?? '  ';
  const written = values.map((value) =>
    line === undefined
      ? `, ${label}${JSON.stringify(value)}`
      : `,${eol}${line}${label}${JSON.stringify(value, undefined, unit).replaceAll('\n', `${eol}${line}`)}`,
  );
  return { offset: last.offset + last.length, length: 0, text: written.join('') };
}

/** The text with edits that do not overlap. */
export function applied(text: string, edits: readonly TextEdit[]): string {
  return [...edits]
    .sort((a, b) => b.offset - a.offset)
    .reduce(
      (current, edit) => current.slice(0, edit.offset) + edit.text + current.slice(edit.offset + edit.length),
      text,
    );
}
