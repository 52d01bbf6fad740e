import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../support/testEngine.ts';

const page = join(projectRoot, 'docs', 'benchmarks.md');
/** So little of everything that its figures say nothing: this is about the bench itself. */
const little = ['--rounds=1', '--ms=20', '--warm=20', '--steady=100', '--calls=100'];

function bench(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const program = [join(projectRoot, 'bench', 'path', 'main.ts'), '--no-peers', ...little, ...args];
  return promisify(execFile)(process.execPath, program, { timeout: 50_000 });
}

describe('npm run bench', () => {
  it('R13 measures every kind of way, and checks its answers', async () => {
    const before = readFileSync(page, 'utf8');
    const parts = '--only=stdio,http-http,sessions-http,alone,stages';
    const { stdout } = await bench(
      parts,
      '--legs=direct,at-most-once,pipe',
      '--sizes=100,1000000',
      '--concurrency=10',
    );
    const rows = stdout.split('\n').map((line) => line.split('|').map((text) => text.trim()));
    const measured = (name: string, way: string) =>
      rows.find((cells) => cells[1] === name && cells[2] === way && cells.at(-2) === '0');
    for (const size of ['100 B', '1 MB']) {
      assert.ok(measured(`${size}, 10 at a time`, 'direct'), stdout);
      assert.ok(measured(`${size}, 10 at a time`, 'MCP Lifeline, at-most-once'), stdout);
      assert.ok(measured(`${size}, 10 at a time`, 'bare byte pipe'), stdout);
    }
    assert.ok(measured('100 B, 100 sessions', 'bare byte pipe'), stdout);
    assert.ok(measured('100 B, 100 sessions, 500 calls a second', 'direct'), stdout);
    assert.ok(measured('MCP Lifeline, at-most-once', 'stdio, stdio'), stdout);
    assert.match(stdout, /R13\.2b \| stdio, share of direct: MCP Lifeline, at-most-once/);
    assert.equal(readFileSync(page, 'utf8'), before, 'a part of a run is not written down');
  });
});
