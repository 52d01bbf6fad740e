import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import type { HealthView, ServerView } from '../health/healthView.ts';
import { connectionStates } from '../../shared/model/connectionState.ts';
import { untranslated } from '../translate.ts';
import { badgeOf } from './attention.ts';
import { waitingWords } from './details.ts';
import { compareRows, type Row } from './row.ts';
import { buildRows } from './rows.ts';

type Changes = Parameters<typeof serverSnapshot>[1];
type Tiers = Readonly<Record<string, ServerView['tier']>>;

const withTiers = (view: HealthView, tiers: Tiers): HealthView => ({
  ...view,
  servers: view.servers.map((server) => {
    const tier = tiers[server.name];
    return tier === undefined ? server : { ...server, tier };
  }),
});
const build = (view: HealthView) => buildRows(view, untranslated);
const childrenOf = (changes: Changes): readonly Row[] =>
  build(viewOf([serverSnapshot('git', changes)]))[0]?.children ?? [];
const told = (changes: Changes, label: string): string | undefined =>
  childrenOf(changes).find((row) => row.label === label)?.description;
const fixes = (changes: Changes) =>
  childrenOf(changes)
    .filter(({ kind }) => kind === 'fix')
    .map(({ label, command }) => [label, command?.command, command?.args]);

describe('groups of the servers tree', () => {
  const view = viewOf([
    serverSnapshot('a'),
    serverSnapshot('b', { state: 'crashLoop' }),
    serverSnapshot('c'),
  ]);

  it('R12.2 are there by tier, the most important first, where there is more than one', () => {
    const rows = build(withTiers(view, { a: 'medium', b: 'critical', c: 'medium' }));
    assert.deepEqual(
      rows.map(({ id, kind, spoken, isOpen, children }) => [id, kind, spoken, isOpen, children.length]),
      [
        ['tier:critical', 'group', 'Critical tier, 1 of 1 needs attention', true, 1],
        ['tier:medium', 'group', 'Medium tier, 2 servers', true, 2],
      ],
    );
  });

  it('R12.2 are not there for a single tier, whether it is said or not', () => {
    const kinds = (tiers: Tiers) => build(withTiers(view, tiers)).map(({ kind }) => kind);
    assert.deepEqual(kinds({}), ['server', 'server', 'server']);
    assert.deepEqual(kinds({ a: 'high', b: 'high', c: 'high' }), ['server', 'server', 'server']);
    assert.deepEqual(kinds({ a: 'medium' }), ['server', 'server', 'server']);
  });

  it('draw everything again when a server moves from one to another', () => {
    const before = build(withTiers(view, { a: 'high', b: 'critical', c: 'critical' }));
    const after = build(withTiers(view, { a: 'high', b: 'high', c: 'critical' }));
    assert.equal(compareRows(before, after).isListChanged, true);
    const broken = viewOf([
      serverSnapshot('a', { state: 'broken' }),
      serverSnapshot('b', { state: 'crashLoop' }),
      serverSnapshot('c'),
    ]);
    const changed = compareRows(
      before,
      build(withTiers(broken, { a: 'high', b: 'critical', c: 'critical' })),
    );
    assert.deepEqual(changed, { isListChanged: false, changed: ['tier:high'] });
  });
});

describe('what stands below a server', () => {
  it('R12.2 tells its connection: state, transport, since when', () => {
    const [server] = viewOf([serverSnapshot('git')]).servers;
    assert.ok(server !== undefined);
    const [row] = build({ ...viewOf([]), servers: [{ ...server, transport: 'http' }] });
    const connection = row?.children.find(({ label }) => label === 'Connection');
    assert.match(connection?.description ?? '', /^connected · HTTP · since \S/);
    assert.match(connection?.spoken ?? '', /^Connection: connected/);
  });

  it('R12.2 has words for the connection in every state', () => {
    const words = connectionStates.map((state) => told({ state }, 'Connection')?.split(' · ')[0]);
    assert.equal(new Set(words).size, connectionStates.length);
  });

  it('R12.2 tells uptime, places and what waits for what', () => {
    const metrics = { uptime: { ratio: 0.9987, usableMs: 998, downMs: 2_000 }, waiting: 1, queueDepth: 7 };
    const rate = { current: 5, max: 10, queued: 2, rejected: 0 };
    const changes = { metrics, rate, pool: { available: 0, max: 10, limit: 4, queued: 3 } };
    assert.equal(told(changes, 'Uptime'), '99.8 %, down for 2.0 s');
    assert.equal(told(changes, 'Places'), '4 of 4 in use (10 at most)');
    assert.equal(
      told(changes, 'Queue'),
      '7 waiting: 1 for the connection, 3 for a place, 2 for the rate limit, 1 before a retry',
    );
    assert.equal(waitingWords(serverSnapshot('git'), untranslated), 'empty');
  });

  it('R12.2 says nothing twice: the name stands above', () => {
    const message = 'The MCP server "git" ended.';
    const lastError = { code: 'exited', message, at: 0 } as const;
    assert.match(told({ lastError }, 'Last error') ?? '', / · It ended\.$/);
    const diagnosis = { cause: 'crash', sentence: message, advice: 'Look.' } as const;
    assert.equal(told({ state: 'crashLoop', diagnosis }, 'Cause'), 'It ended. Look.');
  });

  it('R12.2 tells what a server calls itself, and that it is not what was promised', () => {
    const catalogue = { tools: 13, digest: 'd', savedAt: 0, serverTitle: 'Everything' };
    assert.equal(told({ catalogue }, 'Tools'), '13 · Everything');
    assert.match(told({ promiseBroken: true }, 'Changed') ?? '', /not those that were listed/);
  });

  it('R11.7 tells each watched value, with a sign where it is out of bounds', () => {
    const common = { everyMs: 1_000, taken: 1, missing: 0, at: 0 } as const;
    const rows = childrenOf({
      watched: [
        { ...common, name: 'phi', state: 'below', value: 0.01, min: 0.03 },
        { ...common, name: 'load', state: 'ok', value: 2 },
      ],
    });
    const of = (name: string) => rows.find(({ label }) => label === name);
    assert.deepEqual([of('phi')?.spoken, of('phi')?.icon?.name], ['phi: 0.01, below 0.03', 'error']);
    assert.deepEqual([of('load')?.spoken, of('load')?.icon?.name], ['load: 2', 'eye']);
  });

  it('says nothing of the state beside a healthy server that its row does not say', () => {
    assert.equal(told({}, 'State'), undefined);
    assert.match(told({ state: 'suspect' }, 'State') ?? '', /did not answer/);
  });
});

