#!/usr/bin/env node
/**
 * `npm run screenshots`: makes the pictures of the README and of the walkthrough, from the packed extension in the real editor. Run it when
 * what they show has changed, look at them, and commit them. Run "npm run package" first.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.mjs';
import { provideCodeServer } from './codeServer.mjs';
import {
  installExtension,
  makeProfile,
  readSettings,
  startEditor,
  windowUrl,
  writeSettings,
} from './editor.mjs';
import { exampleServers } from './exampleServers.mjs';
import { projectRoot, underProjectNode } from './install.mjs';
import { vsixFile } from './package.mjs';
import { say } from './processes.mjs';

const mediaFolder = path.join(projectRoot, 'media');
const maxBytes = 150 * 1_024;
/** How long servers are called before the picture of the dashboard: its graphs show five minutes. */
const callingMs = 150_000;
const statusItem = '[id="mcp-lifeline.mcp-lifeline.mcpLifeline.health"]';

/** One that works, one that is called when it is needed, and one that fails like most do: its program is not there. */
function serversOf(home, workspace) {
  const { everything, memory } = exampleServers({
    folder: workspace,
    memoryFile: path.join(home, 'memory.jsonl'),
  });
  return { everything, memory, weather: { type: 'stdio', command: 'weather-mcp' } };
}

/** Starts a server as a person does, in VS Code's own list, unless it runs. */
async function startServer(page, name) {
  const row = (/** @type {string} */ label) =>
    page.locator(`.quick-input-widget:visible .monaco-list-row[aria-label^="${label}"]`).first();
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget:visible input');
  await input.fill('>MCP: List Servers');
  await row('MCP: List Servers').click();
  await row(name).click();
  // One that runs already is offered to be stopped.
  const isStopped = await row('Start Server')
    .click({ timeout: 5_000 })
    .then(
      () => true,
      () => false,
    );
  if (!isStopped) await page.keyboard.press('Escape');
  await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
}

/** Of the server itself: rows below it may quote its name. */
const treeRow = (page, server, text) =>
  page.locator(`.sidebar .monaco-list-row[aria-label^="${server},"]`).filter({ hasText: text });

async function runCommand(page, title) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget:visible input').fill(`>${title}`);
  await page.locator(`.quick-input-widget:visible .monaco-list-row[aria-label^="${title}"]`).first().click();
}

const closeNotifications = (page) => runCommand(page, 'Notifications: Clear All Notifications');

/** VS Code shows its own log of a server that it could not start, some time after that. */
async function hidePanel(page) {
  const panel = page.locator('.part.panel');
  const isShown = await panel.waitFor({ timeout: 3_000 }).then(
    () => true,
    () => false,
  );
  if (isShown) await runCommand(page, 'View: Hide Panel');
}

