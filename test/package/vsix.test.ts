import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openPromise, type Entry } from 'yauzl';
import { commands } from '../../src/shared/contributions.ts';

const root = join(import.meta.dirname, '..', '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly main: string;
  readonly l10n?: string;
  readonly icon?: string;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const vsix = join(root, 'dist', `${manifest.name}-${manifest.version}.vsix`);

async function readVsix(file: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  const zip = await openPromise(file);
  for await (const entry of zip.eachEntry() as AsyncIterable<Entry>) {
    if (entry.fileName.endsWith('/')) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    contents.set(entry.fileName, Buffer.concat(chunks));
  }
  return contents;
}

describe('the packed extension', () => {
  let files: Map<string, Buffer>;
  const contentOf = (name: string): Buffer => {
    const content = files.get(`extension/${name}`);
    assert.ok(content, `${name} is missing`);
    return content;
  };

  before(async () => {
    assert.ok(existsSync(vsix), `${basename(vsix)} is missing: run "npm run package" first`);
    files = await readVsix(vsix);
  });

  it('holds what it needs and nothing else', () => {
    const allowed = [
      /^extension\.vsixmanifest$/,
      /^\[Content_Types\]\.xml$/,
      /^extension\/package\.json$/,
      /^extension\/package\.nls(\.[a-z-]+)?\.json$/i,
      /^extension\/(readme\.md|changelog\.md|LICENSE(\.txt)?)$/i,
      /^extension\/l10n\/bundle\.l10n(\.[a-z-]+)?\.json$/i,
      /^extension\/media\/[\w./-]+\.(svg|png|md|woff2?)$/,
      /^extension\/api\/mcp-lifeline\.d\.ts$/,
      /^extension\/schemas\/status\.schema\.json$/,
      /^extension\/dist\/(extension|engine|program|askingEngines|bridge)\.cjs$/,
      /^extension\/dist\/lib\/(auditWorker|connectionFile|firstUse|languageClient|languageFeatures|languageServer|phrases|settingUp|telemetry|undici)\.cjs$/,
      /^extension\/dist\/webview\.(js|css)$/,
    ];
    const unexpected = [...files.keys()].filter((name) => !allowed.some((pattern) => pattern.test(name)));
    assert.deepEqual(unexpected, []);
    for (const name of ['extension', 'engine', 'program', 'askingEngines', 'bridge'])
      contentOf(`dist/${name}.cjs`);
    contentOf('schemas/status.schema.json');
    for (const name of ['webview.js', 'webview.css']) contentOf(`dist/${name}`);
  });

  it('names files that are in it', () => {
    contentOf(manifest.main.replace(/^\.\//, ''));
    if (manifest.icon !== undefined) contentOf(manifest.icon);
    const words = JSON.parse(contentOf('package.nls.json').toString('utf8')) as Record<string, unknown>;
    const used = new Set(JSON.stringify(manifest).match(/(?<="%)[\w.-]+(?=%")/g));
    assert.deepEqual(
      [...used].filter((key) => typeof words[key] !== 'string'),
      [],
    );
  });

  it('is small enough to download and to start at once', () => {
    assert.ok(statSync(vsix).size <= 3 * 1_024 * 1_024, `${statSync(vsix).size} bytes`);
    const bridge = contentOf('dist/bridge.cjs').length;
    assert.ok(bridge <= 28 * 1_024, `the bridge has ${bridge} bytes`);
    const page = contentOf('dist/webview.js').length + contentOf('dist/webview.css').length;
    // More than half of it is uPlot.
    assert.ok(page <= 100 * 1_024, `the dashboard has ${page} bytes`);
  });

  it('R13.5 loads at once only what every start needs, and finds the rest beside it', () => {
    const sizes = { 'extension.cjs': 140, 'engine.cjs': 10, 'program.cjs': 540, 'askingEngines.cjs': 100 };
    const wanted = new Set<string>();
    for (const [name, maxKb] of Object.entries(sizes)) {
      const code = contentOf(`dist/${name}`);
      assert.ok(code.length <= maxKb * 1_024, `${name} has ${code.length} bytes`);
      for (const [, path] of code.toString('utf8').matchAll(/require\("\.\/([^"]+)"\)/g)) wanted.add(path!);
      // A thread is started from a file, not required.
      for (const [, path] of code.toString('utf8').matchAll(/,"lib","([^"]+\.cjs)"\)/g))
        wanted.add(`lib/${path!}`);
    }
    const found = [...files.keys()].map((name) => name.replace('extension/dist/', ''));
    assert.deepEqual(
      [...wanted].toSorted(),
      found
        .filter((name) => ['program.cjs', 'askingEngines.cjs'].includes(name) || name.startsWith('lib/'))
        .toSorted(),
    );
  });

  it('carries neither sources nor the paths of the machine that built it', () => {
    const machine = [root, dirname(root), homedir()].filter((folder) => folder.length > 5);
    for (const [name, content] of files) {
      if (!/\.(cjs|js|css|json|md)$/.test(name)) continue;
      const text = content.toString('utf8');
      assert.ok(!text.includes('sourceMappingURL='), `${name} refers to a source map`);
      for (const folder of machine) assert.ok(!text.includes(folder), `${name} contains ${folder}`);
    }
  });

  it('registers every command in its code that the manifest offers', () => {
    const code = contentOf('dist/extension.cjs').toString('utf8');
    assert.deepEqual(
      Object.values(commands).filter((id) => !code.includes(id)),
      [],
    );
  });
});
