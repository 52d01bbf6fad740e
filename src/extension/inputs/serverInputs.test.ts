import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../../../test/support/diskVscode.ts';
import { FakeUri, fakeOfTests, loadWithFakeVscode } from '../../../test/support/fakeVscode.ts';
import { commands } from '../../shared/contributions.ts';
import type { InputDefinition } from '../../shared/settings/inputs.ts';
import type { ServerInput } from '../config/mergeServers.ts';
import { untranslated } from '../translate.ts';
import type { ServerInputs } from './serverInputs.ts';

const input = (server: string, id: string, changes: Partial<InputDefinition> = {}): ServerInput => ({
  server,
  id,
  scope: 'user',
  definition: {
    id,
    type: 'promptString',
    description: '',
    default: undefined,
    isSecret: true,
    options: [],
    ...changes,
  },
});

describe('input values, put together', () => {
  let home: string;
  let make: (options: {
    readonly inputs: readonly ServerInput[];
    readonly folder?: string;
    readonly file?: string;
  }) => ServerInputs;
  const secrets = new Map<string, string>();
  const said: string[] = [];
  const ran: unknown[][] = [];
  const told: [readonly string[], boolean][] = [];
  const errors: unknown[] = [];
  let answer: Promise<string | undefined>;

  before(async () => {
    const { makeServerInputs } = await loadWithFakeVscode(() => import('./serverInputs.ts'));
    make = ({ inputs, folder, file }) => {
      Object.assign(fakeOfTests.workspace, {
        workspaceFile: file === undefined ? undefined : FakeUri.file(file),
        workspaceFolders: folder === undefined ? undefined : [{ uri: FakeUri.file(folder) }],
      });
      return makeServerInputs(
        {
          secrets: {
            get: (key: string) => Promise.resolve(secrets.get(key)),
            store: (key: string, value: string) => Promise.resolve(void secrets.set(key, value)),
            delete: (key: string) => Promise.resolve(void secrets.delete(key)),
          },
          globalStorageUri: FakeUri.file(home),
        } as never,
        {
          inputs: () => inputs,
          tellEngine: (servers, forget) => told.push([servers, forget]),
          onError: (error) => errors.push(error),
          t: untranslated,
        },
      );
    };
    Object.assign(fakeOfTests.window, {
      showInformationMessage: (message: string, ...actions: string[]) => {
        said.push([message, ...actions].join(' | '));
        return answer;
      },
    });
    Object.assign(fakeOfTests.commands, {
      executeCommand: (...args: unknown[]) => {
        ran.push(args);
        return Promise.resolve(undefined);
      },
    });
  });
  after(() => {
    for (const key of ['workspaceFile', 'workspaceFolders'])
      Reflect.deleteProperty(fakeOfTests.workspace, key);
    Reflect.deleteProperty(fakeOfTests.window, 'showInformationMessage');
    Reflect.deleteProperty(fakeOfTests.commands, 'executeCommand');
  });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-inputs-'));
    secrets.clear();
    for (const list of [said, ran, told, errors]) list.length = 0;
    answer = Promise.resolve(undefined);
  });
  afterEach(() => removeFolder(home));
  const start = (server: string, ids: readonly string[]) => ({
    server,
    inputs: [...ids],
    why: 'start' as const,
  });
  /** Until what was chosen has been run. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('R1.4 tells once in a window that a server needs values, by what they are called', async () => {
    const inputs = make({
      inputs: [input('git', 'key', { description: 'Your key' }), input('git', 'name'), input('web', 'url')],
    });
    for (let round = 0; round < 3; round += 1) await inputs.answer(start('git', ['key', 'name']));
    await inputs.answer(start('web', ['url']));
    assert.deepEqual(said, [
      'The MCP server "git" needs a value before it can start: Your key, name | Enter Value…',
      'The MCP server "web" needs a value before it can start: url | Enter Value…',
    ]);
    await settled();
    assert.deepEqual(ran, []);
  });

  it('R1.4 its button asks for the values of that server; a failure of it is noted', async () => {
    answer = Promise.resolve('Enter Value…');
    const inputs = make({ inputs: [input('git', 'key')] });
    await inputs.answer(start('git', ['key']));
    await settled();
    assert.deepEqual(ran, [[commands.enterInput, 'git']]);
    answer = Promise.reject(new Error('the window is going'));
    await make({ inputs: [input('git', 'key')] }).answer(start('git', ['key']));
    await settled();
    assert.match(String(errors), /the window is going/);
  });

  it('R1.4 a long list of names does not fill the screen', async () => {
    const inputs = Array.from({ length: 100 }, (_, index) => input('git', `a-long-name-${index}`));
    const ids = inputs.map(({ id }) => id);
    await make({ inputs }).answer(start('git', ids));
    assert.ok((said[0] ?? '').length < 400, said[0]);
  });

  it('R1.4 R14.4 secrets that an import found are kept, and taken back, in the secret storage alone', async () => {
    const inputs = make({ inputs: [input('git', 'key')] });
    await inputs.keepSecret('user', 'key', 'hush');
    assert.deepEqual(await inputs.secretValues(), ['hush']);
    assert.deepEqual((await inputs.answer(start('git', ['key']))).values, [
      { id: 'key', value: 'hush', secret: true },
    ]);
    const folder = join(home, 'inputs');
    assert.ok(!readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').includes('hush')));
    await inputs.forgetSecret('user', 'key');
    assert.deepEqual([secrets.size, (await inputs.stateOf('git'))[0]?.isGiven], [0, false]);
    assert.deepEqual([said, told], [[], []]);
  });

  it('R1.4 clearing has every server that names an input ask anew', async () => {
    const inputs = make({ inputs: [input('git', 'key'), input('git', 'name'), input('web', 'key')] });
    assert.deepEqual(inputs.serversWithInputs(), ['git', 'web']);
    await inputs.keepSecret('user', 'key', 'hush');
    assert.equal(await inputs.clear(), 1);
    assert.deepEqual(told, [[['git', 'web'], true]]);
    assert.equal(secrets.size, 0);
  });

  it('R1.4 values of a workspace belong to its file, or else to its folders', async () => {
    const places = [
      { folder: '/w/one' },
      { folder: '/w/two' },
      { folder: '/w/one', file: '/w/all.code-workspace' },
      {},
    ];
    for (const [index, place] of places.entries())
      await make({ inputs: [], ...place }).keepSecret('workspace', 'key', `of ${index}`);
    for (const [index, place] of places.entries())
      assert.deepEqual(await make({ inputs: [], ...place }).secretValues(), [`of ${index}`]);
    // A workspace is its file, whatever folders it has.
    const moved = make({ inputs: [], folder: '/w/other', file: '/w/all.code-workspace' });
    assert.deepEqual(await moved.secretValues(), ['of 2']);
  });

  it('R1.4 a value that is entered is used by whoever names it, and by nobody else', async () => {
    Object.assign(fakeOfTests.window, { showInputBox: () => Promise.resolve('typed') });
    try {
      const inputs = make({ inputs: [input('git', 'key'), input('web', 'key'), input('other', 'name')] });
      assert.equal(await inputs.enter('git', 'key'), true);
      assert.deepEqual(told, [[['git', 'web'], false]]);
      assert.deepEqual([...secrets.values()], ['typed']);
    } finally {
      Reflect.deleteProperty(fakeOfTests.window, 'showInputBox');
    }
  });
});
