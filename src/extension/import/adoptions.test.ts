import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordFolder } from '../inputs/recordFolder.ts';
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

const home = mkdtempSync(join(tmpdir(), 'lifeline-adoptions-'));
after(() => rmSync(home, { recursive: true, force: true }));

/** What an editor keeps over reloads. */
function given() {
  const secrets = new Map<string, string>();
  const folder = join(mkdtempSync(join(home, 'window-')), 'adoptions');
  const records = new RecordFolder(folder);
  const open = (): Adoptions =>
    new Adoptions(
      {
        get: (key) => Promise.resolve(secrets.get(key)),
        store: (key, value) => Promise.resolve(void secrets.set(key, value)),
        delete: (key) => Promise.resolve(void secrets.delete(key)),
      },
      new RecordFolder(folder),
    );
  const files = (): string[] => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const indexSize = (): number => files().length;
  const names = async (): Promise<string[]> => (await open().list()).map(({ name }) => name);
  return { adoptions: open(), open, secrets, records, names, indexSize, files };
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
    const { adoptions, files } = given();
    await adoptions.add(adoption('git'));
    assert.equal(files().length, 1);
    assert.ok(!files().join().includes('hush'));
  });

  it('R14.3 is bounded: what is too old is forgotten, its secret too', async () => {
    const { adoptions, secrets, names, indexSize } = given();
    for (let index = 0; index < 210; index += 1) await adoptions.add(adoption(`s${index}`));
    const kept = await names();
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [200, 's209', 's10']);
    assert.deepEqual([secrets.size, indexSize()], [200, 200]);
  });

  it('R1.7 two windows that adopt at once lose nothing of each other', async () => {
    const { open, names } = given();
    const windows = [open(), open()];
    await Promise.all(windows.map((window, index) => window.add(adoption(`s${index}`))));
    assert.deepEqual((await names()).sort(), ['s0', 's1']);
    await Promise.all([open().remove(adoption('s0')), open().add(adoption('s2'))]);
    assert.deepEqual(await names(), ['s2', 's1']);
  });

  it('R14.3 takes saved state that is garbage for none', async () => {
    const { adoptions, secrets, records, names } = given();
    assert.deepEqual(await names(), []);
    await adoptions.add(adoption('git'));
    for (const [place, text] of [
      ['mcpLifeline.adoption/a', '{ broken'],
      ['mcpLifeline.adoption/b', '{}'],
      ['mcpLifeline.input/c', JSON.stringify(adoption('other'))],
    ] as const) {
      secrets.set(place, text);
      await records.write(place, { key: place, order: 7 });
      assert.deepEqual(await names(), ['git'], place);
    }
    for (const saved of [null, 7, [], { key: 7, order: 1 }, { key: 'mcpLifeline.adoption/a', order: 'x' }])
      await records.write('any', saved);
    assert.deepEqual(await names(), ['git']);
  });
});
