/**
 * What VS Code loads in its extension host as `extensionTestsPath`.
 */
import { join } from 'node:path';
import { format } from 'node:util';
import { recordingReporter } from '../../../scripts/mochaReporter.mjs';
import { ownLineMark } from '../../../scripts/ownLineMark.mjs';
import { approveAllTools } from '../support/host.ts';

export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const { default: Mocha } = await import('mocha');
  // The window's console is full of the workbench's own lines; these are ours.
  Mocha.reporters.Base.consoleLog = (...words: unknown[]) => {
    console.log(ownLineMark + format(...words));
  };
  const grep = process.env['EDITOR_TEST_GREP'];
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 60_000,
    forbidOnly: true,
    forbidPending: true,
    color: process.env['EDITOR_TEST_COLOR'] === '1',
    reporter: recordingReporter(Mocha),
    ...(grep === undefined ? {} : { grep }),
  });
  await approveAllTools();
  mocha.addFile(join(__dirname, 'suites.cjs'));
  await mocha.loadFilesAsync();
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} failed`);
}
