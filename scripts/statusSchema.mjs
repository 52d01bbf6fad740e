// The JSON schema of the status, made of the engine's own parser and the table of docs/status.md: `npm run schema` writes schemas/status.schema.json. Its test
// calls `statusSchema` and `undocumented`.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod/mini';
import { snapshotSchema } from '../src/shared/model/snapshot.ts';

const root = path.join(import.meta.dirname, '..');
export const schemaFile = path.join(root, 'schemas', 'status.schema.json');
const docFile = path.join(root, 'docs', 'status.md');

/** Member → its unit and meaning, as the table has them. */
function documented() {
  const rows = readFileSync(docFile, 'utf8').matchAll(/^\| `([^`]+)` \??\s*\|([^|]*)\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, member, unit, meaning]) => [member, sentence(unit.trim(), meaning.trim())]),
  );
}

const sentence = (unit, meaning) =>
  [unit === '' ? '' : `[${unit}]`, plain(meaning)].filter(Boolean).join(' ');
/** Links and marks are for the page. */
const plain = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '"');

/** Calls `visit` with every member of a schema, by its path. */
function walk(schema, at, visit) {
  if (schema.type === 'array') walk(schema.items, `${at}[]`, visit);
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const own = at === '' ? name : `${at}.${name}`;
    visit(own, member);
    walk(member, own, visit);
  }
}

/** `strict`: as this version writes it, with no other members; else as any reader of version 1 must take it. */
export function statusSchema({ strict = false } = {}) {
  const { $schema, ...schema } = z.toJSONSchema(snapshotSchema, { io: strict ? 'output' : 'input' });
  const rows = documented();
  walk(schema, '', (member, own) => {
    const text = rows.get(member) ?? rows.get(`${member}.*`);
    if (text !== undefined && text !== '') own.description = text;
  });
  const title = 'Status of MCP Lifeline';
  const description =
    'What "mcp-lifeline status --json", GET /status and getConnectionStatus answer. Members may be added; docs/status.md tells what they mean.';
  return { $schema, title, description, ...schema };
}

/** Members that the page does not tell of, and rows of it without a member. */
export function undocumented() {
  const rows = documented();
  const members = new Set();
  walk(statusSchema(), '', (member) => members.add(member));
  const isUnder = (member, row) =>
    row.endsWith('.*') &&
    (member === row.slice(0, -2) || /^[.[]/.test(member.slice(row.length - 2))) &&
    member.startsWith(row.slice(0, -2));
  return {
    missing: [...members].filter(
      (member) => !rows.has(member) && ![...rows.keys()].some((row) => isUnder(member, row)),
    ),
    surplus: [...rows.keys()].filter(
      (row) => !members.has(row) && !(row.endsWith('.*') && members.has(row.slice(0, -2))),
    ),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(schemaFile, `${JSON.stringify(statusSchema(), undefined, 2)}\n`);
