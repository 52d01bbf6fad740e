import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../../../scripts/browser.mjs';
import { untranslated, type Translate } from '../../../src/extension/translate.ts';
import { STATE_VERSION } from '../../../src/webview/pageState.ts';
import {
  dashboardNow,
  eventMessages,
  historyMessagesOf,
  modelMessage,
  serverNames,
  shapes,
} from '../../support/dashboardData.ts';
import { ShownPage, type ShownPageOptions } from '../../support/dashboardPage.ts';
import { dashboardStates } from '../../support/dashboardStates.ts';
import { dashboardThemes } from '../../support/dashboardThemes.ts';
import { projectRoot } from '../../support/testEngine.ts';
import { screenshotsFolder, until } from '../support/window.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const bundle = JSON.parse(
  readFileSync(join(projectRoot, 'l10n', 'bundle.l10n.pt-br.json'), 'utf8'),
) as Record<string, string>;
const portuguese: Translate = (message, ...args) => untranslated(bundle[message] ?? message, ...args);

/** The built page of the dashboard alone, told by the test what a host would tell. */
describe('page of the dashboard', function () {
  this.timeout(60_000);
  let browser: Browser;
  let shown: ShownPage;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());
  afterEach(() => shown.close());

  const told = (part: 'history' | 'events', isWhole = true, range = '5m') =>
    ({ kind: 'told', part, range, isWhole }) as const;

  async function open(options: ShownPageOptions = {}): Promise<void> {
    shown = await ShownPage.open(browser, options);
  }

  async function openFull(count: number, options: ShownPageOptions = {}): Promise<string[]> {
    const names = serverNames(count);
    await open(options);
    await shown.post(...full(names));
    return names;
  }

  function full(names: readonly string[]): object[] {
    const events = eventMessages(names, 0, 300);
    return [
      modelMessage(names),
      ...historyMessagesOf(names, shapes['5m']),
      ...events,
      told('history'),
      told('events'),
    ];
  }

  async function violations(): Promise<string[]> {
    const { violations: found } = await shown.page.evaluate(() => {
      // The browser's own colours are not in what it computes, which is all that axe sees.
      const enabled = !matchMedia('(forced-colors: active)').matches;
      const { axe: tester } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
      return tester.run({ rules: { 'color-contrast': { enabled } } });
    });
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  /** Each state of the page, narrow and wide: pictures, no violation, nothing cut off at the side. */
  async function lookAtStates(name: string, t: Translate, states?: readonly string[]): Promise<void> {
    const { page } = shown;
    mkdirSync(screenshotsFolder, { recursive: true });
    await page.evaluate(axe);
    for (const [state, messages] of Object.entries(dashboardStates(t))) {
      if (states?.includes(state) === false) continue;
      await shown.post(...messages);
      if (state === 'nothing told yet' || state === 'history on its way')
        await page.getByRole('progressbar').first().waitFor();
      if (state === 'everything') await page.locator('summary').first().click();
      if (state === 'many servers') await page.getByRole('searchbox').fill('no such thing');
      for (const width of [200, 1_200]) {
        await page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await violations(), [], `${state}, ${width}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.equal(wide, width, `${state}: nothing is wider than the page`);
        const fullPage = state !== 'many servers';
        const file = `page-${name}-${state.replaceAll(' ', '-')}-${width}.png`;
        await page.screenshot({ path: join(screenshotsFolder, file), fullPage });
      }
    }
  }

  for (const [name, theme] of Object.entries(dashboardThemes)) {
    it(`R12.3 has no accessibility violation in any state, in the theme ${name}`, async () => {
      await open(theme);
      await lookAtStates(name, untranslated);
    });
  }

  it('R12.3 R1.5 has none in Portuguese', async () => {
    await open({ ...dashboardThemes.light, t: portuguese, language: 'pt-br' });
    await lookAtStates('portuguese', portuguese, ['engine down', 'history on its way', 'everything']);
  });

  it('R12.3 has none, and tells states by shape, where the person has colours of their own', async () => {
    await open({ ...dashboardThemes.dark, context: { forcedColors: 'active' } });
    await lookAtStates('forced-colors', untranslated, ['everything']);
    const colors = await shown.page.evaluate(() =>
      ['usable', 'down', 'open', 'closed'].map((name) => {
        const path = document.querySelector(`.strip .${name}`);
        return path === null ? '' : getComputedStyle(path).fill;
      }),
    );
    const text = await shown.page.evaluate(() => {
      const probe = document.createElement('p');
      probe.style.color = 'CanvasText';
      document.body.append(probe);
      return getComputedStyle(probe).color;
    });
    assert.deepEqual(colors, [text, text, text, text]);
  });

  const scrollY = (): Promise<number> => shown.page.evaluate(() => globalThis.scrollY);
  /** Where an element is on the screen. */
  const topOf = async (selector: string): Promise<number> =>
    Math.round((await shown.page.locator(selector).boundingBox())?.y ?? NaN);

  /** Graphs are drawn a few in each frame: waits until thirty frames in a row have changed no card. */
  const untilStill = (): Promise<void> =>
    shown.page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          let frames = 0;
          const observer = new MutationObserver(() => (frames = 0));
          const all = { subtree: true, childList: true, attributes: true, characterData: true };
          observer.observe(document.querySelector('.cards')!, all);
          const look = (): void => {
            frames += 1;
            if (frames <= 30) requestAnimationFrame(look);
            else {
              observer.disconnect();
              resolve();
            }
          };
          look();
        }),
    );

  it('R12.3 a delta changes nothing of the cards that it does not name', async () => {
    const names = await openFull(9);
    await shown.page.locator('.card[data-server="server-1"] canvas').waitFor();
    await untilStill();
    await shown.page.evaluate(() => {
      const changes: Record<string, number> = {};
      Object.assign(globalThis, { changes });
      for (const card of document.querySelectorAll<HTMLElement>('.card')) {
        const { server = '' } = card.dataset;
        changes[server] = 0;
        // But for times, which move on by themselves.
        const isTime = ({ target }: MutationRecord): boolean =>
          /^(in \d+ sec\.|\d+ sec\. ago)/.test(target.textContent ?? '');
        new MutationObserver((records) => {
          changes[server] = (changes[server] ?? 0) + records.filter((record) => !isTime(record)).length;
        }).observe(card, { subtree: true, childList: true, attributes: true, characterData: true });
      }
      new MutationObserver((records) => (changes['moved'] = records.length)).observe(
        document.querySelector('.cards')!,
        { childList: true },
      );
    });
    const { model } = modelMessage(names, 1);
    // As the host does: all names, and the one card that differs. Its clock stands still, so that no time moves on.
    const cards = model.cards.filter(({ name }) => name === 'server-8');
    await shown.post({ kind: 'model', isDelta: true, model: { ...model, now: dashboardNow, cards } });
    const changes = await shown.page.evaluate(
      () => (globalThis as unknown as { changes: Record<string, number> }).changes,
    );
    const { 'server-8': changed, ...others } = changes;
    assert.ok((changed ?? 0) > 0, 'the card that was named has changed');
    assert.deepEqual(others, Object.fromEntries(names.slice(0, 8).map((name) => [name, 0])));
    // Nor does a card that is told again as it is.
    const before = changed;
    await shown.post({ kind: 'model', isDelta: true, model: { ...model, now: dashboardNow, cards } });
    const after = await shown.page.evaluate(
      () => (globalThis as unknown as { changes: Record<string, number> }).changes['server-8'],
    );
    assert.equal(after, before);
  });

  it('R12.3 time, filter, opened cards and what was looked at outlive a reload of the page', async () => {
    const names = await openFull(30);
    const { page } = shown;
    await page.getByLabel('1 hour').check();
    await page.getByLabel('Kind').selectOption('fault');
    await page.getByRole('searchbox').fill('echo');
    await page.locator('summary[aria-label$="server-12"]').click();
    await page.locator('.card[data-server="server-12"] tbody tr').first().waitFor();
    await page.locator('.card[data-server="server-15"]').evaluate((card) => card.scrollIntoView());
    await page.mouse.move(600, 400);
    await page.mouse.wheel(0, 30);
    const place = () => topOf('.card[data-server="server-15"]');
    await until('the place is kept', async () => {
      const { place: kept } = (await shown.state()) as { place: { server: string; offset: number } };
      return names.indexOf(kept.server) > 12 && kept.offset > 0;
    });
    await page.waitForTimeout(300);
    const before = await place();
    await shown.reload();
    assert.deepEqual(await shown.sent(), [{ kind: 'ready', range: '1h' }]);
    await shown.post(modelMessage(names), ...historyMessagesOf(names, { ...shapes['5m'], range: '1h' }));
    await until('the page is where it was', async () => Math.abs((await place()) - before) <= 2);
    await shown.post(...eventMessages(names, 0, 300), told('events'), told('history', true, '1h'));
    assert.equal(await page.getByLabel('1 hour').isChecked(), true);
    assert.equal(await page.getByLabel('Kind').inputValue(), 'fault');
    assert.equal(await page.getByRole('searchbox').inputValue(), 'echo');
    assert.equal(await page.locator('details[open]').count(), 1);
    await page.locator('.card[data-server="server-12"] tbody tr').first().waitFor({ state: 'attached' });
    await until('the page is still there', async () => Math.abs((await place()) - before) <= 2);
    // From now on it is the person who scrolls.
    await page.mouse.wheel(0, -600);
    await until('it can be scrolled', async () => (await place()) > before + 300);
    await shown.post(modelMessage(names, 1));
    assert.ok((await place()) > before + 300);
  });

  it('R12.3 events that were asked for, and the place among them, outlive a reload', async () => {
    const names = await openFull(3);
    const { page } = shown;
    await page.getByRole('button', { name: 'Show 100 Older' }).click();
    assert.equal(await page.locator('.event-list li').count(), 200);
    await page.locator('.event-list li').nth(150).scrollIntoViewIfNeeded();
    const wanted = 'li:has-text("failed: 149")';
    const before = await topOf(`.event-list ${wanted}`);
    await until('the place is kept', async () => {
      const { place } = (await shown.state()) as { place: { isEvents: boolean } };
      return place.isEvents;
    });
    await page.waitForTimeout(300);
    await shown.reload();
    await shown.post(...full(names));
    await until('the page is where it was', async () => {
      return Math.abs((await topOf(`.event-list ${wanted}`)) - before) <= 2;
    });
  });

  it('R12.3 what another version kept, or nobody, is not used, and the page works', async () => {
    for (const state of [
      { version: STATE_VERSION + 1, range: '7d', text: 'x' },
      { version: STATE_VERSION, range: 7, rows: -1, open: [{}], place: 'top', kind: 'constructor' },
      'garbage',
      [1],
    ]) {
      await openFull(2, { state });
      assert.deepEqual(await shown.sent(), [{ kind: 'ready', range: '5m' }]);
      assert.equal(await shown.page.locator('.event-list li').count(), 100);
      assert.equal(await scrollY(), 0);
      await shown.close();
    }
    await open();
  });

  it('R12.3 hostile messages change nothing, and the page goes on', async () => {
    const names = await openFull(3);
    const errors: string[] = [];
    shown.page.on('pageerror', ({ message }) => errors.push(message));
    const { model } = modelMessage(names);
    // What is shown but for graphs, which are drawn later, and times, which move on.
    const content = (): Promise<string[]> =>
      shown.page.locator('article h2, .state, .figures, .count, .event-list li').allTextContents();
    const before = await content();
    assert.ok(before.length > 100);
    await shown.post(
      null,
      'x',
      { kind: 'model', isDelta: false, model: { ...model, names: { length: 1e9 } } },
      {
        kind: 'model',
        isDelta: false,
        model: { ...model, cards: [{ name: '<img src=x onerror=alert(1)>' }] },
      },
      {
        kind: 'events',
        events: { isDelta: false, events: [{ id: 1, at: 1e300, kind: 'fault', tone: 'error', text: '' }] },
      },
      {
        kind: 'history',
        history: { range: '5m', now: 1, windowMs: -1, intervalMs: 0, isDelta: false, servers: [] },
      },
      { kind: 'told', part: '__proto__', range: '5m', isWhole: true },
      { kind: 'done', ask: 99 },
      { kind: 'toString' },
    );
    // Made there: the test's own way into the page does not take it.
    await shown.page.evaluate(() => {
      const deep: unknown[] = [];
      let inner = deep;
      for (let depth = 0; depth < 500; depth += 1) {
        const next: unknown[] = [];
        inner.push(next);
        inner = next;
      }
      window.postMessage({ kind: 'events', events: { isDelta: false, events: deep } });
    });
    await shown.post(null);
    assert.deepEqual(await content(), before);
    // Of the right form, and yet nothing that a host says.
    const event = { id: 5_000, at: dashboardNow, kind: 'constructor', tone: 'error', text: '<b>x</b>' };
    await shown.post(
      {
        kind: 'model',
        isDelta: true,
        model: { ...model, names: ['server-0', 'server-0', 'nobody'], cards: [] },
      },
      { kind: 'events', events: { isDelta: true, events: [event, { ...event, at: 8.64e15, id: 5_001 }] } },
    );
    assert.equal(await shown.page.locator('.event-list b').count(), 0);
    assert.equal(await shown.page.locator('.card').count(), 1);
    await shown.post(...full(names));
    assert.equal(await shown.page.locator('.card').count(), 3);
    assert.deepEqual(errors, []);
  });

  it('R12.3 shows that history and events are on their way, and that the engine does not tell them', async () => {
    const names = serverNames(2);
    await open();
    await shown.post(modelMessage(names));
    const { page } = shown;
    const loading = page.getByRole('progressbar', { name: 'Loading the history…' });
    await loading.waitFor();
    await page.getByRole('progressbar', { name: 'Loading the events…' }).waitFor();
    // What is not known yet is not said to be nothing.
    assert.equal(await page.getByText('No such event is remembered.').isVisible(), false);
    assert.equal(await page.getByText('no calls in this time').first().isVisible(), false);
    await shown.post(told('history', false), told('events', false));
    await loading.waitFor({ state: 'hidden' });
    await page.getByText('The engine does not tell the history just now').waitFor();
    await page.getByText('The engine does not tell the events just now').waitFor();
    await shown.post(...full(names));
    assert.equal(await page.getByText('just now').count(), 0);
    await page.getByLabel('7 days').check();
    await loading.waitFor();
    // The end of what was asked for before is not the end of this.
    await shown.post(told('history'));
    assert.equal(await loading.isVisible(), true);
    await shown.post(told('history', true, '7d'));
    await loading.waitFor({ state: 'hidden' });
  });

  it('R12.3 what a person asks for is shown to be under way until the host says that it is done', async () => {
    const names = await openFull(2);
    const { page } = shown;
    await page.getByRole('button', { name: 'Force Recovery: server-0' }).click();
    const bar = page
      .locator('.card[data-server="server-0"]')
      .getByRole('progressbar', { name: 'Under way…' });
    await bar.waitFor();
    assert.deepEqual((await shown.sent()).slice(1), [{ kind: 'forceRecovery', server: 'server-0', ask: 1 }]);
    // The card says it better as soon as it knows.
    const { model } = modelMessage(names);
    const [first] = model.cards;
    const cards = [{ ...first!, recovery: { kind: 'running' as const, text: 'Recovering…' } }];
    await shown.post({ kind: 'model', isDelta: true, model: { ...model, cards } });
    await bar.waitFor({ state: 'hidden' });
    await page.getByRole('progressbar', { name: 'server-0: Recovering…' }).waitFor();
    await shown.post({ kind: 'done', ask: 1 });
    await page.getByRole('button', { name: 'Force Recovery of All Servers' }).press('Enter');
    const all = page.locator('header').getByRole('progressbar', { name: 'Under way…' });
    await all.waitFor();
    await shown.post({ kind: 'done', ask: 2 });
    await all.waitFor({ state: 'hidden' });
  });

  it('R12.3 every control is reached and used with the keyboard alone, the figures of a graph too', async () => {
    await openFull(1, { width: 200 });
    const { page } = shown;
    const reached: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate(() => {
          const { activeElement } = document;
          return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? '';
        }),
      );
      if (reached.at(-1) === 'Figures as a Table: server-0') await page.keyboard.press('Enter');
    }
    assert.deepEqual(reached.slice(0, 6), [
      'Force Recovery of All Servers',
      'Go to Events',
      '',
      'Figures as a Table: server-0',
      'Figures as a Table: server-0',
      'Force Recovery: server-0',
    ]);
    const rows = page.getByRole('region', { name: 'Figures as a Table: server-0' }).getByRole('row');
    assert.equal(await rows.count(), 12);
    assert.match((await rows.nth(1).textContent()) ?? '', /\d–\d+ ms.*(usable|down for)/);
    // The region is wider than the page, and scrolled by itself.
    await page.getByRole('region', { name: 'Figures as a Table: server-0' }).focus();
    await page.keyboard.press('ArrowRight');
    await until('it scrolls', () => page.locator('.scrolled').evaluate((region) => region.scrollLeft > 0));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 200);
    // The graph itself is one picture with a text.
    const picture = page.getByRole('img', { name: /^Latency, State, Breaker: / });
    assert.equal(await picture.count(), 1);
  });

  it('R12.3 moves nothing where a person wants no movement', async () => {
    const names = serverNames(1);
    const moving = () =>
      shown.page.evaluate(
        () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
      );
    for (const [options, isMoving] of [
      [{}, true],
      [{ context: { reducedMotion: 'reduce' } }, false],
      [{ bodyClass: 'vscode-dark vscode-reduce-motion' }, false],
    ] as const) {
      await open(options);
      await shown.post(modelMessage(names));
      await shown.page.getByRole('progressbar').first().waitFor();
      assert.equal((await moving()) > 0, isMoving);
      await shown.close();
    }
    await open();
  });

  it('R12.3 says how many events a filter finds, and does not speak of each new one', async () => {
    const names = await openFull(2);
    const spoken = shown.page.locator('.events [role=status]');
    await shown.post(...eventMessages(names, 300, 5));
    assert.equal(await spoken.textContent(), '');
    await shown.page.getByRole('searchbox').fill('failed: 30');
    assert.equal(await spoken.textContent(), '6 of 6');
    await shown.page.getByRole('searchbox').fill('no such thing');
    assert.equal(await spoken.textContent(), 'No such event is remembered.');
  });
});
