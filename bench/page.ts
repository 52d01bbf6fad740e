import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../test/support/testEngine.ts';

/** Options of the command line, and the place of its figures in docs/benchmarks.md. */

export const option = (name: string): string | undefined =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);

/** The large numbers a hundredth or a tenth of what they are, to try it; nothing is written down. */
export const isQuick = process.argv.includes('--quick');

/** The seed that was asked for, or any. */
export const seedOf = (): number => Number(option('seed') ?? Math.floor(Math.random() * 1_000_000));

export function versions(): string {
  const manifest = readFileSync(join(projectRoot, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return `${new Date().toISOString().slice(0, 10)}, version ${version}, Node ${process.version}, ${process.platform}`;
}

/** Puts `head` and `text` between the marks of `name`, in the form that the format check wants. */
export function intoBenchmarks(name: string, head: string, text: string): void {
  const file = join(projectRoot, 'docs', 'benchmarks.md');
  const page = readFileSync(file, 'utf8');
  const begin = `<!-- bench:${name} begin -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(`<!-- bench:${name} end -->`)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for bench:${name}`);
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${head}\n\n${text}\n\n${page.slice(to)}`);
  const prettier = join(projectRoot, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  execFileSync(process.execPath, [prettier, '--write', file], { stdio: 'ignore' });
}
