import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';
import { interruptedServers } from '../commands/recoveryWords.ts';
import { statusReport } from '../commands/statusReport.ts';
import { statusContent } from '../status/statusContent.ts';
import { untranslated as t } from '../translate.ts';
import type { Row } from '../views/row.ts';
import { buildRows } from '../views/rows.ts';
import { degradedSentence, offeredActions } from './conditions.ts';

type Changes = Parameters<typeof serverSnapshot>[1];
const row = (changes: Changes): Row => buildRows(viewOf([serverSnapshot('git', changes)]), t)[0]!;
const detail = (changes: Changes, label: string): string | undefined =>
  row(changes).children.find((child) => child.label === label)?.description;
const status = (changes: Changes) => statusContent(viewOf([serverSnapshot('git', changes)]), t);
const degraded: ServerSnapshot['degraded'] = {
  reason: 'fewerTools',
  sentence: 'It lists 2 of 4 tools.',
  missing: ['read', 'write'],
};
const stalePort: ServerSnapshot['diagnosis'] = {
  cause: 'portInUse',
  sentence: 'Port 8931 is taken by an old process of its own.',
  advice: 'Free the port.',
  port: 8931,
  holder: { pid: 77, program: 'node', isStale: true },
};
const open = { state: 'open', failures: 3 } as const;

describe('a busy server', () => {
  const busySince = 1_700_000_000_000;

  it('R5.3 is neutral, counts as fine, and says since when', () => {
    const { description, spoken, icon } = row({ busySince });
    assert.match(description, /^busy since /);
    assert.match(spoken, /^git, busy since /);
    assert.equal(icon?.color, undefined);
    const { severity, text, label } = status({ busySince });
    assert.deepEqual([severity, text, label], ['normal', '$(pulse) MCP 1/1', 'MCP Lifeline: Busy: git.']);
    assert.match(row({ busySince }).tooltip, /works on a call; it has said nothing since/);
  });

  it('R5.6 is left alone by a recovery of all, as the engine leaves it', () => {
    const view = viewOf([serverSnapshot('git', { busySince, metrics: { inFlight: 1 } })]);
    assert.deepEqual(interruptedServers(view, { mode: 'recover' }), []);
  });

  it('is first of all what else is wrong with it', () => {
    assert.equal(row({ busySince, breaker: open }).icon?.name, 'warning');
    assert.match(row({ busySince, degraded }).description, /^fewer tools/);
  });
});

describe('a server that offers less than before', () => {
  it('R5.10 is a warning that says what is missing, and offers to accept it', () => {
    const shown = row({ degraded });
    assert.equal(shown.description, 'fewer tools than before');
    assert.deepEqual(shown.icon, { name: 'warning', color: 'list.warningForeground' });
    assert.ok(shown.actions.includes('acceptChange'));
    assert.equal(detail({ degraded }, 'State'), 'It lists 2 of 4 tools. Missing: read, write.');
    assert.equal(detail({ degraded }, 'Not as before'), undefined, 'the same is not said twice');
    const down = { degraded, state: 'suspect' } as const;
    assert.equal(detail(down, 'Not as before'), 'It lists 2 of 4 tools. Missing: read, write.');
    const { severity, label } = status({ degraded });
    assert.deepEqual(
      [severity, label],
      ['warning', 'MCP Lifeline: Working, but not as before: git. 0 of 1 healthy or idle.'],
    );
    assert.match(statusReport(viewOf([serverSnapshot('git', { degraded })]), t), /Meaning.*read, write/);
  });

  it('does not name twice what the sentence has named', () => {
    const named = { ...degraded, sentence: 'Missing are read and write.' };
    assert.equal(degradedSentence(named, t), 'Missing are read and write.');
  });

  it('R5.10 can be accepted too when it answers with nothing what it answered before', () => {
    const emptied = { ...degraded, reason: 'emptyAnswers' as const, missing: ['read_graph'] };
    assert.equal(row({ degraded: emptied }).description, 'empty answers');
    assert.ok(row({ degraded: emptied }).actions.includes('acceptChange'));
  });

  it('R5.7 has nothing to accept when its health check fails', () => {
    const failedCheck = { ...degraded, reason: 'failedCheck' as const, missing: [] };
    assert.ok(!row({ degraded: failedCheck }).actions.includes('acceptChange'));
    assert.equal(row({ degraded: failedCheck }).description, 'its health check fails');
  });
});

