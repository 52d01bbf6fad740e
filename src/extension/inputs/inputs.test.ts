import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle } from '../../../test/support/fakeClock.ts';
import { loadWithFakeVscode, shown } from '../../../test/support/fakeVscode.ts';
import { needInputs } from '../../shared/protocol/engineMessages.ts';
import { MAX_INPUT_VALUE, type InputDefinition } from '../../shared/settings/inputs.ts';
import type { ServerInput } from '../config/mergeServers.ts';
import { untranslated } from '../translate.ts';
import { InputAnswers } from './inputAnswers.ts';
import { InputStore, type SecretKeeper } from './inputStore.ts';
import { RecordFolder } from './recordFolder.ts';

const home = mkdtempSync(join(tmpdir(), 'lifeline-inputs-'));
after(() => rmSync(home, { recursive: true, force: true }));

const inMemory = (secrets: Map<string, string>): SecretKeeper => ({
  get: (key) => Promise.resolve(secrets.get(key)),
  store: (key, value) => Promise.resolve(void secrets.set(key, value)),
  delete: (key) => Promise.resolve(void secrets.delete(key)),
});

function givenStore(workspaceId = 'w1', shared: { secrets?: Map<string, string>; folder?: string } = {}) {
  const secrets = shared.secrets ?? new Map<string, string>();
  const folder = shared.folder ?? join(mkdtempSync(join(home, 'window-')), 'inputs');
  const store = new InputStore({
    secrets: inMemory(secrets),
    records: new RecordFolder(folder),
    workspaceId,
  });
  const files = (): string[] => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return { store, secrets, folder, files };
}

const definition = (id: string, changes: Partial<InputDefinition> = {}): InputDefinition => ({
  id,
  type: 'promptString',
  description: '',
  default: undefined,
  isSecret: false,
  options: [],
  ...changes,
});

describe('store of input values', () => {
  it('R1.4 R14.4 keeps a secret in the secret storage and nowhere else', async () => {
    const { store, secrets, files } = givenStore();
    await store.set({ id: 'key', scope: 'user' }, true, 'hush');
    assert.equal(await store.get({ id: 'key', scope: 'user' }, true), 'hush');
    assert.deepEqual([...secrets.values()], ['hush']);
    assert.equal(files().length, 1);
    assert.ok(!files().join().includes('hush'));
    assert.deepEqual(await store.secretValues(), ['hush']);
  });

  it('R1.4 gives nobody the value of another scope or of another workspace', async () => {
    const one = givenStore();
    const other = givenStore('w2', one);
    for (const isSecret of [true, false]) {
      await one.store.set({ id: 'key', scope: 'workspace' }, isSecret, 'mine');
      assert.equal(await one.store.get({ id: 'key', scope: 'user' }, isSecret), undefined);
      assert.equal(await one.store.get({ id: 'key', scope: 'folder:/a' }, isSecret), undefined);
      assert.equal(await other.store.get({ id: 'key', scope: 'workspace' }, isSecret), undefined);
    }
  });

  it('R1.4 clears all of it, and says how much that was', async () => {
    const { store, secrets } = givenStore();
    await store.set({ id: 'a', scope: 'user' }, true, '1');
    await store.set({ id: 'b', scope: 'workspace' }, true, '2');
    await store.set({ id: 'c', scope: 'user' }, false, '3');
    assert.equal(await store.clear(), 3);
    assert.equal(secrets.size, 0);
    assert.equal(await store.get({ id: 'c', scope: 'user' }, false), undefined);
    assert.equal(await store.clear(), 0);
  });

  it('R1.4 two windows that write at once lose nothing of each other', async () => {
    const one = givenStore();
    const other = givenStore('w2', one);
    // Both have looked before either writes.
    await Promise.all([one.store.clear(), other.store.clear()]);
    const ids = Array.from({ length: 20 }, (_, index) => `i${index}`);
    await Promise.all(
      ids.flatMap((id, index) => [
        one.store.set({ id: `one-${id}`, scope: 'user' }, index % 2 === 0, 'of one'),
        other.store.set({ id: `other-${id}`, scope: 'user' }, index % 2 === 0, 'of the other'),
      ]),
    );
    for (const { store } of [one, other]) {
      for (const [index, id] of ids.entries()) {
        assert.equal(await store.get({ id: `one-${id}`, scope: 'user' }, index % 2 === 0), 'of one');
        assert.equal(await store.get({ id: `other-${id}`, scope: 'user' }, index % 2 === 0), 'of the other');
      }
      assert.equal((await store.secretValues()).length, 20);
    }
    assert.equal(await one.store.clear(), 40);
    assert.equal(one.secrets.size, 0);
  });

  it('R1.4 clearing leaves what another workspace keeps', async () => {
    const one = givenStore();
    const other = givenStore('w2', one);
    for (const { store } of [one, other])
      for (const isSecret of [true, false])
        await store.set({ id: `key-${isSecret}`, scope: 'workspace' }, isSecret, 'mine');
    assert.equal(await one.store.clear(), 2);
    assert.equal(await other.store.get({ id: 'key-true', scope: 'workspace' }, true), 'mine');
    assert.equal(await other.store.get({ id: 'key-false', scope: 'workspace' }, false), 'mine');
  });

  it('R1.4 an input that becomes secret, or no longer is, leaves nothing behind', async () => {
    const { store, secrets, files } = givenStore();
    const place = { id: 'key', scope: 'user' };
    await store.set(place, false, 'open');
    await store.set(place, true, 'hush');
    assert.ok(!files().join().includes('open'));
    await store.set(place, false, 'open again');
    assert.equal(secrets.size, 0);
    await store.delete(place);
    assert.equal(await store.get(place, false), undefined);
    assert.deepEqual(files(), []);
  });

  it('R14.3 takes saved state that is garbage for none', async () => {
    const { store, folder, files } = givenStore();
    assert.equal(await store.clear(), 0);
    await store.set({ id: 'c', scope: 'user' }, false, 'v');
    const [name = ''] = readdirSync(folder);
    for (const text of [
      '',
      '{ broken',
      '[1]',
      'null',
      '{"key":7,"value":"v"}',
      '{"key":"other","value":"v"}',
    ]) {
      writeFileSync(join(folder, name), text);
      assert.equal(await store.get({ id: 'c', scope: 'user' }, false), undefined, text);
      assert.equal(await store.clear(), 0, text);
    }
    assert.equal(files().length, 1);
  });

  it('R14.4 its files are for their owner alone, and a write that fails leaves no half', async () => {
    const { store, folder } = givenStore();
    await store.set({ id: 'c', scope: 'user' }, false, 'v');
    const [name = ''] = readdirSync(folder);
    // Windows has no such modes.
    if (process.platform !== 'win32')
      assert.deepEqual(
        [folder, join(folder, name)].map((path) => statSync(path).mode & 0o777),
        [0o700, 0o600],
      );
    const records = new RecordFolder(folder);
    await assert.rejects(records.write('k', 1n));
    assert.deepEqual(readdirSync(folder), [name]);
    await assert.rejects(new RecordFolder(join(folder, name)).write('k', 1));
  });
});

