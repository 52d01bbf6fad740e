#!/usr/bin/env node
/**
 * `npm run screenshots`: makes the pictures of the README, from the packed extension in the real editor. Run it when what
 * they show has changed, look at them, and commit them. Run "npm run package" first.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.mjs';
import { provideCodeServer } from './codeServer.mjs';
import { installExtension, makeProfile, startEditor, windowUrl } from './editor.mjs';
import { exampleServers } from './exampleServers.mjs';
import { projectRoot, underProjectNode } from './install.mjs';
import { vsixFile } from './package.mjs';
import { say } from './processes.mjs';

const mediaFolder = path.join(projectRoot, 'media');
const maxBytes = 80 * 1_024;
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

/** Starts a server as a person does, in VS Code's own list. */
async function startServer(page, name) {
  const row = (/** @type {string} */ label) =>
    page.locator(`.quick-input-widget:visible .monaco-list-row[aria-label^="${label}"]`).first();
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget:visible input');
  await input.fill('>MCP: List Servers');
  await row('MCP: List Servers').click();
  await row(name).click();
  await row('Start Server').click();
  await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
}

const treeRow = (page, server, text) =>
  page.locator('.sidebar .monaco-list-row', { hasText: server }).filter({ hasText: text });

async function runCommand(page, title) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget:visible input').fill(`>${title}`);
  await page.locator(`.quick-input-widget:visible .monaco-list-row[aria-label^="${title}"]`).first().click();
}

const closeNotifications = (page) => runCommand(page, 'Notifications: Clear All Notifications');

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

async function takePicture(page, name, clip) {
  const file = path.join(mediaFolder, `${name}.png`);
  await page.screenshot({ path: file, clip });
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
  await page.setViewportSize({ width: 1_080, height: 620 });
  await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
  // VS Code shows its own log of a server that it could not start.
  await runCommand(page, 'View: Hide Panel');
  await runCommand(page, 'MCP Lifeline: Open Dashboard');
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
  const cards = frame.locator('main, header');
  await takePicture(page, 'dashboard', await clipAround(await cards.all()));
  await calling;
}

async function takePictures(page, lifelineHome) {
  await page.locator(statusItem).waitFor();
  await page.locator('.activitybar a[aria-label^="MCP Lifeline"]').click();
  // It has a picture of its own.
  await page.locator('.pane-header[aria-label^="Dashboard"]').click();
  await treeRow(page, 'everything', 'idle').waitFor();
  await widenSidebar(page, 560);
  await startServer(page, 'everything');
  await treeRow(page, 'everything', 'healthy').waitFor();
  await startServer(page, 'weather');
  await treeRow(page, 'weather', 'keeps failing').waitFor();
  await closeNotifications(page);
  await treeRow(page, 'weather', 'keeps failing').click();
  await page.keyboard.press('ArrowRight');
  await page.locator('.sidebar .monaco-list-row[aria-label^="Next attempt"]').waitFor();
  // Not over the item: under the pointer it loses its colour.
  await page.mouse.move(900, 200);
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
    const page = await browser.newPage({ viewport: { width: 1_200, height: 500 }, reducedMotion: 'reduce' });
    await page.goto(windowUrl(editor, { folder: workspace }));
    await takePictures(page, lifelineHome);
  } finally {
    await browser.close();
    await editor.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
