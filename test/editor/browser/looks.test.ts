import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { BrokenServers, dashboardFrame } from '../support/brokenServers.ts';
import { until, type EditorWindow } from '../support/window.ts';

const themes = {
  light: 'Default Light Modern',
  dark: 'Default Dark Modern',
  'high-contrast': 'Default High Contrast',
  'high-contrast-light': 'Default High Contrast Light',
} as const;
/** The words of both languages that a test has to click or wait for. */
const languages = {
  en: { language: undefined, dashboard: 'MCP Lifeline: Open Dashboard', failing: /Failing: weather/ },
  pt: { language: 'pt-br', dashboard: 'MCP Lifeline: Abrir Painel', failing: /Com falha: weather/ },
} as const;
const NARROW_PX = 200;
const WIDE_PX = 1_200;
const longName = 'company-knowledge-base';

/** Makes the side bar so wide; the editor's own least width is 170. */
async function setSidebarWidth({ page }: EditorWindow, width: number): Promise<void> {
  const box = await page.locator('.part.sidebar').boundingBox();
  assert.ok(box !== null);
  const y = box.y + 300;
  await page.mouse.move(box.x + box.width + 1, y);
  await page.mouse.down();
  await page.mouse.move(box.x + width + 1, y, { steps: 5 });
  await page.mouse.up();
  const { width: now } = (await page.locator('.part.sidebar').boundingBox())!;
  assert.ok(Math.abs(now - width) <= 8, `the side bar is ${now} px wide`);
}

/** What sticks out of the page on its right, but for what is scrolled by itself. */
async function overflowing(frame: Frame): Promise<string[]> {
  return frame.evaluate(() => {
    const { clientWidth } = document.documentElement;
    return [...document.querySelectorAll('body *')]
      .filter((element) => !element.closest('svg, .scrolled') && element.getClientRects().length > 0)
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
      .map((element) => `${element.outerHTML.slice(0, 120)} at ${element.getBoundingClientRect().right}`);
  });
}

describe('how status bar, tree and dashboard look', function () {
  this.timeout(120_000);
  let servers: BrokenServers;

  before(async function () {
    this.timeout(240_000);
    servers = await BrokenServers.start(['weather', longName]);
    servers.keepDown('weather');
    servers.web.hook = ({ method }, response) => {
      if (method !== 'tools/call') return undefined;
      response.writeHead(500).end('no');
      return true;
    };
  });
  after(() => servers.stop());

  /** A window with a server that is healthy, one that keeps failing, one that refuses calls, and one that is idle. */
  async function open(name: string, theme: string, language: string | undefined): Promise<EditorWindow> {
    servers.editor.changeSettings({ 'workbench.colorTheme': theme });
    const { window, bridgeTo } = await servers.open(name, language);
    const [healthy, web] = await Promise.all([bridgeTo(longName), bridgeTo('web'), bridgeTo('weather')]);
    for (let call = 0; call < 20; call += 1) await healthy.call('echo', { key: 'x', ms: (call * 7) % 40 });
    for (let call = 0; call < 5; call += 1) await web.call('echo');
    return window;
  }

  for (const [language, words] of Object.entries(languages)) {
    for (const [theme, themeName] of Object.entries(themes)) {
      it(`R1.5 R12.1 R12.2 R12.3 ${theme}, ${language}: nothing is cut at ${NARROW_PX} and ${WIDE_PX} px`, async () => {
        const name = `looks-${language}-${theme}`;
        const window = await open(name, themeName, words.language);
        const { page } = window;
        await page.setViewportSize({ width: WIDE_PX, height: 1_500 });
        await window.showServersView();
        await setSidebarWidth(window, NARROW_PX);
        const view = await dashboardFrame(window);
        await view.locator('article[data-server="weather"].error').waitFor({ timeout: 60_000 });
        await window.untilStatus(words.failing);
        const tooltip = await window.openStatusTooltip();
        await window.screenshot(name);
        const box = (await tooltip.boundingBox())!;
        assert.ok(box.x >= 0 && box.x + box.width <= WIDE_PX && box.y >= 0, JSON.stringify(box));
        assert.deepEqual(await overflowing(view), []);

        await page.mouse.move(700, 300);
        await page.keyboard.press('Control+B');
        await window.runCommand(words.dashboard);
        // The side bar's own goes when it is hidden.
        const tab = await until('the dashboard is in a tab', async () => {
          const frame = await dashboardFrame(window);
          return frame === view ? undefined : frame;
        });
        await tab.locator('.plot canvas').first().waitFor();
        assert.deepEqual(await overflowing(tab), []);
        await window.screenshot(`${name}-tab`);
        await page.close();
      });
    }
  }
});
