/**
 * `npm run bench:servers`: what servers that misbehave do to themselves, to the engine and to a healthy neighbour. Every row is an engine of
 * its own with real processes: a server that was well, whose next life is bad, and an echo server that is called one call after
 * another meanwhile, through its own bridge. Writes the tables into docs/benchmarks.md when all rows were run. `--only=name,…` runs some.
 * `machine`: the same server without the engine, its output read and thrown away, the neighbour called directly: what the machine alone costs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { OUTCOME_META } from '../src/shared/protocol/answers.ts';
import type { ServerSnapshot } from '../src/shared/model/snapshot.ts';
import { bridgePath, projectRoot, TestBed, type ControlClient } from '../test/support/testEngine.ts';
import { Peer } from './peer.ts';

const echoServer = join(projectRoot, 'bench', 'echoServer.mjs');
const badServer = join(projectRoot, 'test', 'servers', 'bad.mjs');
const badHttpServer = join(projectRoot, 'test', 'servers', 'badHttp.mjs');
/** The default of 60 s would make the run long; nothing else differs from the defaults. */
const REQUEST_TIMEOUT_S = 8;
const QUIET_MS = 2_000;
const AT_LEAST_MS = 3_000;
/** Of flooding servers: pairs of a quiet and a loud stretch, each after a moment in which what was on its way has passed. */
const ROUNDS = 5;
const ROUND_MS = 500;
const SETTLE_MS = 150;
const ROW_LIMIT_MS = 40_000;
const MARKS = ['<!-- bench:servers begin -->', '<!-- bench:servers end -->'] as const;

interface Row {
  readonly name: string;
  readonly title: string;
  readonly kind: 'stdio' | 'http';
  /** What the mode file says; absent: its program is gone. */
  readonly mode: string | undefined;
  /** The state that it comes to. */
  readonly until: (server: ServerSnapshot) => boolean;
  readonly waitMs?: number;
  /** It floods: measured without the engine too. */
  readonly machine?: boolean;
}

const inState =
  (...states: readonly string[]) =>
  (server: ServerSnapshot): boolean =>
    states.includes(server.state);
const isReady = inState('ready');
const isOut = inState('crashLoop', 'needsSignIn');
const restarted = (server: ServerSnapshot): boolean => isReady(server) && server.metrics.restarts > 0;

const stdio = (mode: string, title: string, until: Row['until'], more: Partial<Row> = {}): Row => ({
  name: mode,
  title,
  kind: 'stdio',
  mode,
  until,
  ...more,
});
/** Requests are independent of each other: the state mostly stays, and the last failure is what is seen. */
const hasFailed = (server: ServerSnapshot): boolean => server.lastError !== undefined || isOut(server);
const http = (mode: string, title: string, more: Partial<Row> = {}): Row => ({
  name: `http-${mode.replace(/\W+/g, '-')}`,
  title: `HTTP: ${title}`,
  kind: 'http',
  mode,
  until: hasFailed,
  ...more,
});

const rows: readonly Row[] = [
  { name: 'commandMissing', title: 'command missing', kind: 'stdio', mode: undefined, until: isOut },
  stdio('exitAtOnce', 'exits at once', isOut),
  stdio('exitLater', 'exits after 1 s, for ever', isOut),
  stdio('neverInitializes', 'never answers initialize', inState('recovering', 'crashLoop'), {
    waitMs: 33_000,
  }),
  stdio('slowInitialize', 'answers initialize after 20 s', restarted, { waitMs: 25_000 }),
  stdio('garbage', 'garbage and half lines on stdout', restarted),
  stdio('glued', 'text before each answer, without a line end', restarted),
  stdio('hugeLine', 'a line of 1 GB', restarted),
  stdio('hugeAnswer', 'an answer of 1 GB', restarted),
  stdio('endlessLine', 'a line without end', inState('initializing', 'recovering', 'probing'), {
    machine: true,
    waitMs: 3_000,
  }),
  stdio('notifications', '100,000 notifications a second', restarted, { machine: true }),
  stdio('stderr', '10 MB of stderr a second', restarted, { machine: true }),
  stdio('stderrMax', 'stderr as fast as it is read', restarted, { machine: true }),
  stdio('wrongIds', 'answers with wrong ids', restarted),
  stdio('twice', 'answers twice', restarted),
  stdio('deep', 'answers nested a million deep', restarted),
  stdio('manyTools', '10,000 tools', restarted),
  stdio('changingTools', '10,000 tools, announced as changed 10 times a second', restarted, {
    machine: true,
  }),
  http('400', '400 to everything'),
  http('401', '401'),
  http('403', '403'),
  http('404', '404'),
  http('429', '429'),
  http('429:2', '429 with Retry-After: 2'),
  http('500', '500'),
  http('503', '503'),
  http('503:2', '503 with Retry-After: 2'),
  http('calls 500', '500 to calls of tools only'),
  http('html', 'HTML instead of JSON'),
  http('redirect', 'redirect to another origin'),
  http('drip', 'a byte a second'),
  http('reset', 'reset in the middle of the body'),
  http('endlessEvents', 'endless events instead of the answer', { machine: true }),
  http('endlessJson', 'a body without end'),
  http('gone', 'nothing listens any more'),
  http('silent', 'accepts and never answers'),
];

