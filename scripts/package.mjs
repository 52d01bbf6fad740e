#!/usr/bin/env node
/**
 * Builds the bundles and packs them into `dist/mcp-lifeline-<version>.vsix`, the file that is tested and published.
 */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot, toolEnvironment, underProjectNode } from './install.mjs';
import { run, say } from './processes.mjs';

/** @returns {string} where the VSIX of this version is, or will be */
export function vsixFile() {
  const { name, version } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));
  return path.join(projectRoot, 'dist', `${name}-${version}.vsix`);
}

async function step(args) {
  const { code, output } = await run(process.execPath, args, {
    cwd: projectRoot,
    env: toolEnvironment(),
    limitMs: 120_000,
    output: 'pipe',
  });
  if (code !== 0) throw new Error(`${path.basename(args[0])} failed (${code}):\n${output}`);
}

/** @returns {Promise<string>} the VSIX */
export async function buildVsix() {
  const file = vsixFile();
  await step(['esbuild.mjs']);
  const dist = path.dirname(file);
  // The bundles of other versions must not be taken for this one's.
  for (const entry of readdirSync(dist)) {
    if (entry.endsWith('.vsix')) rmSync(path.join(dist, entry));
  }
  const vsce = path.join(projectRoot, 'node_modules', '@vscode', 'vsce', 'vsce');
  // Everything is in the bundles, and relative links of the README stay as they are: no repository is named.
  await step([
    vsce,
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--out',
    file,
  ]);
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await underProjectNode(import.meta.url);
  const file = await buildVsix();
  say(`${path.relative(projectRoot, file)}, ${(statSync(file).size / 1_024).toFixed(0)} KB`);
}
