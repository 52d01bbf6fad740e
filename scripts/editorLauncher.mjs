#!/usr/bin/env node
/**
 * Stands in for the VS Code executable that `runTests` of `@vscode/test-electron` drives: takes the same arguments,
 * starts a VS Code server, opens it in a headless browser with the extension under development and its tests, passes the
 * extension host's console on, and ends with the exit code of the run.
 *
 * Environment: `EDITOR_LIMIT_MS` (default 300,000) bounds the run; `EDITOR_LOG` is a file for the window's console;
 * `EDITOR_SCREENSHOTS` is a folder for a picture of the window when the run did not end by itself.
 */
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { openBrowser } from './browser.mjs';
import { provideCodeServer } from './codeServer.mjs';
import { startEditor, windowUrl } from './editor.mjs';
import { underProjectNode } from './install.mjs';
import { ownLineMark } from './ownLineMark.mjs';

/** @param {readonly string[]} argv */
function parseArguments(argv) {
  const valuesOf = (name) =>
    argv.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
  const one = (name) => {
    const value = valuesOf(name)[0];
    if (value === undefined) throw new Error(`Missing argument --${name}=…`);
    return value;
  };
  const userData = one('user-data-dir');
  return {
    developmentPaths: valuesOf('extensionDevelopmentPath'),
    testsPath: one('extensionTestsPath'),
    folder: argv.find((arg) => !arg.startsWith('-')),
    profile: {
      userData,
      extensions: one('extensions-dir'),
      serverData: valuesOf('server-data-dir')[0] ?? path.join(userData, 'server-data'),
    },
  };
}

/**
 * Where the console of the window goes. The workbench logs a lot there, so a test program marks its own lines with
 * `ownLineMark`; with `EDITOR_LOG` naming a file only those are printed, and everything goes into that file.
 */
function makePrinter() {
  const logFile = process.env['EDITOR_LOG'];
  const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' });
  return (type, args) => {
    const text = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' ');
    const isOwn = text.startsWith(ownLineMark);
    const line = `${isOwn ? text.slice(ownLineMark.length) : text}\n`;
    log?.write(`${type}: ${line}`);
    if (isOwn || log === undefined) process.stdout.write(line);
  };
}

async function main() {
  await underProjectNode(import.meta.url);
  const limitMs = Number(process.env['EDITOR_LIMIT_MS'] ?? 300_000);
  const { developmentPaths, testsPath, folder, profile } = parseArguments(process.argv.slice(2));
  for (const part of Object.values(profile)) mkdirSync(part, { recursive: true });

  const root = await provideCodeServer();
  const [editor, browser] = await Promise.all([
    startEditor({ root, profile, testDriver: true }),
    openBrowser(),
  ]);
  let code = 1;
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const finished = new Promise((resolve) => {
      void page.exposeFunction('codeAutomationLog', makePrinter());
      void page.exposeFunction('codeAutomationExit', (exitCode) => resolve(exitCode));
      page.once('crash', () => resolve('the page crashed'));
      void editor.exited.then(() => resolve('the VS Code server ended'));
    });
    await page.goto(windowUrl(editor, { folder, developmentPaths, testsPath }), { timeout: 60_000 });
    const outcome = await Promise.race([
      finished,
      delay(limitMs, `the tests did not end within ${limitMs} ms`, { ref: false }),
    ]);
    if (typeof outcome === 'number') {
      code = outcome;
    } else {
      console.error(`editor: ${outcome}`);
      const pictures = process.env['EDITOR_SCREENSHOTS'];
      if (pictures !== undefined) {
        await page.screenshot({ path: path.join(pictures, 'launcher.png') }).catch(() => undefined);
      }
    }
  } finally {
    await Promise.allSettled([browser.close(), editor.stop()]);
  }
  return code;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
