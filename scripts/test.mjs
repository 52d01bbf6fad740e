#!/usr/bin/env node
/**
 * `npm test`: everything that has to hold, in order, each step bounded in time. The last line says `N passed, N failed`.
 * `npm test -- --only=unit,lint` runs some steps, and those they need. See docs/testing.md.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, toolEnvironment, underProjectNode } from './install.mjs';
import { run, say } from './processes.mjs';

await underProjectNode(import.meta.url);

const totalLimitMs = 50 * 60_000;
const resultsFolder = path.join(projectRoot, 'test-results');
const tool = (...parts) => path.join(projectRoot, 'node_modules', ...parts);
const reporter = path.join('scripts', 'mochaReporter.mjs');
const mocha = (config) => [tool('mocha', 'bin', 'mocha.js'), '--config', config, '--reporter', reporter];

/**
 * `isSuite`: its tests are counted one by one from the results that our reporter writes; another step counts as one.
 * `lingerMs`: how long processes may outlive the step; any that is left then is a failure.
 * @type {{ name: string, args: string[], limitMs: number, needs?: string[], isSuite?: boolean, lingerMs?: number }[]}
 */
const steps = [
  { name: 'format', args: [tool('prettier', 'bin', 'prettier.cjs'), '--check', '.'], limitMs: 60_000 },
  { name: 'lint', args: [tool('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', '.'], limitMs: 300_000 },
  { name: 'types', args: ['scripts/types.mjs'], limitMs: 180_000 },
  { name: 'build', args: ['esbuild.mjs'], limitMs: 60_000 },
  { name: 'unit', args: mocha('test/unit.mocharc.json'), limitMs: 400_000, isSuite: true },
  {
    name: 'integration',
    args: mocha('test/integration.mocharc.json'),
    limitMs: 900_000,
    needs: ['build'],
    isSuite: true,
    lingerMs: 20_000,
  },
  {
    name: 'conformance',
    args: mocha('test/conformance/mocharc.json'),
    limitMs: 100_000,
    needs: ['build'],
    isSuite: true,
    lingerMs: 20_000,
  },
  { name: 'vsix', args: ['scripts/package.mjs'], limitMs: 60_000, needs: ['build'] },
  {
    name: 'package',
    args: mocha('test/package/mocharc.json'),
    limitMs: 60_000,
    needs: ['vsix'],
    isSuite: true,
  },
  {
    name: 'editor',
    args: ['test/editor/run.ts'],
    limitMs: 360_000,
    needs: ['build'],
    isSuite: true,
    lingerMs: 20_000,
  },
  {
    name: 'browser',
    args: mocha('test/editor/browser.mocharc.json'),
    limitMs: 1_200_000,
    needs: ['vsix'],
    isSuite: true,
    lingerMs: 20_000,
  },
];

/** @returns {typeof steps} those asked for, with what they need, in order */
function chooseSteps() {
  const unknown = process.argv.slice(2).filter((arg) => !arg.startsWith('--only='));
  const names = process.argv
    .slice(2)
    .filter((arg) => arg.startsWith('--only='))
    .flatMap((arg) => arg.slice('--only='.length).split(','));
  unknown.push(...names.filter((name) => !steps.some((step) => step.name === name)));
  if (unknown.length > 0) {
    console.error(
      `Unknown: ${unknown.join(', ')}. Use --only= with some of ${steps.map((s) => s.name).join(', ')}`,
    );
    process.exit(2);
  }
  if (names.length === 0) return steps;
  const wanted = new Set(names);
  for (const step of steps.toReversed()) {
    if (wanted.has(step.name)) step.needs?.forEach((need) => wanted.add(need));
  }
  return steps.filter((step) => wanted.has(step.name));
}

/** @returns {{ passed: number, failed: number, hasEnded: boolean }} */
function readResults(file) {
  // The text after the last line end is nothing, or what a killed run was about to write.
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  const results = lines.map((line) => JSON.parse(line).result);
  const count = (...wanted) => results.filter((result) => wanted.includes(result)).length;
  return { passed: count('passed'), failed: count('failed', 'pending'), hasEnded: results.includes('end') };
}

/** @param {typeof steps[number]} step */
async function runStep(step, limitMs) {
  const resultsFile = path.join(resultsFolder, `${step.name}.jsonl`);
  rmSync(resultsFile, { force: true });
  const env = { ...toolEnvironment(), TEST_RESULTS_FILE: resultsFile };
  const outcome = await run(process.execPath, step.args, {
    cwd: projectRoot,
    env,
    limitMs,
    lingerMs: step.lingerMs ?? 0,
    ...(step.isSuite === true ? { isDone: () => readResults(resultsFile).hasEnded } : {}),
  });
  const problems = [];
  if (outcome.timedOut && readResults(resultsFile).hasEnded)
    problems.push('did not exit after its last test');
  else if (outcome.timedOut) problems.push(`did not end within ${Math.round(limitMs / 1_000)} s`);
  if (outcome.leftBehind.length > 0 && step.lingerMs !== undefined && !outcome.timedOut) {
    problems.push(`left processes behind: ${outcome.leftBehind.join(', ')}`);
  }
  if (step.isSuite !== true) {
    if (outcome.code !== 0 && !outcome.timedOut) problems.push(`ended with exit code ${outcome.code}`);
    return { passed: problems.length === 0 ? 1 : 0, failed: problems.length === 0 ? 0 : 1, problems };
  }
  const { passed, failed, hasEnded } = readResults(resultsFile);
  if (passed + failed === 0) problems.push('ran no test');
  else if (!hasEnded && !outcome.timedOut) problems.push('stopped before its end');
  else if (outcome.code !== 0 && failed === 0 && !outcome.timedOut) {
    problems.push(`ended with exit code ${outcome.code}`);
  }
  return { passed, failed: failed + problems.length, problems };
}

const deadline = performance.now() + totalLimitMs;
const chosen = chooseSteps();
if (chosen === steps) rmSync(resultsFolder, { recursive: true, force: true });
mkdirSync(path.join(resultsFolder, 'screenshots'), { recursive: true });

const table = [];
const broken = new Set();
for (const step of chosen) {
  const began = performance.now();
  const missing = step.needs?.find((need) => broken.has(need));
  const limitMs = Math.min(step.limitMs, deadline - began);
  console.log();
  say(`── ${step.name}`);
  const result =
    missing !== undefined
      ? { passed: 0, failed: 1, problems: [`not run, because ${missing} failed`] }
      : limitMs <= 0
        ? { passed: 0, failed: 1, problems: ['not run, because the time for all steps was over'] }
        : await runStep(step, limitMs);
  if (result.failed > 0) broken.add(step.name);
  for (const problem of result.problems) console.error(`${step.name} ${problem}`);
  table.push({ name: step.name, ...result, seconds: (performance.now() - began) / 1_000 });
}

console.log();
for (const { name, passed, failed, seconds, problems } of table) {
  const figures = `${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed`;
  console.log(`${name.padEnd(12)} ${figures} ${seconds.toFixed(1).padStart(7)} s  ${problems.join('; ')}`);
}
const sum = (key) => table.reduce((total, row) => total + row[key], 0);
const failed = sum('failed');
console.log(`${sum('passed')} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
