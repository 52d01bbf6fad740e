/**
 * Bundles TypeScript programs for the extension host, which loads CommonJS and no TypeScript.
 */
import path from 'node:path';
import { projectRoot } from './install.mjs';

/** Inside the work tree, so that mocha is found from here; git-ignored. */
const folder = path.join(projectRoot, 'out', 'editor');

/**
 * @param {string} name of the bundle
 * @param {string} source a module that imports or exports what is wanted; relative paths begin at the project's root
 * @returns {Promise<string>} the bundle
 */
export async function bundleForEditor(name, source) {
  const { build } = await import('esbuild');
  const outfile = path.join(folder, `${name}.cjs`);
  await build({
    stdin: { contents: source, resolveDir: projectRoot, sourcefile: `${name}.ts`, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // The runner and the suites must share one mocha, and it is an ES module: it is imported where it is.
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}
