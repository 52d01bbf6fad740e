// Installs the programs that the bench compares us with, on its first run, outside the work tree, once for each lockfile. Prints the folder.
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { provide } from '../../scripts/cache.mjs';
import { npm } from '../../scripts/install.mjs';

const here = import.meta.dirname;
const hash = createHash('sha256')
  .update(readFileSync(path.join(here, 'package-lock.json')))
  .digest('hex');
const folder = await provide(`bench-peers-${hash.slice(0, 16)}`, async (building) => {
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(path.join(here, file), path.join(building, file));
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code, output } = await npm(args, { cwd: building, limitMs: 300_000, output: 'pipe' });
  if (code !== 0) throw new Error(`npm ci of the peers failed (${code}):\n${output}`);
});
console.log(folder);
