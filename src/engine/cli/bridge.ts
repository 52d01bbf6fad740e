import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** `bridge`: runs the bridge's own program in this process; it reads the arguments by itself. */
export function runBridge(): void {
  // npm starts programs through a link; the bridge is beside what the link names.
  const folder = dirname(realpathSync(process.argv[1] ?? ''));
  const built = join(folder, 'bridge.cjs');
  const program = existsSync(built) ? built : join(folder, '..', 'bridge', 'main.ts');
  createRequire(program)(program);
}
