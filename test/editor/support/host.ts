/**
 * For suites inside the extension host: configure servers, start them through VS Code's own MCP client, call their tools,
 * read what the extension says about them.
 */
import * as vscode from 'vscode';
import { commands, editorServerId, extensionId, settingsPrefix } from '../../../src/shared/contributions.ts';
import { parseSnapshot, type ServerSnapshot, type Snapshot } from '../../../src/shared/model/snapshot.ts';
import { until } from './until.ts';

export { isRunning, killForSure } from './processes.ts';
export { until } from './until.ts';

/** One entry of `mcpLifeline.servers`. */
export interface ServerEntry {
  readonly type?: 'stdio' | 'http';
  readonly command?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly lifeline?: Readonly<Record<string, unknown>>;
}

/** The project's root, where the servers under test are. */
export function projectRoot(): string {
  const root = process.env['EDITOR_TEST_ROOT'];
  if (root === undefined)
    throw new Error('EDITOR_TEST_ROOT is not set: start the suites with test/editor/run.ts');
  return root;
}

/** The Node that test servers are started with. In a desktop VS Code `process.execPath` is not one. */
export function nodeBinary(): string {
  return process.env['EDITOR_TEST_NODE'] ?? process.execPath;
}

/** The extension under test, activated. */
export async function activateExtension(): Promise<vscode.Extension<unknown>> {
  const extension = await until(`${extensionId} is known`, () => vscode.extensions.getExtension(extensionId));
  await extension.activate();
  return extension;
}

/** The entries of `mcpLifeline.servers` in the user settings. */
export function configuredServers(): Readonly<Record<string, ServerEntry>> {
  const inspected = vscode.workspace
    .getConfiguration(settingsPrefix)
    .inspect<Record<string, ServerEntry>>('servers');
  return inspected?.globalValue ?? {};
}

/** Replaces `mcpLifeline.servers` in the user settings and returns when the editor has announced the change. */
export async function configureServers(servers: Readonly<Record<string, ServerEntry>>): Promise<void> {
  if (JSON.stringify(servers) === JSON.stringify(configuredServers())) return;
  const announced = nextEvent(
    vscode.workspace.onDidChangeConfiguration,
    (change) => change.affectsConfiguration(`${settingsPrefix}.servers`),
    10_000,
  );
  await vscode.workspace
    .getConfiguration(settingsPrefix)
    .update('servers', servers, vscode.ConfigurationTarget.Global);
  await announced;
}

/** The first event that `isWanted`; rejects after `limitMs`. Subscribe before doing what causes it. */
export function nextEvent<T>(
  event: vscode.Event<T>,
  isWanted: (value: T) => boolean,
  limitMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const subscription = event((value) => {
      if (!isWanted(value)) return;
      clearTimeout(timer);
      subscription.dispose();
      resolve(value);
    });
    const timer = setTimeout(() => {
      subscription.dispose();
      reject(new Error(`No such event within ${limitMs} ms`));
    }, limitMs);
  });
}

/**
 * Lets tools run without a question, which a test host would refuse. The suites' runner has done it; the user setting
 * `chat.tools.global.autoApprove` must be true as well.
 */
export async function approveAllTools(): Promise<void> {
  await vscode.commands.executeCommand('setContext', 'vscode.chat.tools.global.autoApprove.testMode', true);
}

/**
 * Starts a server as VS Code does when chat needs it, and waits until all `tools` are in `vscode.lm.tools`.
 * VS Code learns of a changed definition up to 500 ms after the event and drops a start of an id that it does not know
 * yet, so the start is asked for again until there is something to see.
 * @param tools names as the server gives them
 */
