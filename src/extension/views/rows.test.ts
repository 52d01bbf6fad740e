import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { connectionStates } from '../../shared/model/connectionState.ts';
import { untranslated } from '../translate.ts';
import { flappingCount } from './attention.ts';
import { allRows, compareRows } from './row.ts';
import { buildRows } from './rows.ts';

const rows = (...args: Parameters<typeof viewOf>) => buildRows(viewOf(...args), untranslated);
const latency = { p50Ms: 12.4, p95Ms: 40, p99Ms: 41, lastMs: 12, samples: 7 };

describe('servers tree', () => {
  it('R12.2 shows state and latency beside the name, and speaks them', () => {
    const [row] = rows([serverSnapshot('git', { latency })]);
    assert.equal(row?.label, 'git');
    assert.equal(row.description, 'healthy · 12 ms');
    assert.equal(row.spoken, 'git, healthy, 12 ms');
    assert.equal(row.kind, 'server');
  });

  it('shows the breaker beside the name only when it is not closed', () => {
    const [row] = rows([serverSnapshot('git', { breaker: { state: 'halfOpen', failures: 3 } })]);
    assert.match(row?.description ?? '', /breaker half-open/);
  });

  it('has an icon, words and spoken words for every state', () => {
    for (const state of connectionStates) {
      const [row] = rows([serverSnapshot('git', { state })]);
      assert.ok(row?.icon !== undefined && row.description !== '' && row.spoken.includes(row.description));
    }
  });

  it('R11.3 tells alerts that the state does not tell, and those that come and go', () => {
    const alert = { server: 'git', severity: 'warning', sentence: '', since: 0, count: 1 } as const;
    const view = viewOf([serverSnapshot('git'), serverSnapshot('files')], {
      alerts: [
        { ...alert, rule: 'breakerOpen', isFlapping: false },
        { ...alert, rule: 'breakerOpen', isFlapping: true, count: 4 },
        { ...alert, rule: 'brokenPipes', isFlapping: false, value: 6, windowMs: 60_000 },
      ],
    });
    const [git, files] = buildRows(view, untranslated);
    const told = (row = git): string[] =>
      row?.children.filter(({ label }) => label === 'Alert').map(({ description }) => description) ?? [];
    assert.deepEqual(told(), [
      'comes and goes, 4 times by now: It failed repeatedly; calls are held back for now.',
      '6 calls were cut off by a broken pipe within 60 seconds.',
    ]);
    assert.deepEqual(told(files), []);
    assert.deepEqual([git?.description, files?.description], ['healthy · 2 alerts', 'healthy']);
    assert.equal(flappingCount(view), 1);
  });

  it('R11.5 shows that the audit trail or the journal cannot be written, above the servers', () => {
    const [audit, journal, server] = rows([serverSnapshot('git')], {
      troubles: [
        { kind: 'auditTrail', sentence: 'The audit trail cannot be written: no space.' },
        { kind: 'journal', sentence: undefined },
      ],
    });
    assert.deepEqual(
      [audit?.label, audit?.spoken],
      ['Audit trail', 'The audit trail cannot be written: no space.'],
    );
    assert.deepEqual([journal?.label, journal?.description], ['Journal of calls', 'cannot be written']);
    assert.equal(server?.label, 'git');
  });

  it('tells details below the server', () => {
    const [row] = rows([
      serverSnapshot('git', {
        state: 'crashLoop',
        sentence: 'Exited with code 1.',
        nextAttemptAt: 1_700_000_060_000,
        latency,
        lastError: { code: 'exited', message: 'boom', at: 1_700_000_000_000 },
        catalogue: { tools: 13, digest: 'd', savedAt: 0 },
        pids: [7],
      }),
    ]);
    assert.deepEqual(
      row?.children.map(({ label }) => label),
      [
        'State',
        'Last error',
        'Fix: Force Recovery',
        'Next attempt',
        'Connection',
        'Processes',
        'Sessions',
        'Breaker',
        'Places',
        'Queue',
        'Tools',
        'Latency',
        'Calls',
        'Restarts',
      ],
    );
    assert.ok(row.children.every(({ server }) => server === 'git'));
  });

  it('leaves the welcome text its place when there is nothing to tell', () => {
    assert.deepEqual(rows([], { engine: { kind: 'starting' } }), []);
    assert.deepEqual(rows([], { trusted: false }), []);
  });

  it('puts a row for the engine first while it does not run', () => {
    const view = viewOf([serverSnapshot('git')], {
      engine: { kind: 'recovering', reason: 'lost', failedTries: 1, retryAt: undefined },
    });
    const [first, second] = buildRows(view, untranslated);
    assert.equal(first?.kind, 'engine');
    assert.equal(second?.label, 'git');
  });

  it('shows each setting that cannot be used', () => {
    const list = rows([serverSnapshot('git')], {
      problems: [{ path: 'mcpLifeline.servers.x.command', message: 'must name the program' }],
    });
    assert.equal(list[1]?.kind, 'problem');
    assert.deepEqual(list[1].command?.args, ['mcpLifeline.servers']);
  });

  it('R2.1 leads from a problem of the connection file, or of a variable, to the setting beside it', () => {
    const settingAt = (path: string): unknown =>
      rows([], { problems: [{ path, message: 'm' }] })[0]?.command?.args[0];
    assert.equal(settingAt('/home/me/conf.v2.json'), 'mcpLifeline.connectionFile');
    const inFile = '/home/me/conf.json: global_settings.connection_handling.max_retries';
    assert.equal(settingAt(inFile), 'mcpLifeline.connectionFile');
    assert.equal(settingAt('mcpLifeline.connectionFile'), 'mcpLifeline.connectionFile');
    assert.equal(settingAt('environment.MCP_MAX_RETRIES'), 'mcpLifeline.connection');
  });

  it('R12.2 draws again only what changed: a figure below a server is not the server', () => {
    const before = rows([serverSnapshot('a'), serverSnapshot('b')]);
    const same = rows([serverSnapshot('a'), serverSnapshot('b')]);
    const figure = rows([serverSnapshot('a'), serverSnapshot('b', { sessions: 2 })]);
    const state = rows([serverSnapshot('a'), serverSnapshot('b', { state: 'suspect', sessions: 2 })]);
    const more = rows([serverSnapshot('a'), serverSnapshot('b', { pids: [7] })]);
    const fewer = rows([serverSnapshot('b')]);
    assert.deepEqual(compareRows(before, same), { isListChanged: false, changed: [] });
    assert.deepEqual(compareRows(before, figure), { isListChanged: false, changed: ['detail:b:sessions'] });
    assert.deepEqual(compareRows(before, state), { isListChanged: false, changed: ['server:b'] });
    assert.deepEqual(compareRows(before, more), { isListChanged: false, changed: ['server:b'] });
    assert.equal(compareRows(before, fewer).isListChanged, true);
  });

  it('gives every row an id of its own', () => {
    const problem = { path: 'p', message: 'm' };
    const list = rows([serverSnapshot('a'), serverSnapshot('b')], { problems: [problem] });
    const ids = allRows(list).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});
