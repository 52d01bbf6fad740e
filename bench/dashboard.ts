/**
 * What the dashboard's page costs in a real browser: 50 servers with a week of history each and 10,000 events, against one server with ten events, while
 * states, history and events go on changing and a person scrolls, searches and chooses another time. `node bench/dashboard.ts` after `npm run build` prints
 * a table; `--profile` says which functions the time goes to (after `node esbuild.mjs --dev`). Rounds alternate; figures are medians of the rounds, "longest" is of all.
 */
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openBrowser } from '../scripts/browser.mjs';
import type { HostMessage } from '../src/shared/protocol/dashboardMessages.ts';
import {
  eventMessages,
  historyMessagesOf,
  modelMessage,
  serverNames,
  shapes,
} from '../test/support/dashboardData.ts';
import { ShownPage } from '../test/support/dashboardPage.ts';

const ROUNDS = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice(9) ?? 3);
/** Of the large setup alone, to try something out. */
const isLarge = process.argv.includes('--large');
const isProfile = process.argv.includes('--profile');
const STEPS = 12;

interface Notes {
  frames: number[];
  tasks: number[];
}

interface Figures {
  readonly frames: readonly number[];
  /** Tasks of the page's thread that took 50 ms or more. */
  readonly tasks: readonly number[];
  readonly scriptMs: number;
  readonly layoutMs: number;
  readonly taskMs: number;
}

interface Run {
  readonly page: Page;
  readonly session: CDPSession;
  /** Brings messages into the page, to be told there at once: bringing them must not be measured. */
  prepare(messages: readonly HostMessage[]): Promise<void>;
  /** Tells the next so many that were prepared, each in a turn of its own. */
  tell(count?: number): Promise<void>;
}

async function openRun(browser: Browser): Promise<Run> {
  const shown = await ShownPage.open(browser, { bodyClass: 'vscode-dark' });
  const { page } = shown;
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await session.send('Profiler.enable');
  await page.evaluate(() => {
    const notes: Notes = { frames: [], tasks: [] };
    Object.assign(globalThis, { notes, prepared: [] });
    let last = performance.now();
    const note = (at: number): void => {
      notes.frames.push(at - last);
      last = at;
      requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) notes.tasks.push(duration);
    }).observe({ type: 'longtask' });
  });
  return {
    page,
    session,
    prepare: (messages) =>
      page.evaluate((all) => {
        (globalThis as unknown as { prepared: unknown[] }).prepared.push(...all);
      }, messages as unknown[]),
    tell: (count = Infinity) =>
      page.evaluate(
        (most) => {
          const { prepared } = globalThis as unknown as { prepared: unknown[] };
          const { port1, port2 } = new MessageChannel();
          // In tasks of their own, as the editor brings them.
          port1.onmessage = () => {
            window.postMessage(all.shift());
            if (all.length > 0) port2.postMessage(null);
            else port1.close();
          };
          const all = prepared.splice(0, most);
          port2.postMessage(null);
        },
        Math.min(count, 1_000_000),
      ),
  };
}

type Scenario = readonly [name: string, act: (run: Run, servers: number, events: number) => Promise<void>];

const scenarios: readonly Scenario[] = [
  ['at rest', ({ page }) => page.waitForTimeout(1_000)],
  [
    'everything at once: cards, a week, events',
    async (run, servers, events) => {
      const names = serverNames(servers);
      await run.prepare([
        modelMessage(names),
        ...historyMessagesOf(names),
        ...eventMessages(names, 0, events),
        { kind: 'told', part: 'history', range: '5m', isWhole: true },
        { kind: 'told', part: 'events', range: '5m', isWhole: true },
      ]);
      await begin(run);
      await run.tell();
      await run.page.waitForTimeout(1_000);
    },
  ],
  [
    'deltas: states four times a second, history, events',
    async (run, servers, events) => {
      const names = serverNames(servers);
      const history = historyMessagesOf(names, shapes['7d'], 1);
      const all = Array.from({ length: STEPS }, (_, index) => [
        modelMessage(names, index + 1),
        ...eventMessages(names, events + index, 1),
        ...(index % 6 === 5 ? history : []),
      ]);
      for (const messages of all) await run.prepare(messages);
      await begin(run);
      for (const { length } of all) {
        await run.tell(length);
        await run.page.waitForTimeout(250);
      }
    },
  ],
  [
    'scrolling through all cards',
    async (run) => {
      await run.page.mouse.move(600, 400);
      await begin(run);
      for (let step = 0; step < 40; step += 1) {
        await run.page.mouse.wheel(0, 250);
        await run.page.waitForTimeout(33);
      }
    },
  ],
  [
    'another time: a week, then 5 minutes',
    async (run, servers) => {
      await run.page.evaluate(() => globalThis.scrollTo(0, 0));
      const names = serverNames(servers);
      const [week, minutes] = [historyMessagesOf(names), historyMessagesOf(names, shapes['5m'])];
      await run.prepare([...minutes, ...week]);
      await begin(run);
      for (const { length } of [minutes, week]) {
        await run.tell(length);
        await run.page.waitForTimeout(400);
      }
    },
  ],
  [
    'searching the events, a letter at a time',
    async (run) => {
      const search = run.page.locator('input[type=search]');
      await search.scrollIntoViewIfNeeded();
      await begin(run);
      await search.pressSequentially('failed: 99', { delay: 60 });
      await run.page.waitForTimeout(200);
    },
  ],
  [
    'scrolling in 300 events',
    async (run) => {
      await run.page.locator('input[type=search]').fill('');
      for (let more = 0; more < 2; more += 1) {
        const button = run.page.locator('.events > button');
        if (await button.isVisible()) await button.click();
      }
      await begin(run);
      for (let step = 0; step < 30; step += 1) {
        await run.page.mouse.wheel(0, 250);
        await run.page.waitForTimeout(33);
      }
    },
  ],
];