interface Told {
  readonly ms: number;
  readonly isError: boolean | undefined;
  readonly code: string;
  readonly text: string;
}

interface Result {
  readonly row: Row;
  readonly states: readonly string[];
  readonly reachedMs: number | undefined;
  readonly last: ServerSnapshot;
  readonly first: Told;
  readonly later: Told;
  readonly rssMb: readonly [number, number, number];
  readonly quiet: Latency;
  readonly meanwhile: Latency;
  readonly machine: { readonly quiet: Latency; readonly meanwhile: Latency } | undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function within<T>(limitMs: number, what: string, wanted: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([wanted, late]).finally(() => clearTimeout(timer));
}

function statusMb(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const kb = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1_024);
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? NaN };
}

/** The healthy server, called by a thread of its own. */
class Neighbour {
  readonly #worker: Worker;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const workerData = { args, env: { ...env } };
    this.#worker = new Worker(new URL('./neighbour.ts', import.meta.url), { workerData });
  }

  async ready(): Promise<void> {
    await within(10_000, "the neighbour's session", once(this.#worker, 'message'));
  }

  begin(): void {
    this.#worker.postMessage('begin');
  }

  async end(): Promise<readonly number[]> {
    const told = once(this.#worker, 'message');
    this.#worker.postMessage('end');
    const [times] = (await within(20_000, "the neighbour's figures", told)) as [readonly number[]];
    return times;
  }

  async sample(durationMs: number): Promise<readonly number[]> {
    this.begin();
    await pause(durationMs);
    return this.end();
  }

  async close(): Promise<void> {
    this.#worker.postMessage('close');
    const timer = setTimeout(() => void this.#worker.terminate(), 2_000);
    await once(this.#worker, 'exit');
    clearTimeout(timer);
  }
}

async function callTool(peer: Peer): Promise<Told> {
  const began = performance.now();
  const line = await within(
    ROW_LIMIT_MS,
    'an answer of the bad server',
    peer.request('tools/call', { name: 'echo', arguments: { key: 'k' } }),
  );
  const ms = performance.now() - began;
  interface Answer {
    result?: { isError?: boolean; content?: { text?: string }[]; _meta?: Record<string, { code?: string }> };
    error?: { message: string };
  }
  const { result, error } = JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as Answer;
  return {
    ms,
    isError: error === undefined ? (result?.isError ?? false) : undefined,
    code: result?._meta?.[OUTCOME_META]?.code ?? (error === undefined ? 'answered' : 'error'),
    text: error?.message ?? result?.content?.[0]?.text ?? '',
  };
}

/** The program that the row is about, well for now, and how to make it bad. */
async function badProgram(
  bed: TestBed,
  row: Row,
): Promise<{
  entry: Record<string, unknown>;
  child?: ChildProcess;
  turnBad: (control: ControlClient) => Promise<void>;
}> {
  const modeFile = join(bed.home, 'mode');
  const env = { MODE_FILE: modeFile };
  const lifeline = { connection: { requestTimeout: REQUEST_TIMEOUT_S } };
  if (row.kind === 'stdio') {
    const command = join(bed.home, 'server');
    symlinkSync(process.execPath, command);
    return {
      entry: { command, args: [badServer], env, lifeline },
      turnBad: async (control) => {
        if (row.mode === undefined) unlinkSync(command);
        else writeFileSync(modeFile, row.mode);
        const [pid] = (await control.server('bad', ({ pids }) => pids.length > 0)).pids;
        process.kill(pid!, 'SIGKILL');
        await control.server('bad', ({ pids }) => pids[0] !== pid);
      },
    };
  }
  const child = spawn(process.execPath, [badHttpServer], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [url] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return {
    entry: { type: 'http', url: url.trim(), lifeline },
    child,
    turnBad: async () => {
      if (row.mode !== 'gone') {
        writeFileSync(modeFile, row.mode ?? '');
        return;
      }
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

const bridgeArgs = (bed: TestBed, server: string): readonly string[] => [
  bridgePath,
  '--server',
  server,
  '--window',
  bed.window,
];

async function run(row: Row): Promise<Result> {
  const bed = new TestBed('bench');
  const program = await badProgram(bed, row);
  const ends: (() => unknown)[] = [];
  try {
    bed.configure({
      bad: program.entry,
      good: { command: process.execPath, args: [echoServer] },
    });
    const { control, pid } = await bed.startEngine();
    const bad = new Peer(process.execPath, bridgeArgs(bed, 'bad'), { env: bed.environment });
    ends.push(() => bad.end());
    const good = new Neighbour(bridgeArgs(bed, 'good'), bed.environment);
    ends.push(() => good.close());
    await within(10_000, 'the sessions', Promise.all([bad.initialize(), good.ready()]));
    await control.server('bad', ({ catalogue }) => (catalogue?.tools ?? 0) > 0);
    await callTool(bad);
    await good.sample(500); // warm
    let quiet = latencyOf(await good.sample(QUIET_MS));
    const before = statusMb(pid, 'VmRSS');

    await program.turnBad(control);
    const began = performance.now();
    const seen = control.snapshots.length;
    good.begin();
    const firstCall = callTool(bad);
    const reached = await control
      .server('bad', row.until, row.waitMs ?? 12_000)
      .then(() => performance.now() - began)
      .catch(() => undefined);
    if (row.machine !== true) await pause(Math.max(0, AT_LEAST_MS - (performance.now() - began)));
    let meanwhile = latencyOf(await good.end());
    if (row.machine === true) {
      const { max } = meanwhile;
      const flooding =
        program.child?.pid ?? (await control.server('bad', ({ pids }) => pids.length > 0)).pids[0];
      ({ quiet, meanwhile } = await alternate(good, flooding!));
      meanwhile = { ...meanwhile, max: Math.max(max, meanwhile.max) };
    }
    const first = await firstCall;
    const later = await callTool(bad);
    const peak = statusMb(pid, 'VmHWM');
    await pause(1_000);
    const { servers } = await control.snapshot();
    const last = servers.find(({ id }) => id === 'bad')!;
    const states: string[] = [];
    for (const { servers: shown } of control.snapshots.slice(seen)) {
      const { state } = shown.find(({ id }) => id === 'bad') ?? { state: '' };
      if (states.at(-1) !== state) states.push(state);
    }
    const after = statusMb(pid, 'VmRSS');
    const rssMb = [before, peak, after] as const;
    const machine = row.machine === true ? await runAlone(row) : undefined;
    return { row, states, reachedMs: reached, last, first, later, rssMb, quiet, meanwhile, machine };
  } finally {
    for (const end of ends) await end();
    await bed.dispose();
    program.child?.kill('SIGKILL');
  }
}

/** Alternating, so that what else the machine does falls on both: a flood that stands still, and one that goes on. */
async function alternate(good: Neighbour, flooding: number): Promise<{ quiet: Latency; meanwhile: Latency }> {
  const quiet: number[] = [];
  const meanwhile: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    process.kill(flooding, 'SIGSTOP');
    await pause(SETTLE_MS);
    quiet.push(...(await good.sample(ROUND_MS)));
    process.kill(flooding, 'SIGCONT');
    await pause(SETTLE_MS);
    meanwhile.push(...(await good.sample(ROUND_MS)));
  }
  return { quiet: latencyOf(quiet), meanwhile: latencyOf(meanwhile) };
}

/** The same two servers without bridge and engine. */
async function runAlone(row: Row): Promise<NonNullable<Result['machine']>> {
  const bed = new TestBed('alone');
  const modeFile = join(bed.home, 'mode');
  writeFileSync(modeFile, row.mode ?? '');
  const good = new Neighbour([echoServer], process.env);
  await good.ready();
  await good.sample(500);
  const bad = spawn(process.execPath, [row.kind === 'http' ? badHttpServer : badServer], {
    env: { ...process.env, MODE_FILE: modeFile },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const sinks: ChildProcess[] = [];
  try {
    const params = { protocolVersion: '2025-06-18', capabilities: {} };
    const initialize = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    if (row.kind === 'http') {
      const [url] = (await once(bad.stdout.setEncoding('utf8'), 'data')) as [string];
      const read = `fetch('${url.trim()}', { method: 'POST', body: '${initialize}' }).then(async ({ body }) => { for await (const _ of body); });`;
      sinks.push(spawn(process.execPath, ['--eval', read], { stdio: 'ignore' }));
      await pause(500);
    } else {
      for (const stream of [bad.stdout, bad.stderr]) {
        const sink = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
        sink.stdin.on('error', () => undefined); // ended below, with something on its way
        stream.pipe(sink.stdin);
        sinks.push(sink);
      }
      bad.stdin.write(`${initialize}\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n`);
    }
    return await alternate(good, bad.pid!);
  } finally {
    for (const sink of sinks) sink.kill();
    bad.kill('SIGKILL');
    await good.close();
    await bed.dispose();
  }
}

const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
const seconds = (value: number | undefined): string =>
  value === undefined ? 'not reached' : `${(value / 1_000).toFixed(value < 9_950 ? 2 : 0)} s`;
const told = ({ ms: time, code, isError }: Told): string =>
  `${code}${isError === true ? '' : isError === undefined ? ' (error)' : ' (well)'}, ${seconds(time)}`;
const cell = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
    .replaceAll(/[^\s"]*lifeline-\w+/g, '…');

function effectOf(result: Result): string {
  const { row, states, reachedMs, first, later, rssMb, quiet, meanwhile, machine } = result;
  return [
    row.title,
    `${states.at(-1) ?? 'unchanged'}, ${seconds(reachedMs)}`,
    told(first),
    told(later),
    rssMb.join(' / '),
    `${ms(quiet.p50)} / ${ms(quiet.p99)}`,
    `${ms(meanwhile.p50)} / ${ms(meanwhile.p99)} / ${ms(meanwhile.max)}`,
    (meanwhile.p99 / quiet.p99).toFixed(1),
    machine === undefined ? '' : (machine.meanwhile.p99 / machine.quiet.p99).toFixed(1),
  ].join(' | ');
}

function tables(results: readonly Result[]): string {
  const effects = results.map(effectOf);
  const words = results.map(({ row, last, first }) =>
    [row.title, cell(last.sentence), cell(first.text)].join(' | '),
  );
  return [
    '| server | state, after | call at once | call later | engine MB before / peak / after | neighbour quiet p50 / p99 ms | meanwhile p50 / p99 / max ms | p99 × | machine alone × |',
    '|---|---|---|---|---|---|---|---|---|',
    ...effects.map((line) => `| ${line} |`),
    '',
    '| server | sentence shown at the end | what the call at once was told |',
    '|---|---|---|',
    ...words.map((line) => `| ${line} |`),
  ].join('\n');
}

const only = process.argv
  .find((arg) => arg.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const chosen = rows.filter(({ name }) => only === undefined || only.includes(name));
if (chosen.length === 0) {
  console.error(`No such row. There are: ${rows.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const results: Result[] = [];
let failures = 0;
for (const row of chosen) {
  try {
    const result = await within(2 * ROW_LIMIT_MS, row.name, run(row));
    results.push(result);
    console.error(`${row.name}: ${result.states.join(' → ')}; ${effectOf(result)}`);
    if (only !== undefined) console.error(result.last.sentence, '\n', result.first, '\n', result.later);
  } catch (error) {
    failures += 1;
    console.error(`${row.name}: FAILED: ${String(error)}`);
  }
}
const text = tables(results);
console.log(text);
if (only === undefined && failures === 0) {
  const file = join(projectRoot, 'docs', 'benchmarks.md');
  const page = readFileSync(file, 'utf8');
  const [begin, end] = MARKS.map((mark) => page.indexOf(mark));
  const date = new Date().toISOString().slice(0, 10);
  const head = `${date}, Node ${process.version}, ${process.platform}, ${cpus().length} cores shared by everything; request timeout ${REQUEST_TIMEOUT_S} s.`;
  if (begin !== undefined && end !== undefined && begin >= 0 && end > begin)
    writeFileSync(
      file,
      `${page.slice(0, begin + MARKS[0].length)}\n\n${head}\n\n${text}\n\n${page.slice(end)}`,
    );
}
process.exit(failures === 0 ? 0 : 1);