describe('fixes', () => {
  const diagnosis = { cause: 'portInUse', sentence: 's', advice: 'a', port: 1 } as const;

  it('R12.2 stand below the error, and are run by Enter', () => {
    const rows = childrenOf({ state: 'crashLoop', lastError: { code: 'exited', message: 'm', at: 0 } });
    const labels = rows.map(({ label }) => label);
    assert.equal(labels.indexOf('Fix: Force Recovery'), labels.indexOf('Last error') + 1);
    assert.deepEqual(fixes({ state: 'crashLoop' }), [
      ['Fix: Force Recovery', 'mcpLifeline.forceRecovery', ['git']],
    ]);
  });

  it('R12.2 are those that end the cause', () => {
    const names = (changes: Changes) => fixes(changes).map(([label]) => label);
    const holder = { pid: 1, program: 'node', isStale: true };
    assert.deepEqual(names({ state: 'crashLoop', diagnosis: { ...diagnosis, holder } }), [
      'Fix: Free the Port',
      'Fix: Force Recovery',
    ]);
    assert.deepEqual(names({ state: 'crashLoop', diagnosis }), ['Fix: Open Settings', 'Fix: Force Recovery']);
    assert.deepEqual(names({ state: 'needsSignIn', needsInput: ['key'] }), ['Fix: Enter Input Value']);
    assert.deepEqual(names({ state: 'isolated' }), ['Fix: Rejoin Server']);
    assert.deepEqual(names({ degraded: { reason: 'fewerTools', sentence: 's', missing: [] } }), [
      'Fix: Accept Change',
    ]);
  });

  it('are not offered for an error that is over', () => {
    assert.deepEqual(fixes({ lastError: { code: 'exited', message: 'm', at: 0 } }), []);
  });
});

describe('the badge of the servers tree', () => {
  const badge = (servers: Parameters<typeof viewOf>[0], changes: Partial<HealthView> = {}) =>
    badgeOf(viewOf(servers, changes), untranslated);
  const alert = { rule: 'brokenPipes', severity: 'warning', sentence: '', since: 0, count: 3 } as const;
  const flapping = { ...alert, isFlapping: true };

  it('R12.2 counts the servers that need attention, and names them', () => {
    assert.equal(badge([serverSnapshot('a'), serverSnapshot('b', { state: 'idle' })]), undefined);
    assert.deepEqual(badge([serverSnapshot('a', { state: 'crashLoop' }), serverSnapshot('b')]), {
      count: 1,
      tooltip: 'One server needs attention: a',
    });
    const all = [
      serverSnapshot('a', { state: 'suspect' }),
      serverSnapshot('b', { state: 'needsSignIn' }),
      // By hand: it is as a person wants it.
      serverSnapshot('c', { state: 'isolated' }),
      serverSnapshot('d', { state: 'connecting' }),
    ];
    assert.deepEqual(badge(all), { count: 2, tooltip: '2 servers need attention: a, b' });
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => serverSnapshot(id, { state: 'broken' }));
    assert.match(badge(many)?.tooltip ?? '', /: a, b, c, d, e and 2 more$/);
  });

  it('R11.3 counts a server whose alerts come and go, once', () => {
    const servers = [serverSnapshot('a', { state: 'broken' }), serverSnapshot('b')];
    assert.deepEqual(badge(servers, { alerts: [{ ...flapping, server: 'a' }] }), {
      count: 1,
      tooltip: 'One server needs attention: a. One alert comes and goes',
    });
    const alerts = [
      { ...flapping, server: 'b' },
      { ...flapping, server: 'b', rule: 'retryRate' },
      { ...alert, isFlapping: false, server: 'b' },
    ];
    assert.equal(badge(servers, { alerts })?.count, 2);
    assert.equal(badge(servers.slice(1), { alerts })?.tooltip, '2 alerts come and go');
  });
});
