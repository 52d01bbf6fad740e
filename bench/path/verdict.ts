import type { AloneResult } from './alone.ts';
import {
  beside,
  caseName,
  legOf,
  median,
  short,
  type Case,
  type GroupResult,
  type LegResult,
} from './compare.ts';

/** The targets of R13 beside what was measured. */

const MIN_CALLS_FOR_SLOPE = 100_000;

interface Line {
  readonly id: string;
  readonly what: string;
  readonly figures: readonly { readonly name: string; readonly value: number }[];
  readonly unit: string;
  readonly target: number;
  readonly atLeast: boolean;
}

const ours = ({ results }: GroupResult): readonly LegResult[] =>
  results.filter(({ leg, failure }) => leg.kind === 'ours' && failure === undefined);

const perRound = (result: LegResult, one: Case, pick: 'p50Ms' | 'p99Ms' | 'perSecond'): number =>
  median((result.rounds.get(one) ?? []).map((round) => round[pick]));

/** A line for each way of ours in a group, with a figure for each case that counts. */
function perLeg(
  group: GroupResult | undefined,
  counts: (one: Case) => boolean,
  figure: (result: LegResult, one: Case, group: GroupResult) => number,
): readonly { readonly name: string; readonly figures: Line['figures'] }[] {
  if (group === undefined) return [];
  return ours(group).map((result) => ({
    name: result.leg.name,
    figures: group.group.cases
      .filter((one) => counts(one) && result.rounds.has(one))
      .map((one) => ({ name: caseName(one), value: figure(result, one, group) })),
  }));
}

const added =
  (pick: 'p50Ms' | 'p99Ms') =>
  (result: LegResult, one: Case, { results }: GroupResult): number =>
    median(beside(result, legOf(results, 'direct'), one, (mine, direct) => mine[pick] - direct[pick]));

const share =
  (kind: 'direct' | 'bare') =>
  (result: LegResult, one: Case, { results }: GroupResult): number =>
    median(beside(result, legOf(results, kind), one, (mine, other) => mine.perSecond / other.perSecond));

const overBestPeer = (result: LegResult, one: Case, { results }: GroupResult): number => {
  const peers = results.filter(({ leg, rounds }) => leg.kind === 'peer' && rounds.has(one));
  return Math.min(
    ...peers.map((peer) => median(beside(result, peer, one, (a, b) => a.perSecond / b.perSecond))),
  );
};

const isSmallAndFew = ({ size, concurrency }: Case): boolean => size === 100 && concurrency <= 10;
const isSmallAndMany = ({ size, concurrency }: Case): boolean => size === 100 && concurrency >= 10;
const isLargeAlone = ({ size, concurrency }: Case): boolean => size === 1_000_000 && concurrency === 1;
const any: (one: Case) => boolean = () => true;
const isClosedLoop = ({ perSecond }: Case): boolean => perSecond === undefined;

export function verdictTable(groups: readonly GroupResult[], alone: readonly AloneResult[]): string {
  const of = (name: string): GroupResult | undefined => groups.find(({ group }) => group.name === name);
  const lines: Line[] = [];
  const add = (
    id: string,
    what: string,
    target: Pick<Line, 'unit' | 'target' | 'atLeast'>,
    found: readonly { readonly name: string; readonly figures: Line['figures'] }[],
  ): void => {
    for (const { name, figures } of found)
      if (figures.length > 0) lines.push({ id, what: `${what}: ${name}`, figures, ...target });
  };
  const most = (target: number, unit: string) => ({ target, unit, atLeast: false });
  const least = (target: number, unit: string) => ({ target, unit, atLeast: true });

  for (const name of ['sessions-stdio', 'sessions-http']) {
    const group = of(name);
    const plain = (pick: 'p50Ms' | 'p99Ms' | 'perSecond', counts = any) =>
      perLeg(group, counts, (result, one) => perRound(result, one, pick));
    add('R13.1', `${name}, requests/s`, least(500, ''), plain('perSecond', isClosedLoop));
    add('R13.1', `${name}, p50`, most(10, 'ms'), plain('p50Ms'));
    add('R13.1', `${name}, p99`, most(100, 'ms'), plain('p99Ms'));
  }
  for (const name of ['stdio', 'http-http']) {
    add('R13.2', `${name}, added p50`, most(0.25, 'ms'), perLeg(of(name), isSmallAndFew, added('p50Ms')));
    add('R13.2', `${name}, added p99`, most(3, 'ms'), perLeg(of(name), isSmallAndFew, added('p99Ms')));
    add('R13.2', `${name}, 1 MB adds`, most(2, 'ms'), perLeg(of(name), isLargeAlone, added('p50Ms')));
  }
  for (const name of ['stdio', 'stdio-batch', 'stdio-sdk'])
    add(
      'R13.2b',
      `${name}, share of direct`,
      least(0.6, ''),
      perLeg(of(name), isSmallAndMany, share('direct')),
    );
  for (const name of ['stdio', 'http-stdio', 'http-http', 'stdio-http'])
    add('R13.3', `${name}, share of a bare bridge`, least(0.9, ''), perLeg(of(name), any, share('bare')));
  for (const name of ['http-stdio', 'http-http', 'stdio-http', 'sessions-stdio', 'sessions-http'])
    add('R13.3', `${name}, times the best peer`, least(1, ''), perLeg(of(name), isClosedLoop, overBestPeer));
  for (const name of ['stdio', 'http-stdio', 'http-http', 'stdio-http'])
    add(
      'R13.4',
      `${name}, requests/s`,
      least(5_000, ''),
      perLeg(of(name), isSmallAndMany, (result, one) => perRound(result, one, 'perSecond')),
    );
  for (const result of alone.filter(({ leg }) => leg.kind === 'ours')) {
    const name = `${result.leg.name} (${result.route})`;
    const one = (value: number) => [{ name, figures: [{ name: '', value }] }];
    add('R13.4', `engine after ${result.load?.calls ?? 0} calls`, most(150, 'MB'), one(result.loadedMainMb));
    // A collected heap is up and down by a few per cent: fewer calls say nothing about its slope.
    if ((result.load?.calls ?? 0) >= MIN_CALLS_FOR_SLOPE)
      add('R13.4', 'heap slope per 100,000 calls', most(1, '%'), one(result.heapSlope * 100));
    add('R13.5', 'CPU at 100 calls/s', most(5, '%'), one(result.steady?.cpuPercent ?? NaN));
  }
  const rows = lines.map(({ id, what, figures, unit, target, atLeast }) => {
    const known = figures.filter(({ value }) => Number.isFinite(value));
    const isReached = known.every(({ value }) => (atLeast ? value >= target : value <= target));
    const text = known
      .map(({ name, value }) => `${short(value)}${name === '' ? '' : ` (${name})`}`)
      .join(', ');
    const answer = known.length === 0 ? 'not measured' : isReached ? 'yes' : 'no';
    return `| ${id} | ${what} | ${text} | ${atLeast ? '≥' : '≤'} ${target.toLocaleString('en')} ${unit} | ${answer} |`;
  });
  return ['| | what | measured | target | reached |', '|---|---|---|---|---|', ...rows].join('\n');
}
