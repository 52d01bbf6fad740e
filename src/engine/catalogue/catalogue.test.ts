import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Launch } from '../upstream/launch.ts';
import { readInternalAnswer, type InternalAnswer } from '../upstream/ownRequests.ts';
import { CatalogueStore, catalogueDigest, isSameList, type Catalogue } from './catalogue.ts';
import { fetchList } from './fetchLists.ts';

const catalogue = (tools: unknown[]): Catalogue => ({
  version: 1,
  server: 's',
  key: 'k',
  initialize: { serverInfo: { name: 'S' }, capabilities: { tools: {} } },
  lists: { tools, prompts: [] },
  savedAt: 1,
});

describe('catalogue', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const store = (): CatalogueStore => new CatalogueStore(home, 'w', (text) => assert.fail(text));

  it('is the same when another engine reads it, digest and all', () => {
    const saved = {
      ...catalogue([{ name: 'a', description: 'ü "quoted" \u2028' }, { name: 'b' }]),
      missing: { tools: ['c'] },
      startedWith: { tools: ['a', 'c'] },
    };
    store().save(saved);
    const read = store().find('s', 'k');
    assert.deepEqual(read, saved);
    assert.equal(catalogueDigest(read), catalogueDigest(saved));
  });

  it('R5.10 has its missing names forgotten for good, under every key', () => {
    const first = store();
    const missing = { tools: ['c'] };
    first.save({ ...catalogue([]), key: 'other', missing });
    first.save({ ...catalogue([]), missing });
    assert.equal(first.acceptMissing('s'), true);
    assert.equal(first.acceptMissing('s'), false);
    for (const key of ['other', 'k']) assert.equal(first.find('s', key)?.missing, undefined);
    assert.equal(store().last('s')?.missing, undefined);
    assert.equal(first.acceptMissing('nobody'), false);
  });

  it('has another digest exactly when something in it is another', () => {
    const digest = catalogueDigest(catalogue([{ name: 'a' }]));
    assert.equal(catalogueDigest(catalogue([{ name: 'a' }])), digest);
    assert.notEqual(catalogueDigest(catalogue([{ name: 'b' }])), digest);
    const moved = { ...catalogue([]), lists: { tools: [], prompts: [{ name: 'a' }] } };
    assert.notEqual(catalogueDigest(moved), digest);
  });

  it('two lists are the same whatever the order of the members in an item', () => {
    const list = [{ name: 'a', inputSchema: { type: 'object', title: 'A' } }];
    assert.equal(isSameList(list, [{ inputSchema: { title: 'A', type: 'object' }, name: 'a' }]), true);
    assert.equal(isSameList(list, [...list, { name: 'b' }]), false);
    assert.equal(isSameList(undefined, []), false);
  });
});

describe('fetching a list', () => {
  /** A server that always has another page of this size. */
  const endless = (pageBytes: number): { launch: Launch; asked: () => number } => {
    let asked = 0;
    const request = (): Promise<InternalAnswer> => {
      asked += 1;
      const tools = [{ name: `t${asked}`, description: 'x'.repeat(pageBytes) }];
      const message = { jsonrpc: '2.0', id: 1, result: { tools, nextCursor: `${asked}` } };
      return Promise.resolve(readInternalAnswer(Buffer.from(JSON.stringify(message))));
    };
    return { launch: { hasEnded: false, request } as unknown as Launch, asked: () => asked };
  };

  it('R14.3 ends when there is too much of it', async () => {
    const { launch, asked } = endless(4_000_000);
    const fetched = await fetchList(launch, 'tools/list');
    assert.equal(asked(), 5);
    assert.equal(fetched?.items.length, 5);
    assert.ok(fetched.sizeBytes > 20_000_000);
  });

  it('R14.3 does not read a page that is far too long', () => {
    const line = Buffer.from(
      `{"jsonrpc":"2.0","id":1,"result":{"tools":[],"pad":"${'x'.repeat(17_000_000)}"}}`,
    );
    const answer = readInternalAnswer(line);
    assert.equal(answer.kind, 'error');
    assert.match(answer.error, /too long/);
  });
});