export async function startServer(
  label: string,
  tools: readonly string[],
  { limitMs = 20_000, serverPart = '' }: { readonly limitMs?: number; readonly serverPart?: string } = {},
): Promise<void> {
  const request = { isOpen: false, nextAt: 0 };
  await until(
    `the tools ${tools.join(', ')} of ${label} are listed`,
    () => {
      if (tools.every((tool) => findTool(tool, serverPart) !== undefined)) return true;
      if (!request.isOpen && performance.now() >= request.nextAt) {
        request.isOpen = true;
        // Not awaited: it is answered when the server has answered, which may be never.
        void vscode.commands
          .executeCommand('workbench.mcp.startServer', editorServerId(label), {
            errorOnUserInteraction: true,
            waitForLiveTools: true,
          })
          .then(undefined, () => undefined)
          .then(() => {
            request.isOpen = false;
            request.nextAt = performance.now() + 1_000;
          });
      }
      return false;
    },
    limitMs,
  );
}

export async function stopServer(label: string): Promise<void> {
  await vscode.commands.executeCommand('workbench.mcp.stopServer', editorServerId(label));
}

export async function restartServer(label: string): Promise<void> {
  await vscode.commands.executeCommand('workbench.mcp.restartServer', editorServerId(label));
}

/**
 * VS Code names a tool `mcp_<server title, shortened>_<tool>`.
 * @param serverPart what the part before the tool's name contains, when several servers have a tool of that name
 */
export function findTool(tool: string, serverPart = ''): vscode.LanguageModelToolInformation | undefined {
  return vscode.lm.tools.find(
    ({ name }) =>
      name.startsWith('mcp_') &&
      name.endsWith(`_${tool}`) &&
      name.slice(0, -tool.length).toLowerCase().includes(serverPart.toLowerCase()),
  );
}

/** All that VS Code lists of MCP servers now. */
export function mcpTools(): readonly string[] {
  return vscode.lm.tools.map((tool) => tool.name).filter((name) => name.startsWith('mcp_'));
}

/**
 * Calls a tool through VS Code's MCP client.
 * @param tool as in `findTool`
 * @returns the text that the model would get; what MCP Lifeline adds to it (a restart lost the server's memory) only with `withNotes`
 */
export async function callTool(
  tool: string,
  input: Readonly<Record<string, unknown>>,
  options: {
    readonly serverPart?: string;
    readonly token?: vscode.CancellationToken;
    readonly withNotes?: boolean;
  } = {},
): Promise<string> {
  const found = findTool(tool, options.serverPart);
  if (found === undefined) throw new Error(`${tool} is not among ${mcpTools().join(', ')}`);
  const result = await vscode.lm.invokeTool(
    found.name,
    { input, toolInvocationToken: undefined },
    options.token,
  );
  return result.content
    .map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : `[${typeof part}]`))
    .filter((text) => options.withNotes === true || !text.startsWith('Note of MCP Lifeline: '))
    .join('\n');
}

/** What the extension knows about all servers; undefined while it has no engine to ask. */
export async function readSnapshot(): Promise<Snapshot | undefined> {
  const answer = await vscode.commands.executeCommand<{ engine: unknown }>(commands.getConnectionStatus);
  return answer.engine === null ? undefined : parseSnapshot(answer);
}

/** Waits until the snapshot's entry of a server fulfils `isWanted`. */
export async function untilServer(
  label: string,
  what: string,
  isWanted: (server: ServerSnapshot) => boolean,
  limitMs = 15_000,
): Promise<ServerSnapshot> {
  let last: ServerSnapshot | undefined;
  try {
    return await until(
      `${label} ${what}`,
      async () => {
        last = (await readSnapshot())?.servers.find((server) => server.id === label);
        return last !== undefined && isWanted(last) ? last : undefined;
      },
      limitMs,
    );
  } catch (error) {
    throw new Error(`Last seen: ${JSON.stringify(last)}`, { cause: error });
  }
}

/** The process of a server, once it runs. */
export async function pidOf(label: string, limitMs = 15_000): Promise<number> {
  const { pids } = await untilServer(label, 'has a process', (server) => server.pids.length > 0, limitMs);
  return pids[0]!;
}
