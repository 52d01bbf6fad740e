// Builds the bundles: dist/extension.cjs, dist/engine.cjs with dist/program.cjs and dist/askingEngines.cjs, dist/bridge.cjs, dist/webview.js (.css), and in dist/lib the
// libraries that are loaded when they are needed. Types are checked apart (`npm run types`).
import { build } from 'esbuild';
import { chmodSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const production = !process.argv.includes('--dev');

const base = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minify: production,
  // Names are kept out of the bundles' size but stay readable in stack traces through the source map of a dev build.
  sourcemap: production ? false : 'linked',
  legalComments: 'none',
  // Its main file is UMD, whose `require` a bundler cannot follow.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  // What is loaded later is required: an import would start the other module loader as well.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

/** Kept apart: a program reads and parses a file as a whole, whether it needs what is in it or not. */
const apart = {
  undici: './lib/undici.cjs',
  'languageClientSession.ts': './lib/languageClient.cjs',
  'firstUse.ts': './lib/firstUse.cjs',
  'phrases.ts': './lib/phrases.cjs',
  'connectionFileText.ts': './lib/connectionFile.cjs',
  'languageServer.ts': './lib/languageServer.cjs',
  'exporters.ts': './lib/telemetry.cjs',
  'languageFeatures.ts': './lib/languageFeatures.cjs',
  'settingUp.ts': './lib/settingUp.cjs',
  'askingEngines.ts': './askingEngines.cjs',
  'commands.ts': './program.cjs',
};

/** Imports of what is kept apart become imports of its bundle, which is beside the one that imports it, or in the same folder `lib`. */
const keepApart = (from = '.') => ({
  name: 'keep apart',
  setup({ onResolve }) {
    onResolve(
      {
        filter:
          /^undici$|\/(languageClientSession|firstUse|phrases|connectionFileText|languageServer|languageFeatures|exporters|settingUp|askingEngines|commands)\.ts$/,
      },
      (found) => {
        if (found.kind === 'entry-point') return undefined;
        const bundle = apart[found.path] ?? apart[path.basename(found.path)];
        const way = path.posix.relative(from, bundle);
        return { path: way.startsWith('.') ? way : `./${way}`, external: true };
      },
    );
  },
});

/** Of the manifest only the version is used. */
const versionOnly = {
  name: 'version only',
  setup({ onLoad }) {
    onLoad({ filter: /package\.json$/ }, (found) => {
      if (path.relative(import.meta.dirname, found.path) !== 'package.json') return undefined;
      const { version } = JSON.parse(readFileSync(found.path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/**
 * The editor's module, required once, with the names that our code uses. Left to itself the bundler copies all of it (400 names) for each file that imports
 * it, at activation.
 */
const vscodeOnce = {
  name: 'vscode once',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vscode$/ }, ({ namespace }) =>
      namespace === 'vscode' ? { path: 'vscode', external: true } : { path: 'vscode', namespace: 'vscode' },
    );
    onLoad({ filter: /.*/, namespace: 'vscode' }, () => {
      const sources = globSync('src/extension/**/*.ts', { cwd: import.meta.dirname });
      const names = sources.flatMap(
        (file) => readFileSync(file, 'utf8').match(/(?<=\bvscode\.)[A-Za-z]\w*/g) ?? [],
      );
      // Types are among them; they are undefined, and nobody reads them.
      return { contents: `export const { ${[...new Set(names)].sort().join(', ')} } = require('vscode');` };
    });
  },
};

await Promise.all([
  build({
    ...base,
    entryPoints: ['src/extension/extension.ts'],
    outfile: 'dist/extension.cjs',
    plugins: [keepApart(), vscodeOnce],
  }),
  build({
    ...base,
    entryPoints: ['src/engine/main.ts'],
    outfile: 'dist/engine.cjs',
    banner: { js: '#!/usr/bin/env node' },
    plugins: [keepApart(), versionOnly],
  }),
  build({
    ...base,
    entryPoints: [
      { in: 'src/engine/cli/commands.ts', out: 'program' },
      { in: 'src/engine/cli/askingEngines.ts', out: 'askingEngines' },
    ],
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    // Where its other files are.
    define: { 'import.meta.dirname': '__dirname' },
    plugins: [keepApart(), versionOnly],
  }),
  build({
    ...base,
    entryPoints: [
      { in: 'undici', out: 'undici' },
      { in: 'src/engine/control/languageServer.ts', out: 'languageServer' },
      { in: 'src/engine/observability/audit/auditWorker.ts', out: 'auditWorker' },
      { in: 'src/engine/language/languageFeatures.ts', out: 'languageFeatures' },
      { in: 'src/extension/engineClient/languageClientSession.ts', out: 'languageClient' },
      { in: 'src/extension/firstUse.ts', out: 'firstUse' },
      { in: 'src/extension/phrases.ts', out: 'phrases' },
      { in: 'src/shared/settings/connectionFileText.ts', out: 'connectionFile' },
      { in: 'src/engine/observability/exporters/exporters.ts', out: 'telemetry' },
      { in: 'src/extension/commands/settingUp.ts', out: 'settingUp' },
    ],
    outdir: 'dist/lib',
    outExtension: { '.js': '.cjs' },
    external: ['vscode'],
    plugins: [keepApart('lib')],
  }),
  build({ ...base, entryPoints: ['src/bridge/main.ts'], outfile: 'dist/bridge.cjs' }),
  build({
    ...base,
    entryPoints: [
      { in: 'src/webview/main.ts', out: 'webview' },
      { in: 'src/webview/styles/dashboard.css', out: 'webview' },
    ],
    outdir: 'dist',
    platform: 'browser',
    format: 'iife',
    // The editor brings the browser.
    target: 'chrome130',
  }),
]);
chmodSync('dist/engine.cjs', 0o755);
