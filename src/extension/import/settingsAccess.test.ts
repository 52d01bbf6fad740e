import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskVscode, removeFolder } from '../../../test/support/diskVscode.ts';
import { loadWithFakeVscode } from '../../../test/support/fakeVscode.ts';

interface FakeWorkspace {
  getConfiguration: unknown;
  workspaceFolders: unknown;
}

const { changeSettings, readSettings } = await loadWithFakeVscode(() => import('./settingsAccess.ts'));
const { workspace } = (globalThis as unknown as { fakeVscodeOfTests: { workspace: FakeWorkspace } })
  .fakeVscodeOfTests;

/** The editor's configuration; `inspect` tells the values of the user. */
function use(values: Record<string, Record<string, unknown>>): [string, unknown][] {
  const written: [string, unknown][] = [];
  workspace.workspaceFolders = [];
  workspace.getConfiguration = () => ({
    inspect: (key: string) => values[key],
    update: (key: string, value: unknown) => {
      written.push([key, value]);
      values[key] = { ...values[key], globalValue: value };
      return Promise.resolve();
    },
  });
  return written;
}

describe('settings that the editor writes', () => {
  it('R1.2 R1.7 are left alone when they changed since they were read', async () => {
    const values = { servers: { globalValue: { a: { command: 'a' } } }, inputs: {} };
    const written = use(values);
    const after = { servers: { ...(await readSettings('user')).servers, b: { command: 'b' } }, inputs: [] };
    const change = await changeSettings('user', after);
    // While the person looks at the preview, another window adds one.
    values.servers = { globalValue: { ...values.servers.globalValue, c: { command: 'c' } } as never };
    await assert.rejects(change.write(), /The user settings have changed meanwhile/);
    assert.deepEqual(written, []);
    const again = await changeSettings('user', after);
    await again.write();
    assert.deepEqual(written, [['servers', after.servers]]);
  });

  it('R1.2 R1.7 that stand there twice are left alone, or told: what is written goes into the first, and the last counts', async () => {
    const values: Record<string, Record<string, unknown>> = { servers: {}, inputs: {} };
    use(values);
    Object.assign(workspace, {
      getConfiguration: () => ({ inspect: (key: string) => values[key], update: () => Promise.resolve() }),
    });
    const change = await changeSettings('user', { servers: { a: { command: 'a' } }, inputs: [] });
    await assert.rejects(change.write(), /The user settings do not say what was written.*there twice/);

    const home = mkdtempSync(join(tmpdir(), 'lifeline-settings-'));
    const disk = new DiskVscode(home, [{ name: 'one', path: home }]);
    try {
      mkdirSync(join(home, '.vscode'));
      const file = join(home, '.vscode', 'settings.json');
      const entry = '{ "command": "c" }';
      for (const [text, after] of [
        [`{ "mcpLifeline.servers": {}, "mcpLifeline.servers": { "a": ${entry} } }`, { a: {}, b: {} }],
        [
          `{ "mcpLifeline.servers": { "a": ${entry}, "a": ${entry}, "b": ${entry} } }`,
          { b: { command: 'c' } },
        ],
        [`{ "mcpLifeline.inputs": [], "mcpLifeline.inputs": [7], "mcpLifeline.servers": {} }`, {}],
      ] as const) {
        writeFileSync(file, text);
        const { inputs } = await readSettings('workspace');
        const added = Object.keys(after).length === 0 ? [{ id: 'k' }] : [];
        await assert.rejects(
          changeSettings('workspace', { servers: after, inputs: [...inputs, ...added] }),
          /settings\.json could not be changed without breaking it: look for a name that is there twice/,
          text,
        );
        assert.equal(readFileSync(file, 'utf8'), text);
      }
      // What is there twice elsewhere is nobody's business.
      const text = '{ "editor.tabSize": 2, "editor.tabSize": 3 }';
      writeFileSync(file, text);
      const fine = await changeSettings('workspace', { servers: { a: { command: 'a' } }, inputs: [] });
      await fine.write();
      assert.match(readFileSync(file, 'utf8'), /"editor.tabSize": 2,\s+"editor.tabSize": 3/);
      await fine.undo();
      assert.equal(readFileSync(file, 'utf8'), text);
    } finally {
      disk.dispose();
      removeFolder(home);
    }
  });

  it('R1.3 of a remote machine are not mixed with those of the user', async () => {
    const [a, b] = [{ a: { command: 'a' } }, { b: { command: 'b' } }];
    use({ servers: { globalLocalValue: a, globalRemoteValue: b, globalValue: { ...a, ...b } } });
    assert.deepEqual((await readSettings('user')).servers, b);
    use({ servers: { globalLocalValue: a, globalValue: a } });
    assert.deepEqual((await readSettings('user')).servers, a);
  });

  it('R1.6 of a workspace that is not trusted are neither read nor changed: the editor hides what they say', async () => {
    use({ servers: { workspaceValue: undefined }, inputs: {} });
    Object.assign(workspace, { isTrusted: false });
    try {
      await assert.rejects(readSettings('workspace'), /Restricted Mode; trust it first/);
      await assert.rejects(
        changeSettings('workspace', { servers: { a: { command: 'a' } }, inputs: [] }),
        /Restricted Mode; trust it first/,
      );
      assert.deepEqual((await readSettings('user')).servers, {});
    } finally {
      Reflect.deleteProperty(workspace, 'isTrusted');
    }
  });
});
