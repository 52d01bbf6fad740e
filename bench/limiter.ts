/**
 * `npm run bench:limiter`: the rate limiter in simulated time, what it costs with 10,000 in its line beside a plain list, and one real run: the engine, bridges and an
 * HTTP server that answers 429 above a capacity that nobody is told. Writes its part of docs/benchmarks.md. `--quick` makes the real run short, and writes nothing.
 */
import { cpus } from 'node:os';
import { ClassQueue, requestClasses, type ClassTicket } from '../src/engine/policies/rateLimit/classQueue.ts';
import { seededRandom } from '../src/shared/base/random.ts';
import { HttpPeer } from '../test/support/httpPeer.ts';
import {
  jainIndex,
  quantile,
  simulateLimiter,
  type HiddenServer,
  type SimulatedClient,
} from '../test/support/limiterSimulation.ts';
import { TestBed } from '../test/support/testEngine.ts';
import { intoBenchmarks, isQuick, versions } from './page.ts';
import { spread } from './figures.ts';

const COUNT_FROM_MS = 30_000;
const FOR_MS = 120_000;
const greedy: readonly SimulatedClient[] = ['a', 'b', 'c'].map((name) => ({
  name,
  requestClass: 'critical',
  callers: 12,
}));

function simulatedRow(
  title: string,
  server: HiddenServer,
  clients: readonly SimulatedClient[],
  since = 0,
  max?: number,
): string {
  const run = simulateLimiter({
    server,
    clients,
    forMs: FOR_MS,
    countFrom: Math.max(COUNT_FROM_MS, since === 0 ? 0 : since + COUNT_FROM_MS),
    random: seededRandom(5),
    ...(max === undefined ? {} : { max }),
  });
  const sum = (of: (one: (typeof run.clients)[number]) => number): number =>
    run.clients.reduce((all, one) => all + of(one), 0);
  const [answered, refused] = [sum((one) => one.answered), sum((one) => one.refused)];
  const steady = run.samples.filter(({ at }) => at > since + COUNT_FROM_MS);
  const rates = steady.map(({ rate }) => rate);
  const people = run.clients[0]?.waits ?? [];
  return [
    title,
    `${run.settledS(since).toFixed(1)} s`,
    `${Math.min(...rates).toFixed(1)}–${Math.max(...rates).toFixed(1)}`,
    `${((100 * refused) / Math.max(1, answered + refused)).toFixed(2)} %`,
    String(Math.max(...steady.map(({ queued }) => queued))),
    jainIndex(run.clients.map((one) => one.answered)).toFixed(3),
    `${quantile(people, 0.99).toFixed(1)} ms`,
  ].join(' | ');
}

