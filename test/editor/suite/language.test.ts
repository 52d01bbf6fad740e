import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../../src/shared/contributions.ts';
import {
  activateExtension,
  configuredServers,
  configureServers,
  killForSure,
  nodeBinary,
  pidOf,
  projectRoot,
  readSnapshot,
  startServer,
  until,
} from '../support/host.ts';

const secret = 'q7Zt2LmX9vB4kN8wR1yC6dF3';

/** The editor's own commands, on real documents, with the real engine behind them. */
describe('language features', function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    await activateExtension();
    folder = join(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '', '.vscode');
    mkdirSync(folder, { recursive: true });
    await until('the engine answers', async () => (await readSnapshot()) !== undefined);
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(join(folder, 'mcp.json'), { force: true });
    rmSync(join(folder, 'sub'), { recursive: true, force: true });
  });

  /** With that text, also when the editor still has what a former test made of it. */
  const open = async (name: string, text: string): Promise<vscode.TextDocument> => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) writeFileSync(file, '{}');
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
    const edit = new vscode.WorkspaceEdit();
    const end = document.positionAt(document.getText().length);
    edit.replace(document.uri, new vscode.Range(new vscode.Position(0, 0), end), text);
    assert.ok(await vscode.workspace.applyEdit(edit));
    await vscode.window.showTextDocument(document);
    return document;
  };
  const ours = ({ uri }: vscode.TextDocument): vscode.Diagnostic[] =>
    vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'MCP Lifeline');
  const codes = (document: vscode.TextDocument): string[] =>
    ours(document)
      .map(({ code }) => (typeof code === 'string' ? code : ''))
      .sort();
  const lenses = async ({ uri }: vscode.TextDocument): Promise<vscode.Command[]> => {
    const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri,
      100,
    );
    return found.flatMap(({ command }) => (command?.command.startsWith('mcpLifeline.') ? [command] : []));
  };
  const hover = async (document: vscode.TextDocument, word: string): Promise<string> => {
    const position = document.positionAt(document.getText().indexOf(word) + 2);
    const found = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      position,
    );
    return found
      .flatMap(({ contents }) => contents)
      .map((content) => (content instanceof vscode.MarkdownString ? content.value : ''))
      .join('\n');
  };
  const broken = (): string =>
    JSON.stringify(
      {
        servers: {
          gone: { command: 'no-such-command-at-all', args: ['--port=3999', '${input:nowhere}'] },
          other: {
            command: nodeBinary(),
            args: ['--port', '3999'],
            env: { TOKEN: secret },
          },
          Other: { url: 'http://mcp.example.com/' },
        },
      },
      undefined,
      2,
    );

  it('R12.5 marks what is wrong in an mcp.json, in sentences', async () => {
    const document = await open('mcp.json', broken());
    await until('it is marked', () => ours(document).length >= 7);
    assert.deepEqual(codes(document), [
      'commandMissing',
      'insecureUrl',
      'nameClash',
      'plainSecret',
      'portCollision',
      'portCollision',
      'undefinedInput',
    ]);
    for (const { message } of ours(document)) assert.match(message, /^\S.* .*\.$/);
    assert.ok(ours(document).every(({ message }) => !message.includes(secret)));
  });

  it('R12.5 each quick fix makes its mark go away', async () => {
    const document = await open('mcp.json', broken());
    const fixes: readonly [string, RegExp][] = [
      ['plainSecret', /^Ask for "TOKEN" and Keep It Secret$/],
      ['insecureUrl', /^Use https:/],
      ['nameClash', /^Rename to "Other-2"$/],
      ['portCollision', /^Use the Free Port \d+$/],
      ['undefinedInput', /^Add the Input "nowhere"$/],
    ];
    for (const [code, fix] of fixes) {
      await until(`${code} is marked`, () => codes(document).includes(code));
      const marks = ours(document).filter((diagnostic) => diagnostic.code === code);
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        marks[0]?.range,
        vscode.CodeActionKind.QuickFix.value,
      );
      const action = actions.find(({ title }) => fix.test(title));
      assert.ok(action?.edit !== undefined, `${code}: ${actions.map(({ title }) => title).join(', ')}`);
      assert.ok(await vscode.workspace.applyEdit(action.edit));
      await until(`${code} is gone`, () => !codes(document).includes(code));
    }
    assert.deepEqual(codes(document), ['commandMissing']);
    assert.ok(!document.getText().includes(secret));
    const after = JSON.parse(document.getText()) as { inputs: object[] };
    assert.equal(after.inputs.length, 2);
  });

  it('R12.5 an entry of mcp.json has a lens to take it over; one that cannot be, has none', async () => {
    const document = await open(
      'mcp.json',
      '{ "servers": { "mine": { "command": "node" }, "old": { "type": "sse", "url": "https://x.org/" } } }',
    );
    await until('the lens is there', async () => (await lenses(document)).length > 0);
    assert.deepEqual(
      (await lenses(document)).map(({ command, arguments: args }) => [command, args]),
      [[commands.adoptServer, ['mine']]],
    );
    assert.match(await hover(document, '"mine"'), /VS Code runs this server itself/);
  });

  it('R12.5 a server of the settings shows how it is, above its name and in its hover, and changes with it', async () => {
    const script = join(projectRoot(), 'test', 'servers', 'scripted.mjs');
    const entry = { command: nodeBinary(), args: [script], env: { NAME: 'Lens' } };
    // By the editor itself: under code-server it does not see that a settings file has changed.
    const usual = configuredServers();
    await configureServers({ ...usual, lens: entry });
    const document = await open(
      // Like settings, but nobody's.
      'sub/.vscode/settings.json',
      JSON.stringify({ 'mcpLifeline.servers': { lens: entry } }, undefined, 2),
    );
    const titles = async (): Promise<string> =>
      (await lenses(document)).map(({ title }) => title).join(' | ');
    await until('it is idle', async () => (await titles()).includes('idle'));
    assert.match(await titles(), /idle \| Force Recovery \| Show Log$/);
    await startServer('lens', ['pid']);
    await until('it is healthy', async () => (await titles()).includes('healthy'));
    const text = await hover(document, '"lens"');
    assert.match(text, /\*\*lens\*\* — healthy[\s\S]*Breaker: closed/);
    assert.ok(!text.includes('command:'), text);
    await killForSure(await pidOf('lens'));
    await until('it says so, or is back', async () => /recovering|starting|healthy/.test(await titles()));
    await until('it is back', async () => /healthy|idle/.test(await titles()));
    await configureServers(usual);
    await until('it has no lens any more', async () => (await lenses(document)).length === 0);
  });

  it('R12.5 R1.4 proposes the inputs of the file', async () => {
    const text =
      '{ "servers": { "a": { "command": "$" } }, "inputs": [{ "id": "key", "type": "promptString" }] }';
    const document = await open('mcp.json', text);
    const position = document.positionAt(text.indexOf('$') + 1);
    await until('it is proposed', async () => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        position,
      );
      return list.items.some(({ label, detail }) => label === '${input:key}' && detail !== undefined);
    });
  });

  it('R12.5 half a document and none of ours do no harm', async () => {
    const document = await open('mcp.json', '{ "servers": { "a": { "url": "http://mcp.example.com", ');
    await until('it is marked', () => codes(document).includes('insecureUrl'));
    const foreign = await open('tasks.json', '{ "servers": { "a": { "url": "http://mcp.example.com" } } }');
    assert.deepEqual(await lenses(foreign), []);
    assert.deepEqual(codes(foreign), []);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    rmSync(join(folder, 'tasks.json'));
    assert.ok(document.getText().endsWith(', '));
  });
});