/** Calls a tool for a while, as an agent would: at an uneven pace. So that the dashboard has a latency to show. */
async function callFor(limitMs, lifelineHome, server, call) {
  const [file] = readdirSync(path.join(lifelineHome, 'endpoints'));
  const bridge = spawn(
    process.execPath,
    [
      path.join(projectRoot, 'dist', 'bridge.cjs'),
      ...['--server', server, '--window', path.basename(file, '.json')],
    ],
    { env: { ...process.env, MCP_LIFELINE_HOME: lifelineHome }, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  const send = (message) => bridge.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  try {
    const clientInfo = { name: 'screenshots', version: '1' };
    send({
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo },
    });
    send({ method: 'notifications/initialized' });
    const end = performance.now() + limitMs;
    for (let id = 1; performance.now() < end; id += 1) {
      send({ id, method: 'tools/call', params: call(id) });
      await delay(40 + (id % 9) * 60);
    }
  } finally {
    bridge.stdin.end();
  }
}

/** The rectangle around some elements. */
async function clipAround(locators) {
  const boxes = await Promise.all(locators.map((locator) => locator.boundingBox()));
  const left = Math.min(...boxes.map(({ x }) => x));
  const top = Math.min(...boxes.map(({ y }) => y));
  const right = Math.max(...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Wide enough for what the rows say. */
async function widenSidebar(page, width) {
  const { x, y, width: now } = await page.locator('.part.sidebar').boundingBox();
  await page.mouse.move(x + now + 1, y + 200);
  await page.mouse.down();
  await page.mouse.move(x + width, y + 200, { steps: 5 });
  await page.mouse.up();
}

/** @param {'css' | 'device'} scale as wide as on a plain screen, or sharp on a fine one too */
async function takePicture(page, name, clip, scale = 'css') {
  const file = path.join(mediaFolder, `${name}.png`);
  await page.screenshot({ path: file, clip, scale });
  const { size } = statSync(file);
  if (size > maxBytes) throw new Error(`media/${name}.png has ${size} bytes, more than ${maxBytes}`);
  say(`media/${name}.png, ${(size / 1_024).toFixed(0)} KB`);
}

/** The frame with the dashboard's cards. */
async function dashboardFrame(page, server) {
  for (;;) {
    for (const frame of page.frames()) {
      if ((await frame.locator(`article[data-server="${server}"]`).count()) > 0) return frame;
    }
    await delay(100);
  }
}

/** The dashboard as a tab, alone in the window. */
async function takeDashboard(page, lifelineHome) {
  const entity = (id) => ({
    name: `n${id}`,
    entityType: 'note',
    observations: ['x'.repeat((id % 13) * 900)],
  });
  await page.setViewportSize({ width: 1_080, height: 1_000 });
  await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
  await runCommand(page, english.openDashboard);
  const frame = await dashboardFrame(page, 'memory');
  const calling = Promise.all([
    callFor(callingMs + 5_000, lifelineHome, 'everything', (id) => ({
      name: 'echo',
      arguments: { message: 'x'.repeat((id % 11) * 20_000) },
    })),
    callFor(callingMs + 5_000, lifelineHome, 'memory', (id) => ({
      name: 'create_entities',
      arguments: { entities: [entity(id)] },
    })),
  ]);
  await delay(callingMs);
  await closeNotifications(page);
  await takePicture(page, 'dashboard', await dashboardClip(page, frame));
  await calling;
}

/** What the script looks for; the editor's own words are English in both, for want of a language pack. */
const english = {
  dashboard: 'Dashboard',
  openDashboard: 'MCP Lifeline: Open Dashboard',
  healthy: 'healthy',
  failing: 'keeps failing',
  next: 'Next attempt',
};
const portuguese = {
  dashboard: 'Painel',
  openDashboard: 'MCP Lifeline: Abrir Painel',
  healthy: 'saudável',
  failing: 'continua falhando',
  next: 'Próxima tentativa',
};

/** The view of the servers: one works, one is not in use, and one keeps failing and says why. */
async function showServers(page, width, words) {
  await page.locator(statusItem).waitFor();
  const item = page.locator('.activitybar .action-item', {
    has: page.locator('a[aria-label^="MCP Lifeline"]'),
  });
  // A click on the open container would close it.
  if (!/\bchecked\b/.test((await item.getAttribute('class')) ?? '')) await item.locator('a').click();
  const dashboard = page.locator(`.pane-header[aria-label^="${words.dashboard}"]`);
  await dashboard.waitFor();
  // It has a picture of its own.
  if ((await dashboard.getAttribute('aria-expanded')) === 'true') await dashboard.click();
  await widenSidebar(page, width);
  await startServer(page, 'everything');
  await treeRow(page, 'everything', words.healthy).waitFor();
  await startServer(page, 'weather');
  await treeRow(page, 'weather', words.failing).waitFor();
  await closeNotifications(page);
  await hidePanel(page);
  const failing = treeRow(page, 'weather', words.failing);
  await failing.click();
  if ((await failing.getAttribute('aria-expanded')) !== 'true') await page.keyboard.press('ArrowRight');
  await page.locator(`.sidebar .monaco-list-row[aria-label^="${words.next}"]`).waitFor();
  // Not over the item: under the pointer it loses its colour.
  await page.mouse.move(width + 100, 200);
}

/** The two pictures of the walkthrough that show the real thing, in one language and for light or dark themes. */
async function takeWalkthrough(page, words, suffix) {
  await showServers(page, 470, words);
  await page.setViewportSize({ width: 760, height: 470 });
  const { y, x, width } = await page.locator('.part.sidebar').boundingBox();
  const { y: top, height } = await page.locator('.part.statusbar').boundingBox();
  const clip = { x: 0, y, width: x + width, height: top + height - y };
  await takePicture(page, `walkthrough/health${suffix}`, clip, 'device');
  await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
  await runCommand(page, words.openDashboard);
  // What is out of sight is not drawn.
  await page.setViewportSize({ width: 860, height: 1_500 });
  const frame = await dashboardFrame(page, 'memory');
  const cards = ['everything', 'memory'].map((name) => frame.locator(`article[data-server="${name}"]`));
  for (const card of cards) await card.locator('.plot canvas').first().waitFor();
  await closeNotifications(page);
  await delay(1_000);
  await takePicture(page, `walkthrough/dashboard${suffix}`, await clipAround(cards), 'device');
}

/** As much of the page as the window shows, without the editor around it. */
async function dashboardClip(page, frame) {
  const cards = await clipAround(await frame.locator('main, header').all());
  const { width, height } = page.viewportSize();
  const status = await page.locator('.part.statusbar').boundingBox();
  const bottom = Math.min(height, status?.y ?? height);
  return {
    x: cards.x,
    y: cards.y,
    width: Math.min(cards.width, width - cards.x),
    height: Math.min(cards.height, bottom - cards.y),
  };
}

async function takePictures(page, lifelineHome) {
  await showServers(page, 560, english);
  const parts = ['.part.activitybar', '.part.sidebar'].map((name) => page.locator(name));
  await takePicture(page, 'status', await clipAround([...parts, page.locator(statusItem)]));

  await page.setViewportSize({ width: 1_200, height: 640 });
  await page.locator(statusItem).click();
  await page.locator('.quick-input-widget:visible .monaco-list-row', { hasText: 'weather' }).waitFor();
  const pick = page.locator('.quick-input-widget:visible');
  // It is blended in.
  await pick.evaluate((element) => Promise.all(element.getAnimations().map(({ finished }) => finished)));
  await takePicture(page, 'report', await clipAround([pick]));
  await page.keyboard.press('Escape');
  await takeDashboard(page, lifelineHome);
}

async function main() {
  await underProjectNode(import.meta.url);
  const home = mkdtempSync(path.join(tmpdir(), 'mcp-lifeline-screenshots-'));
  const workspace = path.join(home, 'example');
  mkdirSync(workspace);
  mkdirSync(path.join(mediaFolder, 'walkthrough'), { recursive: true });
  const profile = makeProfile(home, {
    'workbench.colorTheme': 'Dark 2026', // VS Code's default dark theme.
    'mcpLifeline.servers': serversOf(home, workspace),
  });
  const root = await provideCodeServer();
  await installExtension({ root, profile, vsix: vsixFile() });
  const lifelineHome = path.join(home, 'lifeline');
  const env = { MCP_LIFELINE_HOME: lifelineHome };
  const editor = await startEditor({ root, profile, env });
  const browser = await openBrowser();
  try {
    const context = await browser.newContext({
      viewport: { width: 1_200, height: 500 },
      deviceScaleFactor: 1.5,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await page.goto(windowUrl(editor, { folder: workspace }));
    await takePictures(page, lifelineHome);
    // The engine outlives its window for a moment, so these show what was measured before.
    for (const [words, language] of [
      [english, ''],
      [portuguese, '.pt-br'],
    ]) {
      if (words === portuguese)
        await context.addInitScript(() => Object.assign(globalThis, { _VSCODE_NLS_LANGUAGE: 'pt-br' }));
      for (const [theme, name] of [
        ['Dark 2026', '.dark'],
        ['Light 2026', '.light'],
      ]) {
        writeSettings(profile, { ...readSettings(profile), 'workbench.colorTheme': theme });
        await page.setViewportSize({ width: 900, height: 700 });
        await page.reload();
        await takeWalkthrough(page, words, language + name);
      }
    }
  } finally {
    await browser.close();
    await editor.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
