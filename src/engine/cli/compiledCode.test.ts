import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const subject = pathToFileURL(join(import.meta.dirname, 'compiledCode.ts')).href;

describe('compiled code', () => {
  let home: string;
  let all: string;
  /** Something to compile, with a function that is run. */
  let program: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-'));
    all = join(home, 'compiled');
    program = join(home, 'program.cjs');
    const body = Array.from({ length: 200 }, (_, n) => `sum += ${n} * ${n};`).join('\n');
    writeFileSync(program, `function run() { let sum = 0; ${body} return sum; }\nconsole.log(run());\n`);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** Loads the program in a process of its own, whose timers fire at its end; answers what it printed. */
  function start(version = '1.0.0'): string {
    const script = `
      import { keepCompiledCode } from ${JSON.stringify(subject)};
      import { createRequire } from 'node:module';
      const due = [];
      const clock = { wallNow: () => Date.now(), setTimer: (_ms, action) => { due.push(action); } };
      keepCompiledCode(${JSON.stringify(home)}, ${JSON.stringify(version)}, clock);
      createRequire(import.meta.url)(${JSON.stringify(program)});
      for (const action of due) action();
    `;
    const env = { ...process.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { env, encoding: 'utf8', timeout: 30_000 },
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^2646700$/m);
    return `${stdout}\n${stderr}`;
  }

  const filesOf = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));

  it('R13.5 is kept by the first start and used by the next', () => {
    start();
    assert.ok(filesOf(all).length > 0);
    if (process.platform !== 'win32') assert.equal(statSync(all).mode & 0o077, 0);
    assert.match(start(), /cache for .*program\.cjs.* was accepted/);
  });

  it('R13.5 R14.3 is made anew when it was damaged', () => {
    start();
    for (const file of filesOf(all)) writeFileSync(file, 'garbage');
    start();
    for (const file of filesOf(all)) writeFileSync(file, '');
    start();
    assert.match(start(), /was accepted/);
  });

  it('R13.5 is done without where nothing can be written', () => {
    writeFileSync(all, 'a file where the folder should be');
    start();
    rmSync(all);
    mkdirSync(all);
    writeFileSync(join(all, `1.0.0-${process.versions.node}`), 'a file where the folder should be');
    start();
  });

  it('R14.3 is kept for the four versions that were used last', () => {
    mkdirSync(all);
    for (let age = 1; age <= 6; age += 1) {
      const folder = join(all, `0.${age}.0-1.2.3`);
      mkdirSync(folder);
      const usedAt = Date.now() / 1_000 - age * 86_400;
      utimesSync(folder, usedAt, usedAt);
    }
    start('9.9.9');
    assert.deepEqual(readdirSync(all).toSorted(), [
      '0.1.0-1.2.3',
      '0.2.0-1.2.3',
      '0.3.0-1.2.3',
      `9.9.9-${process.versions.node}`,
    ]);
  });
});