describe('a server that keeps failing', () => {
  it('R5.5 says the cause and what can be done, and offers to free a port of its own old process', () => {
    const changes = { state: 'crashLoop', diagnosis: stalePort } as const;
    assert.match(detail(changes, 'Cause') ?? '', /Port 8931 is taken .* Free the port\./);
    assert.match(row(changes).tooltip, /Free the port\./);
    assert.ok(row(changes).actions.includes('freePort'));
  });

  it('R5.5 offers no such thing when somebody else has the port', () => {
    const holder = { pid: 77, program: 'nginx', isStale: false };
    const changes = { state: 'crashLoop', diagnosis: { ...stalePort, holder } } as const;
    assert.ok(!row(changes).actions.includes('freePort'));
  });
});

describe('actions on a server', () => {
  const offered = (changes: Changes): readonly string[] => offeredActions(serverSnapshot('git', changes));

  it('R12.4 are those that would do something', () => {
    assert.deepEqual(offered({}), ['isolate']);
    assert.deepEqual(offered({ breaker: open }), ['resetBreaker', 'isolate']);
    assert.deepEqual(offered({ breaker: { state: 'closed', failures: 1 } }), ['resetBreaker', 'isolate']);
    assert.deepEqual(offered({ state: 'isolated', breaker: { state: 'isolated', failures: 0 }, degraded }), [
      'rejoin',
    ]);
    assert.deepEqual(offered({ state: 'stopped' }), []);
  });

  it('R12.4 an isolated server is said to be so once, not of its breaker too', () => {
    const isolated = row({ state: 'isolated', breaker: { state: 'isolated', failures: 0 } });
    assert.deepEqual([isolated.description, isolated.spoken], ['isolated', 'git, isolated']);
  });

  it('R12.4 leave an isolated server out of what a recovery would interrupt', () => {
    const view = viewOf([serverSnapshot('git', { state: 'isolated', metrics: { inFlight: 1 } })]);
    assert.deepEqual(interruptedServers(view, { mode: 'recover', server: 'git' }), []);
  });
});

describe('what waits, and where calls go', () => {
  it('R10.2 shows the rate only while it is limited, and who waits or was turned away', () => {
    const rate = { current: 99.6, max: 1_000, queued: 0, rejected: 0 };
    assert.equal(detail({ rate }, 'Rate limit'), '100 requests per second at most');
    assert.equal(
      detail({ rate: { ...rate, current: 4.5, queued: 3, rejected: 2 } }, 'Rate limit'),
      '4.5 requests per second at most, 3 waiting, 2 turned away',
    );
    assert.equal(detail({}, 'Rate limit'), undefined);
  });

  const pool = { available: 0, max: 10, limit: 4, queued: 2 };

  it('R4.1 shows what waits, and says so when nothing does', () => {
    assert.equal(detail({ pool }, 'Queue'), '2 waiting: 2 for a place');
    assert.equal(detail({ pool: { ...pool, queued: 0 } }, 'Queue'), 'empty');
    assert.match(row({ pool }).tooltip, /2 calls wait for a place; at most 4 at a time/);
    assert.match(row({ pool: { ...pool, queued: 1 } }).tooltip, /one call waits for a place/);
  });

  it('R4.4 shows the address in use', () => {
    assert.equal(detail({ endpoint: 'https://b.example' }, 'Address in use'), 'https://b.example');
  });

  it('R5.3 shows suspicion in the tooltip and nowhere else', () => {
    const suspected = row({ suspicion: 4.25 });
    assert.match(suspected.tooltip, /φ 4\.3/);
    assert.doesNotMatch(JSON.stringify([suspected.description, suspected.children]), /φ/);
    assert.doesNotMatch(row({ suspicion: 0 }).tooltip, /φ/);
  });
});
