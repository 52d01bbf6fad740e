import type { Result } from './row.ts';

const HEAD = [
  'fault',
  'calls',
  'answered',
  'failed honestly: may not be repeated',
  'failed honestly: may be repeated',
  'taken back',
  'lost',
  'executed twice',
  'first success',
  'restarts',
  'also 0',
  'note',
];

export const seconds = (ms: number | undefined): string =>
  ms === undefined ? '–' : ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;

/** Codes with how often each came, the most frequent first. */
export function codes(failed: ReadonlyMap<string, number>): string {
  return [...failed]
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');
}

function alsoZero({ zeros = {}, wrong }: Result): string {
  const shown = new Map(Object.entries(zeros));
  for (const [name, count] of Object.entries(wrong))
    if (name !== 'lost' && name !== 'executed twice') shown.set(name, count);
  return [...shown].map(([name, count]) => `${name} ${count}`).join(', ');
}

export function lineOf(result: Result): string {
  const { row, tally, firstSuccessMs, restarts, note = '' } = result;
  return [
    row.title,
    tally.calls,
    tally.answered,
    codes(tally.failed),
    codes(tally.failedRepeatable),
    tally.cancelled + tally.left,
    tally.lost.length,
    tally.executedTwice.length,
    seconds(firstSuccessMs),
    restarts,
    alsoZero(result),
    note,
  ].join(' | ');
}

export function table(results: readonly Result[]): string {
  return [
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map(() => '---').join('|')}|`,
    ...results.map((result) => `| ${lineOf(result)} |`),
  ].join('\n');
}