function simulated(): string {
  const quota = (capacity: (at: number) => number, more: Partial<HiddenServer> = {}): HiddenServer => ({
    capacity,
    serviceMs: 30,
    refuses: true,
    ...more,
  });
  const rows = [
    ...[2, 5, 10, 20, 50, 100, 200, 500, 900].map((capacity) =>
      simulatedRow(
        `429 above ${capacity}/s, 36 callers of 3 clients`,
        quota(() => capacity),
        greedy,
      ),
    ),
    simulatedRow(
      '429 above 50/s, 50 at once after a pause',
      quota(() => 50, { burstS: 1 }),
      greedy,
    ),
    simulatedRow(
      '429 above 20/s, with Retry-After: 1',
      quota(() => 20, { retryAfterMs: 1_000 }),
      greedy,
    ),
    ...(
      [
        [20, 60],
        [60, 20],
        [50, 300],
        [300, 50],
      ] as const
    ).map(([before, after]) =>
      simulatedRow(
        `429 above ${before}/s, after a minute ${after}/s`,
        quota((at) => (at < 60_000 ? before : after)),
        greedy,
        60_000,
      ),
    ),
    ...(
      [
        [10, 100],
        [20, 50],
        [50, 200],
        [200, 50],
      ] as const
    ).map(([capacity, serviceMs]) =>
      simulatedRow(
        `no refusals: slow above ${capacity}/s, ${serviceMs} ms each`,
        { capacity: () => capacity, serviceMs, refuses: false },
        greedy,
        0,
        1_000,
      ),
    ),
    ...[20, 100].map((capacity) =>
      simulatedRow(
        `429 above ${capacity}/s: a person (a tenth of it), and a flood of checks that wants all of it`,
        quota(() => capacity, { serviceMs: 1_000 / capacity }),
        [
          { name: 'person', requestClass: 'critical', perSecond: capacity / 10 },
          { name: 'flood', requestClass: 'normal', perSecond: capacity },
        ],
      ),
    ),
  ];
  return [
    '| hidden server | within 10 % for good after | rate from then on, per s | refused | deepest line | Jain | p99 wait of the first client |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

const QUEUED = 10_000;
const OPERATIONS = 2_000;
const ROUNDS = 7;

/** One turn: take the next, add one, add another and take it out from the middle. Microseconds for each of the four. */
function costOfQueue(random: () => number): number {
  const queue = new ClassQueue<number>();
  const tickets: ClassTicket<number>[] = [];
  const add = (order: number): ClassTicket<number> =>
    queue.add(requestClasses[order % 4]!, `c${order % 100}`, order, order, order);
  for (let order = 0; order < QUEUED; order += 1) tickets.push(add(order));
  const began = performance.now();
  for (let turn = 0; turn < OPERATIONS; turn += 1) {
    queue.take(QUEUED);
    tickets.push(add(QUEUED + 2 * turn), add(QUEUED + 2 * turn + 1));
    let ticket = tickets[Math.floor(random() * tickets.length)]!;
    while (!queue.remove(ticket)) ticket = tickets[Math.floor(random() * tickets.length)]!;
  }
  return ((performance.now() - began) * 1_000) / (OPERATIONS * 4);
}

/** The same with one list that is kept in order of class: what a priority queue from npm does. */
function costOfList(random: () => number): number {
  interface Entry {
    readonly priority: number;
    readonly order: number;
  }
  const list: Entry[] = [];
  const add = (order: number): void => {
    const priority = order % 4;
    const at = list.findIndex((entry) => entry.priority > priority);
    if (at < 0) list.push({ priority, order });
    else list.splice(at, 0, { priority, order });
  };
  for (let order = 0; order < QUEUED; order += 1) add(order);
  const began = performance.now();
  for (let turn = 0; turn < OPERATIONS; turn += 1) {
    list.shift();
    add(QUEUED + 2 * turn);
    add(QUEUED + 2 * turn + 1);
    const { order } = list[Math.floor(random() * list.length)]!;
    list.splice(
      list.findIndex((entry) => entry.order === order),
      1,
    );
  }
  return ((performance.now() - began) * 1_000) / (OPERATIONS * 4);
}

function costs(): string {
  const random = seededRandom(1);
  const [ours, lists]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(costOfQueue(random));
    lists.push(costOfList(random));
  }
  return (
    `With ${QUEUED} in the line, 100 clients and four classes, adding, taking or removing one costs ${spread(ours, 2)} µs; ` +
    `in one sorted list ${spread(lists, 2)} µs. Median (least–most) of ${ROUNDS} alternating rounds.`
  );
}

const CAPACITY = 60;
const REAL_MS = isQuick ? 8_000 : 40_000;
const SLICE_MS = 5_000;

/** Twelve callers in two sessions at a server that takes 60 calls in any second. */
async function real(): Promise<string> {
  const bed = new TestBed();
  const peer = await new HttpPeer().start();
  const slices: { answered: number; failed: number; refused: number; rate: number; queued: number }[] = [];
  try {
    bed.configure({ s: { type: 'http', url: peer.url } });
    const { control } = await bed.startEngine();
    const clients = [await bed.session('s'), await bed.session('s')];
    const taken: number[] = [];
    let slice = { answered: 0, failed: 0, refused: 0, rate: 0, queued: 0 };
    peer.hook = ({ tool }, response) => {
      if (tool === undefined) return false;
      const now = performance.now();
      while (taken[0] !== undefined && now - taken[0] > 1_000) taken.shift();
      if (taken.length < CAPACITY) {
        taken.push(now);
        return false;
      }
      slice.refused += 1;
      response.writeHead(429).end();
      return true;
    };
    const end = performance.now() + REAL_MS;
    const worker = async (index: number): Promise<void> => {
      while (performance.now() < end) {
        const { isError } = await clients[index % 2]!.call('read', {}, 60_000);
        if (isError === true) slice.failed += 1;
        else slice.answered += 1;
      }
    };
    const workers = Promise.all(Array.from({ length: 12 }, (_, index) => worker(index)));
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
      const { rate } = await control.server('s', () => true);
      slices.push({ ...slice, rate: rate?.current ?? 0, queued: rate?.queued ?? 0 });
      slice = { answered: 0, failed: 0, refused: 0, rate: 0, queued: 0 };
    }
    await workers;
  } finally {
    await bed.dispose();
    await peer.stop();
  }
  return [
    `Engine, two bridges with six callers each that always want more, and an HTTP server that answers 429 to what is more than ${CAPACITY} calls in any second:`,
    '',
    '| after | answered/s | refused by the server | calls that failed | rate | in the line |',
    '|---|---|---|---|---|---|',
    ...slices.map(
      ({ answered, refused, failed, rate, queued }, index) =>
        `| ${((index + 1) * SLICE_MS) / 1_000} s | ${((answered * 1_000) / SLICE_MS).toFixed(1)} | ${refused} | ${failed} | ${rate} | ${queued} |`,
    ),
  ].join('\n');
}

const text = [
  '### Simulated',
  '',
  simulated(),
  '',
  '### Cost',
  '',
  costs(),
  '',
  '### Real',
  '',
  await real(),
].join('\n');
console.log(text);
if (!isQuick)
  intoBenchmarks('limiter', `${versions()}, ${cpus().length} cores; \`npm run bench:limiter\`.`, text);
process.exit(0);
