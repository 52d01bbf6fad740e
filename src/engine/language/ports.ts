import type { Node } from 'jsonc-parser';
import { itemsOf, memberOf, membersOf, partOf, textOf, type Span } from './lifelineDocument.ts';

/** A port that an entry names. */
export interface NamedPort {
  readonly port: number;
  readonly node: Node;
  readonly span: Span;
  /** The server opens it itself; else it is where the server is reached. */
  readonly isOwn: boolean;
}

/** Options and variables that say where a server listens; `--db-port` and such say where it connects to. */
const listening =
  /^(?:(?:mcp|http|https|sse|ws|server|listen|bind|web|ui)[-_]?)?(?:server[-_]?|http[-_]?|sse[-_]?)?port$/i;
const loopback = /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|\[::\])$/i;

/** Whether an address is one of this machine. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

function asPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Every port of an entry that two servers cannot share. */
export function portsOf(text: string, entry: Node): readonly NamedPort[] {
  const found: NamedPort[] = [];
  const add = (node: Node, written: string, isOwn: boolean, from = 0): void => {
    const port = asPort(written);
    if (port !== undefined) found.push({ port, node, span: partOf(text, node, written, from), isOwn });
  };
  const args = itemsOf(memberOf(entry, 'args'));
  for (const [index, node] of args.entries()) {
    const own = textOf(node) ?? '';
    const before = textOf(args[index - 1]) ?? '';
    const [, name = '', value = ''] = /^-{0,2}([\w-]{1,64})=(.{1,200})$/.exec(own) ?? [];
    if (listening.test(name)) add(node, value, true, own.length - value.length);
    else if (before.startsWith('--') && listening.test(before.slice(2))) add(node, own, true);
    else if (before === '-p' || before === '--publish') {
      // docker run -p [address:]host:container
      const published = /^(?:[^:]*:)?(\d{1,5}):\d{1,5}(?:\/\w+)?$/.exec(own)?.[1];
      if (published !== undefined) add(node, published, true, own.lastIndexOf(`${published}:`));
    }
  }
  for (const { name, value } of membersOf(memberOf(entry, 'env')))
    if (value !== undefined && listening.test(name) && (value.type === 'string' || value.type === 'number'))
      add(value, String(value.value), true, value.type === 'number' ? -1 : 0);
  const url = memberOf(entry, 'url');
  const address = textOf(url) ?? '';
  if (url !== undefined && URL.canParse(address)) {
    const { hostname, port } = new URL(address);
    if (isLoopback(hostname)) add(url, port, false, address.indexOf('://') + 3);
  }
  return found;
}
