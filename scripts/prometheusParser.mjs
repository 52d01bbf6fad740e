/**
 * Prometheus' own parser of its text format: `prometheus_client` of the Prometheus project, in Python. Test only.
 *
 * Order: a Python that has it; else Debian's package of it (and of what it needs, 70 KB of pure Python, proved by apt against the archive's signed lists), unpacked into the cache without
 * being installed, and without root. Where there is neither, this fails and says what to install.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { provide } from './cache.mjs';
import { run, say } from './processes.mjs';

const debianPackage = 'python3-prometheus-client';
/** Debian keeps what upstream carries along in a package of its own. */
const debianPackages = [debianPackage, 'python3-decorator'];
const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = []
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode("utf-8")):
    families.append({
        "name": family.name, "type": family.type, "help": family.documentation,
        "samples": [[s.name, s.labels, s.value] for s in family.samples],
    })
json.dump(families, sys.stdout)
`;
const LIMIT_MS = 120_000;

/** @returns {Promise<{ python: string, modules: string | undefined }>} the Python to run, and the folder of the module unless it has it */
async function find() {
  const pythons = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python'];
  const has = async (python, modules) => {
    const env = modules === undefined ? process.env : { ...process.env, PYTHONPATH: modules };
    const args = ['-c', 'import prometheus_client.parser'];
    const { code } = await run(python, args, { env, limitMs: 30_000, output: 'pipe' }).catch(() => ({
      code: -1,
    }));
    return code === 0;
  };
  for (const python of pythons) if (await has(python)) return { python, modules: undefined };
  const tried = [];
  if (process.platform === 'linux') {
    try {
      const modules = path.join(await unpacked(), 'usr/lib/python3/dist-packages');
      for (const python of pythons) if (await has(python, modules)) return { python, modules };
      tried.push('there is no Python 3 that could run it');
    } catch (error) {
      tried.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `Python 3 with the module prometheus_client is needed to check the metrics: "apt-get install ${debianPackage}", or "pip install prometheus-client".\n${tried.join('\n')}`,
  );
}

function unpacked() {
  return provide('prometheus-client-2', async (building) => {
    say(`fetching Debian's ${debianPackages.join(' and ')} (70 KB)`);
    const apt = (/** @type {string[]} */ ...args) =>
      run('apt-get', args, { cwd: building, limitMs: LIMIT_MS, output: 'pipe' });
    const download = (/** @type {string[]} */ ...options) => apt(...options, 'download', ...debianPackages);
    let result = await download();
    if (result.code !== 0) {
      // Without the archive's lists; these need no root when they are kept elsewhere.
      const lists = path.join(tmpdir(), `lifeline-apt-${process.pid}`);
      for (const folder of ['lists/partial', 'cache/archives/partial'])
        mkdirSync(path.join(lists, folder), { recursive: true });
      const own = ['-o', `Dir::State::Lists=${lists}/lists`, '-o', `Dir::Cache=${lists}/cache`];
      await apt(...own, 'update');
      result = await download(...own);
    }
    const files = readdirSync(building).filter((name) => name.endsWith('.deb'));
    if (result.code !== 0 || files.length !== debianPackages.length)
      throw new Error(
        `apt-get download ${debianPackages.join(' ')} failed (${result.code}):\n${result.output}`,
      );
    for (const file of files) {
      const extracted = await run('dpkg-deb', ['-x', file, building], {
        cwd: building,
        limitMs: 30_000,
        output: 'pipe',
      });
      if (extracted.code !== 0) throw new Error(`dpkg-deb could not unpack ${file}:\n${extracted.output}`);
    }
  });
}

/**
 * @typedef {{ name: string, type: string, help: string, samples: [string, Record<string, string>, number][] }} MetricFamily
 * @returns {Promise<(text: string) => Promise<MetricFamily[]>>} parses a whole text; rejects when it is not what Prometheus reads
 */
export async function providePrometheusParser() {
  const { python, modules } = await find();
  const { spawn } = await import('node:child_process');
  const env = modules === undefined ? process.env : { ...process.env, PYTHONPATH: modules };
  return (text) =>
    new Promise((resolve, reject) => {
      const child = spawn(python, ['-c', program], { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: 30_000 });
      let output = '';
      let errors = '';
      child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
      child.stdin.on('error', () => undefined);
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(JSON.parse(output));
        else reject(new Error(`Prometheus' parser refuses it (${code}):\n${errors}`));
      });
      child.stdin.end(text);
    });
}
