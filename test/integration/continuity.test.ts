import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WatchedHistory } from '../../src/shared/protocol/watchedMessages.ts';
import type { LineClient } from '../support/lineClient.ts';
import { changing, scripted, TestBed, until, type ControlClient } from '../support/testEngine.ts';

const EVERY_MS = 1_000;

describe('continuity of real servers', () => {
  let bed: TestBed;
  let control: ControlClient;
  let client: LineClient;
  const offerFile = (): string => join(bed.home, 'offer.json');
  const offer = (what: Record<string, unknown>): void => writeFileSync(offerFile(), JSON.stringify(what));
  const start = async (lifeline: Record<string, unknown> = {}): Promise<void> => {
    bed.configure(
      { s: changing(offerFile(), { RECORD: bed.record }, lifeline) },
      { retryBackoffBase: 0.1, retryBackoffMax: 0.5, maxRestartAttempts: 100 },
    );
    ({ control } = await bed.startEngine());
    client = await bed.session('s');
    await control.server('s', ({ state, catalogue }) => state === 'ready' && catalogue !== undefined);
  };
  /** Kills the process; while there is no offer, none that follows comes up. */
  const kill = async (): Promise<void> => {
    const { pids } = await control.server('s', ({ state }) => state === 'ready');
    process.kill(pids[0] ?? 0, 'SIGKILL');
    // It may be back before anybody has seen that it was gone.
    await control.server('s', (server) => server.state !== 'ready' || server.pids[0] !== pids[0]);
  };

  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R11.6 Φ and Δ of a server that was down are what the test’s own clock says', async () => {
    offer({ tools: ['read'] });
    await start();
    for (let n = 0; n < 4; n += 1) await client.call('read');
    const before = (await control.server('s', () => true)).continuity;
    assert.deepEqual([before?.life.phi, before?.life.deltaMs, before?.life.calls], [1, 0, 4]);
    rmSync(offerFile());
    const killedAt = performance.now();
    await kill();
    const goneAt = performance.now();
    const call = client.call('read', {}, 30_000);
    const sentAt = performance.now();
    await until('a second of failed starts', () => performance.now() - sentAt > 1_000);
    const restoredAt = performance.now();
    offer({ tools: ['read'] });
    await call;
    const answeredAt = performance.now();
    const { continuity } = await control.server('s', ({ state }) => state === 'ready');
    const { life, recent } = continuity ?? assert.fail('there is no continuity');
    const downMs = life.wantedMs * (1 - (life.phi ?? 1));
    assert.ok(downMs >= restoredAt - goneAt - 1 && downMs <= answeredAt - killedAt + 1, `${downMs} ms down`);
    const lostMs = (life.deltaMs ?? 0) * life.calls;
    assert.equal(life.calls, 5);
    assert.ok(lostMs >= restoredAt - sentAt - 50 && lostMs <= answeredAt - sentAt + 1, `${lostMs} ms lost`);
    assert.deepEqual(
      { ...recent, phi: 0, wantedMs: 0 },
      { ...life, phi: 0, wantedMs: 0 },
      'the first hour is the life so far',
    );
    const { engine } = await control.snapshot();
    assert.equal(engine.continuity?.life.deltaMs, life.deltaMs);
  });

  it('R11.6 σ is what each reconnect brought back as it was', async () => {
    offer({ tools: ['read', 'write', 'list'], prompts: ['p'] });
    await start();
    const relisted = async (reconnects: number): Promise<number | undefined> =>
      (await control.server('s', ({ continuity }) => continuity?.life.reconnects === reconnects)).continuity
        ?.life.sigma;
    await kill();
    assert.equal(await relisted(1), 1);
    offer({ tools: ['read', 'list', 'new'], prompts: ['p'] });
    await kill();
    // Of read, write, list, new and p three are as they were.
    assert.equal(await relisted(2), (1 + 3 / 5) / 2);
    await client.call('announce');
    assert.equal((await control.server('s', () => true)).continuity?.life.reconnects, 2);
  });

  it('R11.6 Ψ counts a long call that its server took with it, however early', async () => {
    bed.configure({ s: scripted({ RECORD: bed.record }) });
    ({ control } = await bed.startEngine());
    client = await bed.session('s');
    const work = (key: string, ms: number): number =>
      client.send('tools/call', {
        name: 'record',
        arguments: { key, ms },
        _meta: { progressToken: key },
      });
    await client.call('record', { key: 'short' });
    await client.answerTo(work('done', 0));
    const cut = work('cut', 60_000);
    await client.next('its progress', ({ params }) => params?.['progressToken'] === 'cut');
    await kill();
    assert.equal((await client.answerTo(cut)).result?.['isError'], true);
    const { continuity } = await control.server('s', (server) => server.continuity?.life.longCalls === 2);
    assert.equal(continuity?.life.psi, 0.5);
    assert.equal(continuity.life.calls, 3);
  });

  it('R11.7 a value is sampled across a kill: none twice, no hole unaccounted for', async () => {
    const level = (value: number): void =>
      offer({ tools: ['readLevel'], answers: { readLevel: { structuredContent: { level: [value] } } } });
    const history = async (): Promise<WatchedHistory['watches'][number]> =>
      (await control.watched('s')).watches[0] ?? assert.fail('nothing is watched');
    const values = async (): Promise<number[]> =>
      (await history()).entries.flatMap((entry) => (entry.kind === 'value' ? [entry.value] : []));
    const sampled = async (value: number): Promise<void> => {
      await control.server('s', ({ watched }) => watched?.[0]?.value === value, 20_000);
    };
    level(1);
    const watch = [
      { name: 'level', tool: 'readLevel', arguments: { key: 'watch' }, path: '$.level[0]', max: 2, every: 1 },
    ];
    await start({ watch });
    await sampled(1);
    rmSync(offerFile());
    await kill();
    const goneAt = Date.now();
    await control.server(
      's',
      ({ watched }) => watched?.[0]?.state === 'missed' && watched[0].missed?.reason === 'away',
      20_000,
    );
    await until('three of them to be missing', () => Date.now() - goneAt > 3 * EVERY_MS + 100);
    level(3);
    const backAt = Date.now();
    await sampled(3);
    const [shown] = (await control.server('s', () => true)).watched ?? [];
    assert.deepEqual([shown?.state, shown?.value, shown?.max], ['above', 3, 2]);
    const { entries } = await history();
    let due: number | undefined;
    let missing = 0;
    for (const entry of entries) {
      const [from, to] = entry.kind === 'value' ? [entry.due, entry.due] : [entry.from, entry.to];
      // Wall-clock times are read anew for each.
      if (due !== undefined) assert.ok(Math.abs(from - due) < EVERY_MS / 2, JSON.stringify(entries));
      due = to + EVERY_MS;
      if (entry.kind === 'missed' && entry.reason === 'away') missing += entry.count;
    }
    // What was due while it was away, but for the last one, which was taken when it was back.
    const awayMs = backAt - goneAt;
    assert.ok(missing >= Math.floor(awayMs / EVERY_MS) - 1 && missing >= 2, JSON.stringify(entries));
    const called = readFileSync(bed.record, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('readLevel watch'));
    const taken = await values();
    const lost = called.length - taken.length;
    // One may have been under way at the kill, and one since they were asked for.
    assert.ok(lost >= -1 && lost <= 1, `${called.length} calls, ${taken.length} values`);
    assert.deepEqual([...new Set(taken)], [1, 3]);
    const { engine } = await control.snapshot();
    assert.equal(engine.continuity?.life.calls, 0, 'samples are nobody’s calls');
  });

  it('R11.7 no server is started, or kept running, for a sample', async () => {
    offer({ tools: ['read'], answers: { read: { content: [{ type: 'text', text: '7' }] } } });
    bed.configure({
      s: changing(offerFile(), { RECORD: bed.record }, { watch: [{ name: 'n', tool: 'read', every: 1 }] }),
    });
    ({ control } = await bed.startEngine());
    const idle = await control.server('s', ({ watched }) => watched?.[0]?.state === 'missed');
    assert.deepEqual([idle.state, idle.pids, idle.watched?.[0]?.missed?.reason], ['idle', [], 'idle']);
    client = await bed.session('s');
    await control.server('s', ({ watched }) => watched?.[0]?.value === 7);
    client.child.stdin?.end();
    const left = await control.server('s', ({ state, pids }) => state === 'idle' && pids.length === 0);
    assert.equal(left.sessions, 0);
    // Nothing happens any more that would be told: it is seen by whoever looks.
    const isMissed = async (): Promise<boolean> =>
      (await control.snapshot()).servers[0]?.watched?.[0]?.missed?.reason === 'idle';
    const end = performance.now() + 15_000;
    while (!(await isMissed())) assert.ok(performance.now() < end, 'the sample that was due is not missed');
  });
});
