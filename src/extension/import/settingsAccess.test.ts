import assert from 'node:assert/strict';
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

  it('R1.3 of a remote machine are not mixed with those of the user', async () => {
    const [a, b] = [{ a: { command: 'a' } }, { b: { command: 'b' } }];
    use({ servers: { globalLocalValue: a, globalRemoteValue: b, globalValue: { ...a, ...b } } });
    assert.deepEqual((await readSettings('user')).servers, b);
    use({ servers: { globalLocalValue: a, globalValue: a } });
    assert.deepEqual((await readSettings('user')).servers, a);
  });
});
