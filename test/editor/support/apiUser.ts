import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleForEditor } from '../../../scripts/bundleForEditor.mjs';
import { projectRoot, toolEnvironment } from '../../../scripts/install.mjs';
import { run } from '../../../scripts/processes.mjs';
import { until } from './until.ts';
import type { EditorWindow } from './window.ts';

const commands = {
  status: 'Status',
  recover: 'Recover',
  call: 'Call',
  watch: 'Watch',
  newer: 'Newer',
  tool: 'Tool',
} as const;

type Command = keyof typeof commands;

/** The second extension (`test/editor/apiUser`), packed, and what it has got from our API. */
export class ApiUser {
  readonly vsix: string;
  /** Its own, for files of the test too. */
  readonly folder: string;
  #read = 0;

  private constructor(folder: string, vsix: string) {
    this.folder = folder;
    this.vsix = vsix;
  }

  static async pack(): Promise<ApiUser> {
    const folder = mkdtempSync(join(tmpdir(), 'lifeline-api-user-'));
    const own = join(folder, 'extension');
    mkdirSync(own);
    const bundle = await bundleForEditor('apiUser', `export * from './test/editor/apiUser/extension.ts';`);
    copyFileSync(bundle, join(own, 'extension.cjs'));
    writeFileSync(join(own, 'README.md'), 'A user of the API of MCP Lifeline, for tests.\n');
    writeFileSync(
      join(own, 'package.json'),
      JSON.stringify({
        name: 'api-user',
        displayName: 'Api User',
        publisher: 'somebody-else',
        version: '0.0.1',
        license: 'MIT',
        engines: { vscode: '^1.100.0' },
        main: './extension.cjs',
        extensionKind: ['workspace'],
        activationEvents: [],
        capabilities: { untrustedWorkspaces: { supported: true }, virtualWorkspaces: true },
        contributes: {
          commands: Object.entries(commands).map(([id, title]) => ({
            command: `apiUser.${id}`,
            title: `Api User: ${title}`,
          })),
        },
      }),
    );
    const vsix = join(folder, 'api-user.vsix');
    const vsce = join(projectRoot, 'node_modules', '@vscode', 'vsce', 'vsce');
    const { code, output } = await run(
      process.execPath,
      [vsce, 'package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', vsix],
      { cwd: own, env: toolEnvironment(), limitMs: 60_000, output: 'pipe' },
    );
    if (code !== 0) throw new Error(`Packing the second extension failed (${code}):\n${output}`);
    return new ApiUser(folder, vsix);
  }

  /** For the editor it is installed in. */
  get environment(): NodeJS.ProcessEnv {
    return { API_USER_LOG: this.#log };
  }

  /** Runs a command of it from the palette; does not wait for its answer. */
  async start(window: EditorWindow, command: Command, wanted: object = {}): Promise<void> {
    this.#read = this.#lines().length;
    writeFileSync(`${this.#log}.wanted`, JSON.stringify(wanted));
    await window.runCommand(`Api User: ${commands[command]}`);
  }

  /** What the command that was started last got. */
  async answer(command: Command | 'changed', limitMs = 40_000): Promise<unknown> {
    return until(
      `the second extension has got: ${command}`,
      () => {
        const found = this.#lines()
          .slice(this.#read)
          .find(({ what }) => what === command);
        return found === undefined ? undefined : { value: found.value };
      },
      limitMs,
    ).then(({ value }) => value);
  }

  /** Whether it has got one since. */
  hasAnswer(command: Command): boolean {
    return this.#lines()
      .slice(this.#read)
      .some(({ what }) => what === command);
  }

  async ask(window: EditorWindow, command: Command, wanted: object = {}): Promise<unknown> {
    await this.start(window, command, wanted);
    return this.answer(command);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  get #log(): string {
    return join(this.folder, 'log.jsonl');
  }

  #lines(): { readonly what: string; readonly value: unknown }[] {
    if (!existsSync(this.#log)) return [];
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { what: string; value: unknown });
  }
}
