import { spread } from '../figures.ts';
import { startLeg, type Leg, type Running } from './leg.ts';
import type { Client } from './client.ts';
import { applyLoad, applyRate, within, type LoadFigures } from './load.ts';
import { cpuMs, withDescendants } from './processes.ts';

/** Legs that lead to the same server, measured in turn: what the machine does meanwhile falls on all of them. */

export interface Case {
  readonly size: number;
  readonly concurrency: number;
  /** Each call at a time is in a session of its own. */
  readonly sessions?: boolean;
  /** So many calls a second, spread over the sessions, and not as many as go; for four times as long as other rounds. */
  readonly perSecond?: number;
}

export interface Group {
  readonly name: string;
  readonly title: string;
  readonly legs: readonly Leg[];
  readonly cases: readonly Case[];
}

export interface Round extends LoadFigures {
  /** Of what stands between, user and system. */
  readonly cpuMs: number;
}

export interface LegResult {
  readonly leg: Leg;
  readonly rounds: ReadonlyMap<Case, readonly Round[]>;
  /** Why it was not run, or not to the end. */
  readonly failure: string | undefined;
}

export interface GroupResult {
  readonly group: Group;
  readonly results: readonly LegResult[];
}

export interface Rounds {
  readonly rounds: number;
  readonly forMs: number;
  /** Before a leg is measured for the first time, so that its programs are compiled. */
  readonly warmMs: number;
}

const WARM_CONCURRENCY = 10;
const OPENED_AT_ONCE = 4;
const OPEN_MS = 60_000;
const RATE_TIMES = 4;

class Runner {
  readonly leg: Leg;
  readonly rounds = new Map<Case, Round[]>();
  running: Running | undefined;
  failure: string | undefined;
  readonly #sessions: Client[] = [];
  #opening = 0;

  constructor(leg: Leg) {
    this.leg = leg;
  }

  /** Whatever fails here ends this leg only. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      await work();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      console.error(`${this.leg.name}: ${this.failure}`);
    }
  }

  start(warmMs: number): Promise<void> {
    return this.#guarded(async () => {
      this.running = await startLeg(this.leg);
      await this.#load({ size: 100, concurrency: WARM_CONCURRENCY }, warmMs);
    });
  }

  async #load({ size, concurrency, sessions = false, perSecond }: Case, forMs: number): Promise<Round> {
    const { client, roots } = this.running!;
    if (sessions) await this.#openSessions(concurrency);
    const call = (lane: number): Promise<void> => (sessions ? this.#sessions[lane]! : client).call(size);
    const pids = withDescendants(roots);
    const before = cpuMs(pids);
    const figures =
      perSecond === undefined
        ? await applyLoad({ call, concurrency, forMs })
        : await applyRate({ call, perSecond, lanes: concurrency, forMs: forMs * RATE_TIMES });
    return { ...figures, cpuMs: cpuMs(pids) - before };
  }

  /** A few at a time, because a way may have to start a process for each. */
  async #openSessions(count: number): Promise<void> {
    const open = async (): Promise<void> => {
      while (this.#sessions.length + this.#opening < count) {
        this.#opening += 1;
        const client = await this.running!.another!();
        this.#opening -= 1;
        this.#sessions.push(client);
      }
    };
    const some = Array.from({ length: OPENED_AT_ONCE }, open);
    await within(OPEN_MS, `${count} sessions`, Promise.all(some));
  }

  warm(one: Case, forMs: number): Promise<void> {
    return this.#guarded(async () => {
      await this.#load(one, forMs);
    });
  }

  measure(one: Case, forMs: number): Promise<void> {
    return this.#guarded(async () => {
      const round = await this.#load(one, forMs);
      this.rounds.set(one, [...(this.rounds.get(one) ?? []), round]);
    });
  }

  async stop(): Promise<void> {
    try {
      for (const session of this.#sessions) await session.close();
      await this.running?.stop();
    } catch (error) {
      this.failure ??= `did not end: ${String(error)}`;
    }
  }
}

