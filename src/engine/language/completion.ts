import { findNodeAtOffset, type Node } from 'jsonc-parser';
import { variableTexts } from './findings.ts';
import type { LifelineDocument, Span } from './lifelineDocument.ts';

/** A variable that may stand where somebody types. */
export interface VariableProposal {
  /** `${input:token}`. */
  readonly text: string;
  readonly kind: 'input' | 'workspaceFolder' | 'userHome' | 'env';
  readonly span: Span;
}

/**
 * Variables for a text of an entry, from its `$` on (requirements R1.4). Members and their values are not proposed: the editor has them from
 * the schema of the setting.
 */
export function proposalsAt(document: LifelineDocument, offset: number): readonly VariableProposal[] {
  const { root, servers, text, inputIds } = document;
  const node = root && findNodeAtOffset(root, offset, true);
  if (node?.type !== 'string') return [];
  const server = servers.find(({ value }) => value !== undefined && isInside(value, offset));
  if (server?.value === undefined || !variableTexts(server.value).includes(node)) return [];
  const before = text.slice(node.offset + 1, offset);
  const typed = /\$(?:\{[^{}"]*)?$/.exec(before)?.[0];
  if (typed === undefined) return [];
  const start = offset - typed.length;
  // What the editor has closed by itself, or what is being replaced.
  const rest = /^[^{}"\s$]*\}/.exec(text.slice(offset, node.offset + node.length))?.[0] ?? '';
  const span = { offset: start, length: typed.length + rest.length };
  return [
    ...[...inputIds].map((id) => ({ text: `\${input:${id}}`, kind: 'input' as const, span })),
    { text: '${workspaceFolder}', kind: 'workspaceFolder', span },
    { text: '${userHome}', kind: 'userHome', span },
    { text: '${env:}', kind: 'env', span },
  ];
}

function isInside({ offset, length }: Node, at: number): boolean {
  return at > offset && at < offset + length;
}
