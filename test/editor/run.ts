/**
 * Runs test/editor/suite in the extension host of a real VS Code, driven by `@vscode/test-electron`: with our launcher as
 * the executable, or, with `EDITOR_HOST=desktop`, in a desktop VS Code that it downloads. See docs/testing.md.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';
import { bundleForEditor } from '../../scripts/bundleForEditor.mjs';
import { makeProfile } from '../../scripts/editor.mjs';
import { exampleServers } from '../../scripts/exampleServers.mjs';
import { onInterrupt } from '../../scripts/processes.mjs';

const root = join(import.meta.dirname, '..', '..');
const desktopVersion = '1.139.1';

const { values } = parseArgs({
  options: {
    grep: { type: 'string' },
    extension: { type: 'string', default: root },
    /** Keeps the profile, to look at its logs. */
    keep: { type: 'boolean', default: false },
  },
});

/** Windows starts no scripts by their first line. */
function launcher(): string {
  const script = join(root, 'scripts', 'editorLauncher.mjs');
  if (process.platform !== 'win32') return script;
  const file = join(root, 'out', 'editor', 'launcher.cmd');
  writeFileSync(file, `@"${process.execPath}" "${script}" %*\r\n`);
  return file;
}

async function bundleSuites(): Promise<string> {
  const suites = readdirSync(join(import.meta.dirname, 'suite')).filter((file) => file.endsWith('.test.ts'));
  const imports = suites.sort().map((file) => `import './test/editor/suite/${file}';`);
  await bundleForEditor('suites', imports.join('\n'));
  return bundleForEditor('index', `export * from './test/editor/suite/index.ts';`);
}

const testsPath = await bundleSuites();
const results = join(root, 'test-results');
mkdirSync(join(results, 'screenshots'), { recursive: true });
const home = mkdtempSync(join(tmpdir(), 'mcp-lifeline-test-'));
const workspace = join(home, 'workspace');
mkdirSync(workspace);
const profile = makeProfile(home, {
  'chat.tools.global.autoApprove': true,
  'mcpLifeline.servers': exampleServers({ folder: workspace, memoryFile: join(home, 'memory.jsonl') }),
});

const removeHome = () => {
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
};
onInterrupt(() => {
  removeHome();
  return Promise.resolve();
});

try {
  await runTests({
    vscodeExecutablePath:
      process.env['EDITOR_HOST'] === 'desktop' ? await downloadAndUnzipVSCode(desktopVersion) : launcher(),
    extensionDevelopmentPath: values.extension,
    extensionTestsPath: testsPath,
    launchArgs: [workspace, `--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`],
    extensionTestsEnv: {
      EDITOR_TEST_ROOT: root,
      EDITOR_TEST_NODE: process.execPath,
      EDITOR_TEST_COLOR: process.stdout.isTTY ? '1' : '0',
      EDITOR_TEST_GREP: values.grep,
      EDITOR_LOG: join(results, 'editor-console.log'),
      EDITOR_SCREENSHOTS: join(results, 'screenshots'),
      // Nothing of the user's own engine is to be seen in a test, and nothing of the test's there.
      MCP_LIFELINE_HOME: process.env['MCP_LIFELINE_HOME'] ?? join(home, 'lifeline'),
    },
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  if (values.keep) console.log(`kept: ${home}`);
  else removeHome();
}
