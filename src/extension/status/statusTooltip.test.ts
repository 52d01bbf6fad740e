import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { connectionStates } from '../../shared/model/connectionState.ts';
import { commands } from '../../shared/contributions.ts';
import { untranslated } from '../translate.ts';
import { statusContent } from './statusContent.ts';
import { tooltipCommands } from './statusTooltip.ts';

const tooltip = (...args: Parameters<typeof viewOf>): string =>
  statusContent(viewOf(...args), untranslated).tooltip;

/** The table's rows, without its head. */
const rows = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| $('));

/** Command and arguments of each link. */
const links = (text: string): [string, unknown][] =>
  [...text.matchAll(/\]\(command:([\w.]+)(?:\?([^ )]+))?/g)].map(([, command = '', query]) => [
    command,
    query === undefined ? undefined : JSON.parse(decodeURIComponent(query)),
  ]);

describe('status bar tooltip', () => {
  it("R12.1 tells each server's health in words, the worst first", () => {
    const text = tooltip([
      serverSnapshot('calm', { state: 'idle' }),
      serverSnapshot('slow', { breaker: { state: 'open', failures: 3 } }),
      serverSnapshot('good'),
      serverSnapshot('dead', { state: 'crashLoop' }),
    ]);
    assert.deepEqual(
      rows(text).map((row) => /\| ([a-z]+) \| &nbsp; ([a-z ]+) \|/.exec(row)?.slice(1)),
      [
        ['dead', 'keeps failing'],
        ['slow', 'refusing calls'],
        ['calm', 'idle'],
        ['good', 'healthy'],
      ],
    );
    assert.match(text, /2 of 4 healthy or idle/);
  });

  it('R12.1 has its commands: for all, for each server, log, dashboard, status', () => {
    const text = tooltip([serverSnapshot('dead', { state: 'crashLoop' }), serverSnapshot('good')]);
    assert.deepEqual(links(text), [
      [commands.forceRecovery, ['dead']],
      [commands.showLog, ['dead']],
      [commands.forceRecovery, ['good']],
      [commands.showLog, ['good']],
      [commands.forceRecoveryAll, undefined],
      [commands.showStatus, undefined],
      [commands.openDashboard, undefined],
      [commands.showLog, undefined],
    ]);
    assert.match(text, /\[\$\(zap\) Force Recovery\]/, 'in words where it is needed');
  });

  it('offers no recovery of all while all are well', () => {
    const text = tooltip([serverSnapshot('a'), serverSnapshot('b', { state: 'idle' })]);
    assert.ok(!links(text).some(([command]) => command === commands.forceRecoveryAll));
  });

  it('offers what helps a server that waits for a person', () => {
    const text = tooltip([
      serverSnapshot('away', { state: 'isolated' }),
      serverSnapshot('asks', { state: 'needsSignIn', needsInput: ['key'] }),
    ]);
    assert.deepEqual(links(text).slice(0, 4), [
      [commands.rejoin, ['away']],
      [commands.showLog, ['away']],
      [commands.enterInput, ['asks']],
      [commands.showLog, ['asks']],
    ]);
  });

  it('may run every command that it links to', () => {
    const view = viewOf(connectionStates.map((state) => serverSnapshot(state, { state })));
    const text = statusContent({ ...view, problems: [{ path: 'x', message: 'y' }] }, untranslated).tooltip;
    for (const [command] of links(text)) assert.ok(tooltipCommands.includes(command), command);
  });

  it('tells why the worst server is down, and what to do', () => {
    const diagnosis = {
      cause: 'crash',
      sentence: 'It ended (exit code 4).',
      advice: 'Read the log.',
    } as const;
    const text = tooltip([serverSnapshot('a'), serverSnapshot('dead', { state: 'crashLoop', diagnosis })]);
    assert.match(text.replaceAll('\\', ''), /dead: It ended \(exit code 4\)\. Read the log\./);
    const named = { ...diagnosis, sentence: 'The MCP server "dead" ended.' };
    const other = tooltip([serverSnapshot('dead', { state: 'crashLoop', diagnosis: named })]);
    assert.match(other.replaceAll('\\', ''), /^The MCP server "dead" ended\. Read the log\.$/m);
  });

  it('R12.1 does not change with figures that change with every call: it would be built anew under the pointer', () => {
    const at = (p50Ms: number) =>
      tooltip([
        serverSnapshot('a', {
          latency: { p50Ms, p95Ms: p50Ms, p99Ms: p50Ms, lastMs: p50Ms, samples: p50Ms },
          metrics: { total: p50Ms },
        }),
      ]);
    assert.equal(at(3), at(4_000));
  });

  it('R12.1 stays short with many servers, and shows those that are broken', () => {
    const many = Array.from({ length: 120 }, (_, index) => serverSnapshot(`s${index}${'€'.repeat(250)}`));
    const text = tooltip([...many, serverSnapshot('dead', { state: 'crashLoop' })]);
    assert.equal(rows(text).length, 15);
    assert.match(rows(text)[0] ?? '', /dead/);
    assert.match(text, /\[and 106 more\]\(command:mcpLifeline\.showStatus\)/);
    assert.ok(text.length < 100_000, `${text.length} characters: the editor cuts what is longer`);
  });

  it('lets no server name become a link, an icon, a table cell or a title of its own', () => {
    const name = '[x](command:evil) $(bug) | **b** <img> "quoted" \n# h';
    const text = tooltip([serverSnapshot(name)]);
    assert.deepEqual(links(text).slice(0, 2), [
      [commands.forceRecovery, [name]],
      [commands.showLog, [name]],
    ]);
    assert.doesNotMatch(text, /[^\\]\$\(bug\)[^"]*\|/);
    assert.equal(rows(text).length, 1);
    // An icon's bracket, three cells, their borders; nothing of the name's own.
    assert.equal(rows(text)[0]?.replaceAll('\\|', '').split('|').length, 6);
    assert.doesNotMatch(text, /<img>[^"]*\|/);
  });
});