const startOf = new WeakMap<Run, Record<string, number>>();

async function metrics({ session }: Run): Promise<Record<string, number>> {
  const { metrics: all } = await session.send('Performance.getMetrics');
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}

/** From here on it is measured. */
async function begin(run: Run): Promise<void> {
  if (isProfile) await run.session.send('Profiler.start');
  await run.page.evaluate(() => {
    const { notes } = globalThis as unknown as { notes: Notes };
    notes.frames.length = 0;
    notes.tasks.length = 0;
  });
  startOf.set(run, await metrics(run));
}

async function measure(run: Run, [name, act]: Scenario, servers: number, events: number): Promise<Figures> {
  await begin(run);
  if (isProfile) await run.session.send('Profiler.stop');
  await act(run, servers, events);
  const [before, after] = [startOf.get(run) ?? {}, await metrics(run)];
  if (isProfile && servers > 1 && name !== 'at rest') await tellProfile(run, name);
  const { frames, tasks } = await run.page.evaluate(() => (globalThis as unknown as { notes: Notes }).notes);
  const ms = (...keys: readonly string[]): number =>
    keys.reduce((sum, key) => sum + ((after[key] ?? 0) - (before[key] ?? 0)) * 1_000, 0);
  return {
    frames,
    tasks,
    scriptMs: ms('ScriptDuration'),
    layoutMs: ms('LayoutDuration', 'RecalcStyleDuration'),
    taskMs: ms('TaskDuration'),
  };
}

async function tellProfile({ session }: Run, name: string): Promise<void> {
  const { profile } = await session.send('Profiler.stop');
  const own = new Map<string, number>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const { functionName, lineNumber } = byId.get(id)!.callFrame;
    const key = `${functionName || '(anonymous)'}:${lineNumber}`;
    own.set(key, (own.get(key) ?? 0) + (profile.timeDeltas?.[index] ?? 0) / 1_000);
  }
  const top = [...own]
    .filter(([key]) => !key.startsWith('(idle)') && !key.startsWith('(program)'))
    .sort(([, a], [, b]) => b - a)
    .slice(0, 14);
  console.log(`\n${name}\n${top.map(([key, ms]) => `  ${ms.toFixed(1)} ms  ${key}`).join('\n')}`);
}

const setups = [
  { label: '1 server, 10 events', servers: 1, events: 10 },
  { label: '50 servers, 10,000 events', servers: 50, events: 10_000 },
];
const found = new Map<string, Figures[]>();
const browser = await openBrowser();
for (let round = 0; round < (isProfile ? 1 : ROUNDS); round += 1) {
  for (const { label, servers, events } of isProfile || isLarge ? setups.slice(1) : setups) {
    const run = await openRun(browser);
    for (const scenario of scenarios) {
      const key = `${scenario[0]} | ${label}`;
      const figures = await measure(run, scenario, servers, events);
      found.set(key, [...(found.get(key) ?? []), figures]);
    }
    await run.page.context().close();
  }
}
await browser.close();

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const share = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;

console.log(
  '| What happens | with | frame p50 (ms) | p95 (ms) | longest (ms) | tasks ≥ 50 ms | longest task (ms) | script (ms) | style and layout (ms) | thread busy (ms) |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const scenario of scenarios) {
  for (const { label } of setups) {
    const rounds = found.get(`${scenario[0]} | ${label}`);
    if (rounds === undefined) continue;
    const of = (figure: (round: Figures) => number): string => median(rounds.map(figure)).toFixed(1);
    const tasks = rounds.flatMap((round) => round.tasks);
    console.log(
      `| ${scenario[0]} | ${label} | ${of(({ frames }) => median(frames))} | ${of(({ frames }) => share(frames, 0.95))} | ` +
        `${Math.max(...rounds.flatMap(({ frames }) => frames)).toFixed(1)} | ${tasks.length} | ${Math.max(0, ...tasks).toFixed(0)} | ` +
        `${of(({ scriptMs }) => scriptMs)} | ${of(({ layoutMs }) => layoutMs)} | ${of(({ taskMs }) => taskMs)} |`,
    );
  }
}
