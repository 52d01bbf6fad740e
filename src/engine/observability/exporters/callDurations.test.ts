import assert from 'node:assert/strict';
import { CallDurations, durationBoundaries, MAX_SERIES, MAX_SERVERS, MAX_TOOLS } from './callDurations.ts';

const call = { server: 's', method: 'tools/call', tool: 'echo' };

describe('durations of calls', () => {
  it('R11.8 fall into the bucket whose upper bound they do not exceed', () => {
    const durations = new CallDurations(false);
    for (const ms of [0, 1, 1.001, 300_000, 300_001]) durations.add('server', call, undefined, ms);
    const [series] = durations.all;
    assert.equal(series?.count, 5);
    assert.deepEqual(
      [series.counts[0], series.counts[1], series.counts.at(-2), series.counts.at(-1)],
      [2, 1, 1, 1],
    );
    assert.equal(series.counts.length, durationBoundaries.length + 1);
    assert.ok(Math.abs(series.sumSeconds - 600.003001) < 1e-6);
  });

  it('R11.8 tell the names of tools only when they are asked for', () => {
    const without = new CallDurations(false);
    const withTools = new CallDurations(true);
    for (const durations of [without, withTools])
      for (const tool of ['a', 'b']) durations.add('server', { ...call, tool }, undefined, 1);
    assert.deepEqual(
      without.all.map(({ tool, count }) => [tool, count]),
      [[undefined, 2]],
    );
    assert.deepEqual(
      withTools.all.map(({ tool, count }) => [tool, count]),
      [
        ['a', 1],
        ['b', 1],
      ],
    );
  });

  it('R11.8 keep apart what differs in one thing only, whatever came before', () => {
    const durations = new CallDurations(true);
    const others = [{}, { server: 't' }, { method: 'tools/list' }, { tool: 'b' }, { errorType: 'exited' }];
    for (let round = 0; round < 3; round += 1) {
      for (const { errorType, ...other } of others as { errorType?: string }[]) {
        for (const side of ['server', 'client'] as const)
          durations.add(side, { ...call, ...other }, errorType, 1);
      }
    }
    assert.equal(durations.all.length, 2 * others.length);
    for (const { count, counts } of durations.all) assert.deepEqual([count, counts[0]], [3, 3]);
  });

  it('R14.3 whatever clients and servers invent, the number of series is bounded and nothing is lost', () => {
    const durations = new CallDurations(true);
    let added = 0;
    const add = ({ errorType, ...operation }: Partial<typeof call> & { errorType?: string }): void => {
      durations.add(added % 2 === 0 ? 'server' : 'client', { ...call, ...operation }, errorType, 1);
      added += 1;
    };
    for (let n = 0; n < 5_000; n += 1)
      add({ tool: `tool${n}`, method: n % 3 === 0 ? `made/up${n}` : 'tools/call' });
    const tools = new Set(durations.all.map(({ tool }) => tool));
    assert.ok(tools.size <= MAX_TOOLS + 2);
    assert.deepEqual([...new Set(durations.all.map(({ method }) => method))].sort(), [
      '_OTHER',
      'tools/call',
    ]);
    for (let n = 0; n < 5_000; n += 1) add({ errorType: `error${n}` });
    assert.ok(durations.all.length <= MAX_SERIES);
    for (let n = 0; n < 1_000; n += 1) add({ server: `server${n}` });
    assert.ok(new Set(durations.all.map(({ server }) => server)).size <= MAX_SERVERS + 1);
    assert.equal(
      durations.all.reduce((sum, { count }) => sum + count, 0),
      added,
    );
  });
});
