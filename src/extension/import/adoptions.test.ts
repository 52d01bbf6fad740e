import assert from 'node:assert/strict';
import type { Adoption } from './adopt.ts';
import { Adoptions } from './adoptions.ts';

const adoption = (name: string, changes: Partial<Adoption> = {}): Adoption => ({
  name,
  file: 'file:///mcp.json',
  scope: 'user',
  before: '{ "token": "hush" }',
  after: '{}',
  entryText: '{}',
  inputs: [],
  ...changes,
});

/** What an editor keeps over reloads. */
function given() {
  const secrets = new Map<string, string>();
  const state = new Map<string, unknown>();
  const open = (): Adoptions =>
    new Adoptions(
      {
        get: (key) => Promise.resolve(secrets.get(key)),
        store: (key, value) => Promise.resolve(void secrets.set(key, value)),
        delete: (key) => Promise.resolve(void secrets.delete(key)),
      },
      {
        get: (key) => state.get(key),
        update: (key, value) => Promise.resolve(void state.set(key, value)),
      },
    );
  const indexSize = (): number => (state.get('mcpLifeline.adoptions') as unknown[]).length;
  const names = async (): Promise<string[]> => (await open().list()).map(({ name }) => name);
  return { adoptions: open(), secrets, state, names, indexSize };
}

describe('what was taken over', () => {
  it('R1.7 is there after a reload, the newest first, and is gone when it was given back', async () => {
    const { adoptions, secrets, names, indexSize } = given();
    for (const name of ['git', 'web', 'files']) await adoptions.add(adoption(name));
    assert.deepEqual(await names(), ['files', 'web', 'git']);
    assert.deepEqual((await adoptions.list())[1], adoption('web'));
    await adoptions.remove(adoption('web'));
    assert.deepEqual(await names(), ['files', 'git']);
    assert.deepEqual([secrets.size, indexSize()], [2, 2]);
  });

  it('R1.7 is kept once for an entry of a file, as it was taken over last', async () => {
    const { adoptions, names } = given();
    await adoptions.add(adoption('git'));
    await adoptions.add(adoption('web'));
    await adoptions.add(adoption('git', { before: '{ "newer": 1 }' }));
    await adoptions.add(adoption('git', { file: 'file:///other.json' }));
    assert.deepEqual(await names(), ['git', 'git', 'web']);
    assert.equal((await adoptions.list())[1]?.before, '{ "newer": 1 }');
  });

  it('R14.4 is kept as a secret and nowhere else', async () => {
    const { adoptions, state } = given();
    await adoptions.add(adoption('git'));
    assert.ok(!JSON.stringify([...state]).includes('hush'));
  });

  it('R14.3 is bounded: what is too old is forgotten, its secret too', async () => {
    const { adoptions, secrets, names, indexSize } = given();
    for (let index = 0; index < 210; index += 1) await adoptions.add(adoption(`s${index}`));
    const kept = await names();
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [200, 's209', 's10']);
    assert.deepEqual([secrets.size, indexSize()], [200, 200]);
  });

  it('R14.3 takes saved state that is garbage for none', async () => {
    const { adoptions, secrets, state, names } = given();
    assert.deepEqual(await names(), []);
    await adoptions.add(adoption('git'));
    const [key] = secrets.keys();
    for (const [place, text] of [
      ['mcpLifeline.adoption/a', '{ broken'],
      ['mcpLifeline.adoption/b', '{}'],
      ['mcpLifeline.input/c', JSON.stringify(adoption('other'))],
    ] as const) {
      secrets.set(place, text);
      state.set('mcpLifeline.adoptions', [place, 7, 'mcpLifeline.adoption/none', key]);
      assert.deepEqual(await names(), ['git'], place);
    }
    state.set('mcpLifeline.adoptions', 'no list');
    assert.deepEqual(await names(), []);
  });
});
