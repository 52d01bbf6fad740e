// Builds the bundles: dist/extension.cjs, dist/engine.cjs, dist/bridge.cjs, dist/webview.js (.css). Types are checked apart (`npm run types`).
import { build } from 'esbuild';
import { chmodSync } from 'node:fs';

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
  logLevel: 'warning',
};

await Promise.all([
  build({
    ...base,
    entryPoints: ['src/extension/extension.ts'],
    outfile: 'dist/extension.cjs',
    external: ['vscode'],
  }),
  build({
    ...base,
    entryPoints: ['src/engine/main.ts'],
    outfile: 'dist/engine.cjs',
    banner: { js: '#!/usr/bin/env node' },
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
