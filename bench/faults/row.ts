import { Stage } from './stage.ts';
import { countersOff } from './counters.ts';
import type { Tally } from '../../test/support/ledger.ts';

/** One scenario of `npm run bench:faults`. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** It waits most of its time, so that others can be played meanwhile. */
  readonly waits?: boolean;
  /** Plays it on a fresh stage, and says what only it can know. */
  readonly play: (stage: Stage) => Promise<Finding>;
}

export interface Finding {
  /** From the moment that the row's title speaks of to the first answer. */
  readonly firstSuccessMs: number | undefined;
  readonly restarts: number;
  /** What else must be 0, by name. */
  readonly zeros?: Readonly<Record<string, number>>;
  /** For the reader, no judgement. */
  readonly note?: string;
}

export interface Result extends Finding {
  readonly row: Pick<Row, 'name' | 'title'>;
  readonly tally: Tally;
  readonly tookMs: number;
  /** All that must be 0 and is not. */
  readonly wrong: Readonly<Record<string, number>>;
  /** A few of the calls that went wrong, or failed although they may be repeated. */
  readonly examples: readonly string[];
}

const SHOWN = 5;

export async function play(row: Row, seed: number): Promise<Result> {
  const stage = new Stage(seed);
  const began = performance.now();
  let finding: Finding;
  let tally: Tally;
  let leftBehind: number;
  let counters: Record<string, number>;
  try {
    finding = await row.play(stage);
    tally = stage.ledger.tally(stage.record);
    counters = await countersOff(stage, tally);
  } finally {
    leftBehind = await stage.dispose();
  }
  const { lost, executedTwice, toldWrongly } = tally;
  const offBy = Object.values(counters).reduce((sum, by) => sum + Math.abs(by), 0);
  const zeros = {
    lost: lost.length,
    'executed twice': executedTwice.length,
    'told wrongly': toldWrongly.length,
    'answered twice': stage.surplus,
    'processes left': leftBehind,
    ...finding.zeros,
    ...(offBy === 0 ? {} : counters),
  };
  const wrong = Object.fromEntries(Object.entries(zeros).filter(([, count]) => count !== 0));
  const examples = [lost, executedTwice, toldWrongly, stage.ledger.failedRepeatable()].flatMap((keys) =>
    keys.slice(0, SHOWN).map((key) => stage.ledger.describe(key)),
  );
  return {
    ...finding,
    zeros: { ...finding.zeros, 'counters off by': offBy },
    row,
    tally,
    tookMs: performance.now() - began,
    wrong,
    examples,
  };
}