export async function compare(group: Group, { rounds, forMs, warmMs }: Rounds): Promise<GroupResult> {
  const runners = group.legs.map((leg) => new Runner(leg));
  try {
    for (const runner of runners) await runner.start(warmMs);
    for (const one of group.cases) {
      console.error(`${group.name}: ${caseName(one)}`);
      for (const runner of runners) await runner.warm(one, forMs / 2);
      for (let round = 0; round < rounds; round += 1) {
        // There and back again, so that nobody always follows the same one.
        const turn = round % 2 === 0 ? runners : runners.toReversed();
        for (const runner of turn) await runner.measure(one, forMs);
      }
    }
  } finally {
    for (const runner of runners) await runner.stop();
  }
  return { group, results: runners };
}

const bytes = (size: number): string =>
  size >= 1_000_000 ? `${size / 1_000_000} MB` : size >= 1_000 ? `${size / 1_000} KB` : `${size} B`;

export const caseName = ({ size, concurrency, sessions, perSecond }: Case): string => {
  const rate = perSecond === undefined ? '' : `, ${perSecond} calls a second`;
  return `${bytes(size)}, ${concurrency} ${sessions === true ? 'sessions' : 'at a time'}${rate}`;
};

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Three digits that count. */
const digitsFor = (value: number): number => (value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
export const short = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(digitsFor(Math.abs(value))) : '';

/** What a leg adds, or its share, round by round beside another leg. */
export function beside(
  result: LegResult,
  other: LegResult | undefined,
  one: Case,
  how: (round: Round, otherRound: Round) => number,
): readonly number[] {
  const others = other?.rounds.get(one) ?? [];
  const mine = result.rounds.get(one) ?? [];
  return mine.flatMap((round, index) => {
    const otherRound = others[index];
    return otherRound === undefined ? [] : [how(round, otherRound)];
  });
}

/** The one that everything is compared with: the last of its kind. */
export const legOf = (results: readonly LegResult[], kind: Leg['kind']): LegResult | undefined =>
  results.findLast(({ leg, failure }) => leg.kind === kind && failure === undefined);

const HEAD = [
  'case',
  'way',
  'p50 ms',
  'p99 ms',
  'added p50 ms',
  'added p99 ms',
  'requests/s',
  '÷ direct',
  '÷ bare',
  'CPU ms per 1,000',
  'calls',
  'errors',
];

export function tableOf({ group, results }: GroupResult): string {
  const direct = legOf(results, 'direct');
  const bare = legOf(results, 'bare');
  const lines = [HEAD, HEAD.map(() => '---')];
  for (const one of group.cases) {
    for (const result of results) {
      const rounds = result.rounds.get(one) ?? [];
      if (rounds.length === 0) {
        lines.push([caseName(one), result.leg.name, `not run: ${cell(result.failure ?? 'no rounds')}`]);
        continue;
      }
      const all = (pick: (round: Round) => number): string => {
        const values = rounds.map(pick);
        return spread(values, digitsFor(median(values)));
      };
      const ratio = (other: LegResult | undefined): string =>
        other === undefined || other === result || one.perSecond !== undefined
          ? ''
          : spread(
              beside(result, other, one, (a, b) => a.perSecond / b.perSecond),
              2,
            );
      const added = (pick: (round: Round) => number): string =>
        direct === undefined || direct === result
          ? ''
          : short(median(beside(result, direct, one, (a, b) => pick(a) - pick(b))));
      const sum = (pick: (round: Round) => number): number =>
        rounds.reduce((total, round) => total + pick(round), 0);
      const calls = sum(({ calls }) => calls);
      const errors = sum(({ errors }) => errors);
      const firstError = rounds.find(({ firstError }) => firstError !== undefined)?.firstError;
      lines.push([
        caseName(one),
        result.leg.name,
        all(({ p50Ms }) => p50Ms),
        all(({ p99Ms }) => p99Ms),
        added(({ p50Ms }) => p50Ms),
        added(({ p99Ms }) => p99Ms),
        all(({ perSecond }) => perSecond),
        ratio(direct),
        ratio(bare),
        short((sum(({ cpuMs }) => cpuMs) / calls) * 1_000),
        String(calls),
        [
          errors === 0 ? '0' : `${errors}: ${cell(firstError ?? '')}`,
          ...(result.failure === undefined ? [] : [cell(result.failure)]),
        ].join('; '),
      ]);
    }
  }
  return lines
    .map((cells) => `| ${[...cells, ...HEAD.slice(cells.length).map(() => '')].join(' | ')} |`)
    .join('\n');
}

/** Text from elsewhere, for a table. */
export const cell = (text: string): string => text.replaceAll(/[|\s]+/g, ' ').slice(0, 160);
