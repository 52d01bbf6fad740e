/**
 * Frame times of the dashboard's page in a real browser, with 50 servers, a week of history of each and 10,000 events, while states, history
 * and events go on changing and a person scrolls and searches. `node bench/dashboard.ts` after `npm run build`; prints a table.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from '../scripts/browser.mjs';
import { buildDashboard } from '../src/extension/webview/dashboardModel.ts';
import { pageWords } from '../src/extension/webview/pageHtml.ts';
import { untranslated } from '../src/extension/translate.ts';
import type { DashboardEvent, HistoryPoint, HostMessage } from '../src/shared/protocol/dashboardMessages.ts';
import { eventKinds } from '../src/shared/protocol/eventMessages.ts';
import { serverSnapshot, viewOf } from '../test/support/healthBuilders.ts';

const SERVERS = 50;
const EVENTS = 10_000;
const POINTS = 672;
const INTERVAL_MS = 900_000;
const dist = join(import.meta.dirname, '..', 'dist');
const now = 1_700_000_000_000;
const names = Array.from({ length: SERVERS }, (_, index) => `server-${index}`);

function model(step: number): HostMessage {
  const servers = names.map((name, index) =>
    serverSnapshot(name, {
      state: (index + step) % 9 === 0 ? 'recovering' : 'ready',
      latency: { p50Ms: 10 + index, p95Ms: 40 + index, p99Ms: 50, lastMs: 1, samples: 9 },
      metrics: { total: 100 * step + index },
    }),
  );
  const nothing = () => undefined;
  const parts = { view: viewOf(servers), now: now + step, recoveryOf: nothing, restartedAt: nothing };
  return { kind: 'model', isDelta: step > 0, model: buildDashboard(parts, untranslated) };
}

function history(part: number, step: number): HostMessage {
  const point = (index: number): HistoryPoint => ({
    at: now - (POINTS - index - 1) * INTERVAL_MS,
    ms: INTERVAL_MS,
    p50Ms: 10 + (index % 17),
    p95Ms: 40 + ((index * 7) % 61),
    failures: index % 41 === 0 ? 1 : 0,
    usable: index % 29 === 0 ? 0.5 : 1,
    down: index % 29 === 0 ? 0.5 : 0,
    breaker: index % 97 === 0 ? 'open' : 'closed',
  });
  const points =
    step === 0 ? Array.from({ length: POINTS }, (_, index) => point(index)) : [point(POINTS - 1)];
  const servers = names.slice(part * 10, part * 10 + 10).map((name) => ({ name, points, summary: 's' }));
  const isDelta = step > 0 || part > 0;
  return {
    kind: 'history',
    history: { range: '7d', now, windowMs: POINTS * INTERVAL_MS, intervalMs: INTERVAL_MS, isDelta, servers },
  };
}

function events(from: number, count: number): HostMessage {
  const made = Array.from({ length: count }, (_, index): DashboardEvent => {
    const id = from + index;
    const kind = eventKinds[id % eventKinds.length]!;
    return {
      id,
      at: now + id,
      kind,
      server: names[id % SERVERS]!,
      tone: 'error',
      text: `echo failed: ${id}`,
    };
  });
  return { kind: 'events', events: { isDelta: from > 0, events: made } };
}

const browser = await openBrowser();
const page = await browser.newPage({ viewport: { width: 1_200, height: 900 } });
const words = JSON.stringify(pageWords(untranslated)).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
await page.setContent(
  `<html lang="en"><body class="vscode-dark" data-words="${words}" data-title="Bench"></body></html>`,
);
await page.addStyleTag({ content: readFileSync(join(dist, 'webview.css'), 'utf8') });
await page.evaluate(() => {
  Object.assign(globalThis, {
    acquireVsCodeApi: () => ({
      postMessage: () => undefined,
      getState: () => undefined,
      setState: () => undefined,
    }),
  });
  let last = performance.now();
  const note = (at: number): void => {
    (globalThis as unknown as { frameTimes: number[] }).frameTimes.push(at - last);
    last = at;
    requestAnimationFrame(note);
  };
  Object.assign(globalThis, { frameTimes: [] });
  requestAnimationFrame(note);
});
await page.addScriptTag({ content: readFileSync(join(dist, 'webview.js'), 'utf8') });

const post = (messages: readonly HostMessage[]): Promise<void> =>
  page.evaluate(
    (all) => {
      for (const data of all) window.dispatchEvent(new MessageEvent('message', { data }));
    },
    messages as unknown as object[],
  );

async function measure(name: string, act: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    (globalThis as unknown as { frameTimes: number[] }).frameTimes.length = 0;
  });
  await act();
  const times = await page.evaluate(() => (globalThis as unknown as { frameTimes: number[] }).frameTimes);
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  console.log(
    `| ${name} | ${sorted.length} | ${at(0.5)} | ${at(0.95)} | ${(sorted.at(-1) ?? 0).toFixed(1)} |`,
  );
}

console.log(
  '| What happens | frames | p50 (ms) | p95 (ms) | longest (ms) |\n| --- | --- | --- | --- | --- |',
);
await measure('at rest', () => page.waitForTimeout(1_000));
await measure('everything at once: 50 cards, 33,600 points, 10,000 events', async () => {
  await post([model(0)]);
  for (let part = 0; part < SERVERS / 10; part += 1) await post([history(part, 0)]);
  for (let from = 0; from < EVENTS; from += 500) await post([events(from, 500)]);
  await page.waitForTimeout(500);
});
await measure('deltas: states four times a second, history, events', async () => {
  for (let step = 1; step <= 20; step += 1) {
    await post([model(step), events(EVENTS + step, 1)]);
    if (step % 10 === 0) for (let part = 0; part < SERVERS / 10; part += 1) await post([history(part, step)]);
    await page.waitForTimeout(250);
  }
});
await measure('scrolling through all cards', async () => {
  for (let step = 0; step < 30; step += 1) {
    await page.mouse.wheel(0, 300);
    await page.waitForTimeout(50);
  }
});
await measure('searching 10,000 events, a letter at a time', async () => {
  await page.locator('input[type=search]').pressSequentially('failed: 99', { delay: 60 });
  await page.waitForTimeout(200);
});
await browser.close();
