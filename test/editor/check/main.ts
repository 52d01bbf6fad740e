/**
 * `npm start -- --check`: runs in the extension host beside the installed extension, calls a tool through VS Code's own
 * MCP client, kills the server behind it, and calls again.
 */
import { ownLineMark } from '../../../scripts/ownLineMark.mjs';
import {
  activateExtension,
  approveAllTools,
  callTool,
  killForSure,
  mcpTools,
  pidOf,
  startServer,
} from '../support/host.ts';

const server = 'everything';

function print(text: string): void {
  console.log(`${ownLineMark}  ${text}`);
}

async function timed<T>(what: (result: T) => string, act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await act();
  print(`${(performance.now() - began).toFixed(0).padStart(6)} ms  ${what(result)}`);
  return result;
}

async function echo(message: string): Promise<void> {
  await timed(
    (text) => `VS Code called "echo": ${JSON.stringify(text)}`,
    async () => {
      const text = await callTool('echo', { message });
      if (!text.includes(message)) throw new Error(`"echo" answered ${JSON.stringify(text)}`);
      return text;
    },
  );
}

export async function run(): Promise<void> {
  try {
    await timed(
      (extension) =>
        `${extension.id} ${String((extension.packageJSON as { version: unknown }).version)} is active`,
      activateExtension,
    );
    await approveAllTools();
    await timed(
      () => `the server "${server}" is started, ${mcpTools().length} tools are listed`,
      () => startServer(server, ['echo']),
    );
    await echo('before the kill');
    const pid = await pidOf(server);
    await timed(
      () => `process ${pid} of "${server}" is killed (SIGKILL)`,
      () => killForSure(pid),
    );
    await echo('after the kill');
    const now = await pidOf(server);
    if (now === pid) throw new Error(`process ${pid} is still named as the server's process`);
    print(`           the server now runs as process ${now}`);
  } catch (error) {
    print(`failed: ${error instanceof Error ? error.message : String(error)}`);
    throw error;
  }
}
