import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isWindowId, lifelineHome } from '../../endpoint/location.ts';
import { breakText, hasTrail } from '../observability/audit/auditVerdict.ts';
import { verifyFiles, verifyFolder, type Verdict } from '../observability/audit/verifyAudit.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { engineOptions } from './client.ts';
import { say } from './output.ts';
import { printable } from './table.ts';

const MAX_FILES = 10_000;

interface Trail {
  readonly name: string;
  readonly verify: () => Promise<Verdict>;
}

/** `verify-audit`: whether trails are as they were written; no engine has to run. Answers the exit code: 1 when one is not. */
export async function verifyAuditTrails(args: readonly string[]): Promise<number> {
  const options = { ...engineOptions, json: { type: 'boolean' } } as const;
  const { values, positionals } = readArguments(args, options, MAX_FILES);
  const trails = positionals.length > 0 ? named(positionals) : known(values.endpoint, values.window);
  const results: { readonly trail: string; readonly verdict: Verdict }[] = [];
  for (const { name, verify } of trails) {
    try {
      results.push({ trail: name, verdict: await verify() });
    } catch (error) {
      throw new UsageError(
        `${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  const isWhole = results.every(({ verdict }) => verdict.broken === undefined);
  if (values.json === true)
    say(
      JSON.stringify({
        ok: isWhole,
        trails: results.map(({ trail, verdict }) => ({
          trail,
          ok: verdict.broken === undefined,
          ...verdict,
        })),
      }),
    );
  else for (const { trail, verdict } of results) say(printableLines(textOf(trail, verdict)));
  return isWhole ? exitCodes.well : exitCodes.unhealthy;
}

const printableLines = (lines: readonly string[]): string => lines.map(printable).join('\n');

function textOf(trail: string, { broken, lines, first, last, notes }: Verdict): string[] {
  const range = lines === 0 ? 'no lines' : `lines ${first} to ${last}`;
  return [
    broken === undefined
      ? `${trail}: whole, ${range}`
      : `${trail}: broken. ${lines === 0 ? 'Nothing before it is whole.' : `Whole before it: ${range}.`}`,
    ...(broken === undefined ? [] : [`  ${breakText(broken)}`]),
    ...notes.map((note) => `  note: ${note}`),
  ];
}

/** Folders, and files of one chain. */
function named(paths: readonly string[]): Trail[] {
  const files: string[] = [];
  const trails: Trail[] = [];
  for (const path of paths.map((written) => resolve(written))) {
    if (!existsSync(path)) throw new UsageError(`${path} does not exist.`);
    if (!statSync(path).isDirectory()) files.push(path);
    else if (hasTrail(path)) trails.push(trailIn(path));
    else throw new UsageError(`There is no audit trail in ${path}.`);
  }
  if (files.length > 0) trails.push({ name: files.join(', '), verify: () => verifyFiles(files) });
  return trails;
}

/** Those of an engine that is named by its file or its window; else of every engine that has left one. */
function known(endpoint: string | undefined, window: string | undefined): Trail[] {
  if (endpoint !== undefined && window !== undefined)
    throw new UsageError('--endpoint and --window exclude each other.');
  if (window !== undefined && !isWindowId(window))
    throw new UsageError(`${JSON.stringify(window)} is not a window id.`);
  const home = endpoint === undefined ? lifelineHome() : dirname(dirname(resolve(endpoint)));
  const root = join(home, 'audit');
  const id = endpoint === undefined ? window : basename(endpoint, '.json');
  const ids = id !== undefined ? [id] : existsSync(root) ? readdirSync(root).sort() : [];
  const folders = ids.map((name) => join(root, name)).filter(hasTrail);
  if (folders.length === 0)
    throw new UsageError(`There is no audit trail in ${id === undefined ? root : join(root, id)}.`);
  return folders.map(trailIn);
}

function trailIn(folder: string): Trail {
  return { name: folder, verify: () => verifyFolder(folder) };
}
