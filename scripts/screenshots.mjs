#!/usr/bin/env node
/**
 * `npm run screenshots`: makes the pictures of the README, from the packed extension in the real editor. Run it when what
 * they show has changed, look at them, and commit them. Run "npm run package" first.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

async function closeNotifications(page) {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget:visible input').fill('>Notifications: Clear All Notifications');
  await page.locator('.quick-input-widget:visible .monaco-list-row').first().click();
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

async function takePictures(page) {
  await page.locator(statusItem).waitFor();
  await page.locator('.activitybar a[aria-label^="MCP Lifeline"]').click();
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
  const env = { MCP_LIFELINE_HOME: path.join(home, 'lifeline') };
  const editor = await startEditor({ root, profile, env });
  const browser = await openBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1_200, height: 500 }, reducedMotion: 'reduce' });
    await page.goto(windowUrl(editor, { folder: workspace }));
    await takePictures(page);
  } finally {
    await browser.close();
    await editor.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
