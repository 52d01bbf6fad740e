import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { endpointsFolder } from '../../../src/endpoint/location.ts';
import { HttpPeer } from '../../support/httpPeer.ts';
import { LineClient, textOf } from '../../support/lineClient.ts';
import { bridgePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, killForSure, until, type EditorWindow } from './window.ts';

/** The process of a server that is called through a bridge. */
export async function pidOf(client: LineClient): Promise<number> {
  return Number(textOf(await client.call('pid')));
}

/** The dashboard in the side bar. */
export async function dashboardFrame(window: EditorWindow): Promise<Frame> {
  return until('a dashboard is shown', async () => {
    for (const frame of window.page.frames())
      if ((await frame.locator('body[data-words] article').count()) > 0) return frame;
    return undefined;
  });
}

/**
 * An installed editor whose servers can be broken on purpose: processes that can be kept from starting, or from answering their `initialize`,
 * `web` (an HTTP server), and `steady`, which is never touched. Each may be a victim once: a server is tried again after a minute in its first
 * crash loop, and sooner when it has come back from one.
 */
export class BrokenServers {
  readonly editor: InstalledEditor;
  readonly web: HttpPeer;
  readonly #folder: string;
  readonly #bridges: LineClient[] = [];

  private constructor(editor: InstalledEditor, web: HttpPeer, folder: string) {
    this.editor = editor;
    this.web = web;
    this.#folder = folder;
  }

  /** @param settings over those of `InstalledEditor.start` */
  static async start(
    victims: readonly string[],
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<BrokenServers> {
    const folder = mkdtempSync(join(tmpdir(), 'mcp-lifeline-broken-'));
    const web = await new HttpPeer().start();
    const editor = await InstalledEditor.start({
      'mcpLifeline.servers': {
        ...Object.fromEntries(
          victims.map((name) => [
            name,
            scripted({ EXIT_IF: join(folder, `${name}.exit`), HANG_IF: join(folder, `${name}.hang`) }),
          ]),
        ),
        web: { type: 'http', url: web.url },
        steady: scripted(),
      },
      ...settings,
    });
    return new BrokenServers(editor, web, folder);
  }

  #windowIds(): string[] {
    try {
      return readdirSync(endpointsFolder(this.editor.lifelineHome))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length));
    } catch {
      return []; // no engine has been started yet
    }
  }

  /** A window, and a way to its servers. */
  async open(
    folderName = 'workspace',
    language?: string,
  ): Promise<{ window: EditorWindow; bridgeTo: (server: string) => Promise<LineClient> }> {
    const known = new Set(this.#windowIds());
    const window = await this.editor.openWindow(this.editor.folder(folderName), language);
    const id = await until('the window has an engine', () =>
      this.#windowIds().find((name) => !known.has(name)),
    );
    const env = { ...process.env, MCP_LIFELINE_HOME: this.editor.lifelineHome };
    const bridgeTo = async (server: string): Promise<LineClient> => {
      const args = [bridgePath, '--server', server, '--window', id];
      const client = new LineClient(process.execPath, args, { env });
      this.#bridges.push(client);
      await client.initialize();
      return client;
    };
    return { window, bridgeTo };
  }

  /**
   * Kills a server's process, which runs; others end as soon as they are started (`exit`), or never answer (`hang`), until `mend`.
   * @returns when it was killed, wall-clock milliseconds
   */
  async break(server: string, pid: number, how: 'exit' | 'hang' = 'exit'): Promise<number> {
    this.keepDown(server, how);
    const at = Date.now();
    await killForSure(pid);
    return at;
  }

  /** The same for processes that are yet to be started. */
  keepDown(server: string, how: 'exit' | 'hang' = 'exit'): void {
    writeFileSync(join(this.#folder, `${server}.${how}`), '');
  }

  /** Whatever was broken would work again. */
  mend(): void {
    for (const trap of readdirSync(this.#folder)) rmSync(join(this.#folder, trap));
    this.web.hook = () => undefined;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.close()));
    await this.editor.stop();
    await this.web.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
