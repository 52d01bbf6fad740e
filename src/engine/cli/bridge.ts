import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `bridge`: runs the bridge's own program in this process; it reads the arguments by itself. */
export async function runBridge(): Promise<void> {
  // npm starts programs through a link; the bridge is beside what the link names.
  const folder = dirname(realpathSync(process.argv[1] ?? ''));
  const built = join(folder, 'bridge.cjs');
  const program = existsSync(built) ? built : join(folder, '..', 'bridge', 'main.ts');
  await import(pathToFileURL(program).href);
}
