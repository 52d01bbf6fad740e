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

import { underProjectNode } from './install.mjs';
import { ownLineMark } from './ownLineMark.mjs';
import { runInEditor } from './runInEditor.mjs';

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
  const { profile, ...rest } = parseArguments(process.argv.slice(2));
  for (const part of Object.values(profile)) mkdirSync(part, { recursive: true });
  const { code, problem } = await runInEditor({
    ...rest,
    profile,
    print: makePrinter(),
    limitMs: Number(process.env['EDITOR_LIMIT_MS'] ?? 300_000),
    screenshots: process.env['EDITOR_SCREENSHOTS'],
  });
  if (problem !== undefined) console.error(`editor: ${problem}`);
  return code;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
