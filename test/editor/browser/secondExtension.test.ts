import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionStatus, RecoveryOutcome, ToolAnswer } from '../../../api/mcp-lifeline.d.ts';
import { scripted } from '../../support/testEngine.ts';
import { ApiUser } from '../support/apiUser.ts';
import { agentTools } from '../../../src/shared/contributions.ts';
import { InstalledEditor, killForSure, until, type EditorWindow } from '../support/window.ts';

/** What another extension gets and what the person sees of it: a second VSIX, in the editor that a person would have. */
describe('the API, used by a second extension', function () {
  this.timeout(120_000);
  let user: ApiUser;
  let editor: InstalledEditor;
  let window: EditorWindow;
  let record: string;

  before(async function () {
    this.timeout(240_000);
    user = await ApiUser.pack();
    record = join(user.folder, 'record');
    editor = await InstalledEditor.start(
      {
        // As people have it: tools are asked about.
        'chat.tools.global.autoApprove': false,
        'mcpLifeline.servers': {
          called: scripted({ NAME: 'Called', RECORD: record }, { instances: 'single' }),
        },
      },
      user.environment,
      { others: [user.vsix] },
    );
    window = await editor.openWindow();
    await window.untilStatus(/server/i);
  });
  after(async () => {
    await editor.stop();
    user.dispose();
  });

  const dialogOf = (of: EditorWindow) => of.page.locator('.monaco-dialog-box');
  const press = async (of: EditorWindow, button: string): Promise<void> => {
    await dialogOf(of).getByRole('button', { name: button, exact: true }).click();
    await dialogOf(of).waitFor({ state: 'hidden' });
  };
  const statusOf = async (): Promise<ConnectionStatus> =>
    (await user.ask(window, 'status')) as ConnectionStatus;

  it('R12.7 gets the status, and is refused a version that is not there', async () => {
    const { version, engine, servers } = await until('an engine runs', async () => {
      const status = await statusOf();
      return status.engine === null ? undefined : status;
    });
    assert.equal(version, 1);
    assert.ok(engine !== null && engine.pid > 0);
    assert.deepEqual(
      servers.map(({ id }) => id),
      ['called'],
    );
    const refused = (await user.ask(window, 'newer')) as { error: { message: string } };
    assert.equal(refused.error.message, 'wants version 2, and there is version 1');
  });

  it('R12.7 runs a read-only tool without a question, and is told that something changed', async () => {
    await user.ask(window, 'watch');
    await user.start(window, 'call', { server: 'called', tool: 'echo', args: { key: 'well' } });
    const { content } = (await user.answer('call')) as ToolAnswer;
    assert.deepEqual(content, [{ type: 'text', text: 'well' }]);
    await user.answer('changed');
    assert.equal(await dialogOf(window).count(), 0);
  });

  it('R12.7 any other tool asks the person, who may say no, or once, or for the window', async () => {
    const call = { server: 'called', tool: 'record', args: { key: 'one' } };
    await user.start(window, 'call', call);
    await dialogOf(window).waitFor();
    assert.match(
      await dialogOf(window).innerText(),
      /An extension wants to run the tool "record" of the MCP server "called"\..*not known to be read-only/s,
    );
    await window.screenshot('api-consent-en');
    assert.equal(user.hasAnswer('call'), false);
    await press(window, 'Cancel');
    const refused = (await user.answer('call')) as { error: { code: string; message: string } };
    assert.equal(refused.error.code, 'notAllowed');
    assert.match(refused.error.message, /did not allow "record" of "called"/);

    await user.start(window, 'call', call);
    await dialogOf(window).waitFor();
    await press(window, 'Run Once');
    assert.deepEqual(((await user.answer('call')) as ToolAnswer).content, [
      { type: 'text', text: 'record one' },
    ]);
    await user.start(window, 'call', call);
    await dialogOf(window).waitFor();
    await press(window, 'Allow in This Window');
    await user.answer('call');
    const again = (await user.ask(window, 'call', call)) as ToolAnswer;
    assert.equal(again.isError ?? false, false);
    assert.equal(await dialogOf(window).count(), 0);
  });

  it('R12.7 recovers a server, after the person was asked about the calls that this ends', async () => {
    const slow = { key: 'slow', ms: 60_000 };
    await user.start(window, 'call', {
      server: 'called',
      tool: 'readRecord',
      args: slow,
      timeoutMs: 90_000,
    });
    await until('the call runs', () => existsSync(record) && readFileSync(record, 'utf8').includes('slow'));
    await user.start(window, 'recover', { server: 'called' });
    await dialogOf(window).waitFor();
    assert.match(
      await dialogOf(window).innerText(),
      /End the running call on called\?\s+Another extension asks for this\./,
    );
    await window.screenshot('api-recover-en');
    await press(window, 'Cancel');
    // `undefined`: nothing was done.
    assert.equal(await user.answer('recover'), null);
    assert.equal(user.hasAnswer('call'), false);

    await user.start(window, 'recover', { server: 'called' });
    await dialogOf(window).waitFor();
    await press(window, 'Recover');
    const [result] = (await user.answer('recover')) as RecoveryOutcome[];
    assert.equal(result?.server, 'called');
    assert.equal(result.outcome, 'recovered');
    const { content } = (await user.ask(window, 'call', {
      server: 'called',
      tool: 'echo',
      args: { key: 'back' },
    })) as ToolAnswer;
    // With a note that its memory was lost.
    assert.deepEqual(content[0], { type: 'text', text: 'back' });
  });

  it('R12.6 an agent that wants to recover a server: the person is asked first, and told which and what ends', async () => {
    // One that nobody has used is left alone.
    await user.ask(window, 'call', { server: 'called', tool: 'echo', args: { key: 'used' } });
    const tool = { tool: agentTools.recover, args: { server: 'called' } };
    await user.start(window, 'tool', tool);
    await dialogOf(window).waitFor();
    const question = await dialogOf(window).innerText();
    assert.match(question, /Recover the MCP server "called"\?/);
    assert.match(
      question,
      /"called" is now: \w+.*(?:No|One) call is running on it.*It starts afresh: what it keeps in its memory is lost/s,
    );
    await window.screenshot('agent-recover-en');
    await press(window, 'Cancel');
    const refused = (await user.answer('tool')) as { error: { name: string } };
    assert.match(refused.error.name, /Cancel/);
    await user.start(window, 'tool', tool);
    await dialogOf(window).waitFor();
    await window.page.keyboard.press('Enter');
    assert.match((await user.answer('tool')) as string, /called: recovered/);
  });

  it('R12.6 reading the health asks nobody, and works while the engine is down', async () => {
    const { engine } = await statusOf();
    await killForSure(engine?.pid ?? 0);
    const health = await user.ask(window, 'tool', { tool: agentTools.health });
    assert.match(health as string, /- called: /);
    assert.equal(await dialogOf(window).count(), 0);
  });

  it('R12.7 R1.5 the questions are asked in Portuguese too', async () => {
    const other = await editor.openWindow(editor.folder('portuguese'), 'pt-br');
    await other.untilStatus(/servidor|ocios|saud/i);
    await user.start(other, 'call', { server: 'called', tool: 'record', args: { key: 'um' } });
    await dialogOf(other).waitFor();
    const text = await dialogOf(other).innerText();
    assert.match(text, /Uma extensão quer executar a ferramenta "record" do servidor MCP "called"/);
    await other.screenshot('api-consent-pt-br');
    await other.page.keyboard.press('Escape');
    const refused = (await user.answer('call')) as { error: { code: string } };
    assert.equal(refused.error.code, 'notAllowed');
  });
});
