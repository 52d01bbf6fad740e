import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient, textOf, type Message, type ToolResult } from '../../support/lineClient.ts';
import { bridgePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

/** A call that runs until the test lets it end: its server asks back, and waits for the answer. */
interface OpenCall {
  readonly answer: Promise<Message>;
  end(): void;
}

describe('Force Recovery while calls are running', function () {
  this.timeout(240_000);
  let editor: InstalledEditor;
  let folder: string;
  let shown: EditorWindow | undefined;
  const bridges: LineClient[] = [];

  before(async function () {
    this.timeout(240_000);
    folder = mkdtempSync(join(tmpdir(), 'mcp-lifeline-trap-'));
    editor = await InstalledEditor.start({
      // Longer than the tests; in crash loop nothing is tried again before a minute has passed.
      'mcpLifeline.connection.requestTimeout': 600,
      'mcpLifeline.servers': {
        notes: scripted({ EXIT_IF: trapOf('notes') }),
        weather: scripted({ EXIT_IF: trapOf('weather') }),
        steady: scripted(),
      },
    });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await shown?.screenshot('force-recovery-failed');
    for (const server of ['notes', 'weather']) rmSync(trapOf(server), { force: true });
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(bridges.map((bridge) => bridge.close()));
    await editor.stop();
  });

  /** While it is there, the server ends as soon as it is started. */
  function trapOf(server: string): string {
    return join(folder, server);
  }

  function windowIds(): string[] {
    try {
      return readdirSync(endpointsFolder(editor.lifelineHome))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length));
    } catch {
      return []; // no engine has been started yet
    }
  }

  /** A window, and a way to its servers. */
  async function open(
    folderName: string,
    language?: string,
  ): Promise<{ window: EditorWindow; bridgeTo: (server: string) => Promise<LineClient> }> {
    const known = new Set(windowIds());
    const window = await editor.openWindow(editor.folder(folderName), language);
    shown = window;
    const id = await until('the window has an engine', () => windowIds().find((name) => !known.has(name)));
    const env = { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome };
    return {
      window,
      async bridgeTo(server) {
        const client = new LineClient(process.execPath, [bridgePath, '--server', server, '--window', id], {
          env,
        });
        bridges.push(client);
        await client.initialize({ roots: {} });
        return client;
      },
    };
  }

  async function openCall(client: LineClient): Promise<OpenCall> {
    const asked = new Promise<Message>((resolve) => (client.onServerRequest = resolve));
    const answer = client.request('tools/call', { name: 'ask', arguments: {} }, 120_000);
    const { id } = await asked;
    return { answer, end: () => client.write({ id, result: { roots: [] } }) };
  }

  /** The server keeps failing for whoever starts it now; who has a process of it keeps that. */
  async function breakForOthers(
    window: EditorWindow,
    bridgeTo: (server: string) => Promise<LineClient>,
    servers: readonly string[],
  ): Promise<void> {
    for (const server of servers) {
      writeFileSync(trapOf(server), '');
      await bridgeTo(server);
    }
    await until(
      'the servers keep failing',
      async () => {
        const rows = await window.treeRows();
        return servers.every((server) =>
          rows.some((row) => row.startsWith(server) && /keeps failing|continua falhando/.test(row)),
        );
      },
      60_000,
    );
  }

  const dialogOf = (window: EditorWindow) => window.page.locator('.monaco-dialog-box');

  /** Runs the command, and answers what the editor asks. */
  async function question(window: EditorWindow, command: string): Promise<string> {
    await window.runCommand(command);
    const dialog = dialogOf(window);
    await dialog.waitFor();
    return dialog.innerText();
  }

  async function choose(window: EditorWindow, button: string): Promise<void> {
    await dialogOf(window).getByRole('button', { name: button, exact: true }).click();
    await dialogOf(window).waitFor({ state: 'hidden' });
  }

  const pidOf = async (client: LineClient): Promise<string> => textOf(await client.call('pid'));

  it('R5.6 "all" asks before it ends calls: declined, they go on and are answered; accepted, they end with an error and the servers recover', async () => {
    const { window, bridgeTo } = await open('asked');
    const notes = await bridgeTo('notes');
    const weather = await bridgeTo('weather');
    const steady = await bridgeTo('steady');
    const pids = [await pidOf(notes), await pidOf(weather), await pidOf(steady)];
    const untouched = await openCall(steady);
    let calls = [await openCall(notes), await openCall(notes), await openCall(weather)];
    await breakForOthers(window, bridgeTo, ['notes', 'weather']);

    assert.match(
      await question(window, 'MCP Lifeline: Force Recovery'),
      /End 3 running calls on notes, weather\?\s+A fresh start ends/,
    );
    await window.screenshot('force-recovery-asks');
    await choose(window, 'Cancel');
    for (const call of calls) call.end();
    for (const { answer } of calls) {
      const { result } = await answer;
      assert.equal((result as unknown as ToolResult | undefined)?.isError ?? false, false);
    }
    assert.deepEqual([await pidOf(notes), await pidOf(weather), await pidOf(steady)], pids);

    await window.runCommand('Preferences: Toggle between Light/Dark Themes');
    calls = [await openCall(notes)];
    assert.match(await question(window, 'MCP Lifeline: Force Recovery'), /End the running call on notes\?/);
    await window.screenshot('force-recovery-asks-dark');
    for (const server of ['notes', 'weather']) rmSync(trapOf(server));
    await choose(window, 'Recover');
    const ended = await calls[0]!.answer;
    assert.match(JSON.stringify(ended), /outcome.?unknown|may have been/i);
    const told = await until('the result is told', async () =>
      (await window.notifications()).find((text) => text.includes('Recovered')),
    );
    assert.match(told, /notes.*weather/);
    await window.screenshot('force-recovery-result');
    const [newNotes, newWeather, same] = [await pidOf(notes), await pidOf(weather), await pidOf(steady)];
    assert.notEqual(newNotes, pids[0]);
    assert.notEqual(newWeather, pids[1]);
    assert.equal(same, pids[2], 'a healthy server is left alone, also while it runs a call');
    untouched.end();
    assert.equal((await untouched.answer).error, undefined);
  });

  it('R5.6 asks in Portuguese, too', async () => {
    const { window, bridgeTo } = await open('pergunta', 'pt-br');
    const notes = await bridgeTo('notes');
    const call = await openCall(notes);
    await breakForOthers(window, bridgeTo, ['notes']);
    assert.match(
      await question(window, 'MCP Lifeline: Forçar Recuperação'),
      /Encerrar a chamada em execução em notes\?/,
    );
    await window.screenshot('force-recovery-asks-portuguese');
    rmSync(trapOf('notes'));
    await choose(window, 'Recuperar');
    assert.match(JSON.stringify(await call.answer), /outcome.?unknown|may have been/i);
    await until('the result is told', async () =>
      (await window.notifications()).find((text) => text.includes('Recuperação concluída: notes')),
    );
    await window.screenshot('force-recovery-result-portuguese');
  });
});