describe('answers to the engine', () => {
  function given(inputs: readonly ServerInput[]) {
    const kept = { secrets: new Map<string, string>(), records: new Map<string, unknown>() };
    const store = new InputStore({
      secrets: inMemory(kept.secrets),
      // In memory, so that whatever happens has happened once nothing is pending.
      records: {
        read: (key) => Promise.resolve(kept.records.get(key)),
        readAll: () => Promise.resolve([...kept.records.values()]),
        write: (key, value) => Promise.resolve(void kept.records.set(key, value)),
        delete: (key) => Promise.resolve(void kept.records.delete(key)),
      },
      workspaceId: 'w1',
    });
    const prompts: {
      id: string;
      current: string | undefined;
      resolve: (value: string | undefined) => void;
    }[] = [];
    const wanted: string[] = [];
    const told: string[] = [];
    const answers = new InputAnswers({
      inputs: () => inputs,
      store,
      prompt: ({ id }, _server, current) => new Promise((resolve) => prompts.push({ id, current, resolve })),
      onWanted: (server, missing) => wanted.push(`${server}: ${missing.map(({ id }) => id).join()}`),
      tellEngine: (servers) => told.push(...servers),
    });
    return { answers, prompts, wanted, told, store };
  }
  const key = definition('key', { isSecret: true });
  const input = (server: string, one: InputDefinition, scope = 'user'): ServerInput => ({
    server,
    id: one.id,
    scope,
    definition: one,
  });

  it('R1.4 interrupts nobody for a start that nobody waits for', async () => {
    const { answers, prompts, wanted } = given([input('git', key)]);
    const given1 = await answers.answer({ server: 'git', inputs: ['key'], why: 'start' });
    assert.deepEqual(given1.values, []);
    assert.deepEqual([prompts.length, wanted], [0, ['git: key']]);
  });

  it('R1.4 asks for each value once, one after another, and remembers it', async () => {
    const name = definition('name');
    const { answers, prompts } = given([input('git', key), input('git', name)]);
    const answer = answers.answer({ server: 'git', inputs: ['key', 'name'], why: 'call' });
    await settle();
    assert.deepEqual(
      prompts.map(({ id }) => id),
      ['key'],
    );
    prompts[0]?.resolve('hush');
    await settle();
    assert.deepEqual(
      prompts.map(({ id }) => id),
      ['key', 'name'],
    );
    prompts[1]?.resolve('me');
    assert.deepEqual((await answer).values, [
      { id: 'key', value: 'hush', secret: true },
      { id: 'name', value: 'me', secret: false },
    ]);
    const again = await answers.answer({ server: 'git', inputs: ['key', 'name'], why: 'start' });
    assert.equal(again.values.length, 2);
    assert.equal(prompts.length, 2);
  });

  it('R1.4 never has two prompts for one input, nor two at a time', async () => {
    const other = definition('other');
    const { answers, prompts, told } = given([input('a', key), input('b', key), input('c', other)]);
    const all = ['a', 'b'].map((server) => answers.answer({ server, inputs: ['key'], why: 'call' }));
    await settle();
    const third = answers.answer({ server: 'c', inputs: ['other'], why: 'byHand' });
    await settle();
    assert.deepEqual(
      prompts.map(({ id }) => id),
      ['key'],
    );
    prompts[0]?.resolve('one');
    const values = (await Promise.all(all)).map((given1) => given1.values[0]?.value);
    assert.deepEqual(values, ['one', 'one']);
    await settle();
    assert.deepEqual(
      prompts.map(({ id }) => id),
      ['key', 'other'],
    );
    prompts[1]?.resolve(undefined);
    assert.equal((await third).declined, true);
    assert.deepEqual([...new Set(told)].sort(), ['a', 'b']);
  });

  it('R1.4 the same id in other settings is another input', async () => {
    const { answers, prompts, store } = given([input('mine', key), input('theirs', key, 'workspace')]);
    await store.set({ id: 'key', scope: 'user' }, true, 'private');
    const answer = answers.answer({ server: 'theirs', inputs: ['key'], why: 'call' });
    await settle();
    assert.equal(prompts.length, 1);
    prompts[0]?.resolve(undefined);
    assert.deepEqual((await answer).values, []);
  });

  it('R1.4 an input that nobody defines is said, not asked for', async () => {
    const { answers, prompts } = given([{ server: 'git', id: 'key', scope: 'user' }]);
    const { message } = await answers.answer({ server: 'git', inputs: ['key'], why: 'call' });
    assert.match(message ?? '', /does not define "key"/);
    assert.equal(prompts.length, 0);
  });

  it('R1.4 R14.3 a value that is longer than a message can hold is said to be, and nobody is left to guess', async () => {
    const long = 'x'.repeat(MAX_INPUT_VALUE);
    for (const isSecret of [true, false]) {
      const one = definition('key', { isSecret });
      const { answers, prompts, wanted, store } = given([input('git', one)]);
      await store.set({ id: 'key', scope: 'user' }, isSecret, long);
      const fits = await answers.answer({ server: 'git', inputs: ['key'], why: 'start' });
      assert.deepEqual(needInputs.parseResult(fits).values[0]?.value, long);
      await store.set({ id: 'key', scope: 'user' }, isSecret, `${long}x`);
      for (const why of ['start', 'call', 'byHand'] as const) {
        const { values, message } = needInputs.parseResult(
          await answers.answer({ server: 'git', inputs: ['key'], why }),
        );
        assert.deepEqual(values, []);
        assert.match(
          message ?? '',
          /"key" has over 32768 characters\. "MCP Lifeline: Enter Input Value" takes/,
        );
      }
      assert.deepEqual([prompts.length, wanted.length], [0, 0]);
    }
  });

  it('R1.4 a value that is too long cannot be entered', async () => {
    const { promptForInput } = await loadWithFakeVscode(() => import('./inputPrompt.ts'));
    for (const isSecret of [true, false]) {
      shown.length = 0;
      await promptForInput(definition('key', { isSecret }), 'git', undefined, untranslated);
      const [{ validateInput }] = shown[0]?.args as [{ validateInput: (text: string) => string | undefined }];
      assert.equal(validateInput('x'.repeat(MAX_INPUT_VALUE)), undefined);
      assert.equal(validateInput('x'.repeat(MAX_INPUT_VALUE + 1)), 'At most 32768 characters');
    }
  });

  it('R1.4 a value that is entered by hand is used by every server that names it', async () => {
    const { answers, prompts, told } = given([input('a', key), input('b', key)]);
    const entered = answers.enter('a', 'key');
    await settle();
    prompts[0]?.resolve('new');
    assert.equal(await entered, true);
    assert.deepEqual(told, ['a', 'b']);
    assert.deepEqual(
      (await answers.stateOf('b')).map(({ isGiven }) => isGiven),
      [true],
    );
    assert.equal(await answers.enter('a', 'nothing'), false);
  });

  it('R1.4 shows a value that is entered anew, but never a secret one; turning it down keeps it', async () => {
    const name = definition('name');
    const { answers, prompts, told, store } = given([input('a', key), input('a', name)]);
    for (const one of [key, name]) await store.set({ id: one.id, scope: 'user' }, one.isSecret, 'old');
    for (const [id, shown] of [
      ['key', undefined],
      ['name', 'old'],
    ] as const) {
      const entered = answers.enter('a', id);
      await settle();
      assert.deepEqual([prompts.at(-1)?.id, prompts.at(-1)?.current], [id, shown]);
      prompts.at(-1)?.resolve(undefined);
      assert.equal(await entered, false);
      assert.equal(await store.get({ id, scope: 'user' }, id === 'key'), 'old');
    }
    assert.deepEqual(told, []);
  });

  it('R1.4 shows the inputs without a value first', async () => {
    const { answers, store } = given([input('a', key), input('a', definition('name'))]);
    await store.set({ id: 'key', scope: 'user' }, true, 'hush');
    assert.deepEqual(
      (await answers.stateOf('a')).map(({ input: { id }, isGiven }) => [id, isGiven]),
      [
        ['name', false],
        ['key', true],
      ],
    );
  });
});
