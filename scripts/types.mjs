// Type-checks every root on its own, so that a forbidden import (vscode in the engine, node in shared) does not compile.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const projects = [
  'src/shared',
  'src/endpoint',
  'src/bridge',
  'src/engine',
  'src/extension',
  'src/webview',
  'test',
  'test/editor',
];

let failed = 0;
for (const project of projects) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', path.join(root, project)], {
    stdio: 'inherit',
    cwd: root,
  });
  if (status !== 0) {
    failed += 1;
    console.error(`types: ${project} failed`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
