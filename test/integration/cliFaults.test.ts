import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readEndpointFile } from '../../src/endpoint/endpointFile.ts';
import { StandaloneBed } from '../support/standalone.ts';
import { enginePath } from '../support/testEngine.ts';

describe('the program in bad surroundings', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());

  it('R15.1 a reader that leaves at once is no crash', async () => {
    await bed.serve({ servers: {} });
    for (const args of [['--help'], ['--version'], ['status'], ['status', '--json'], ['recover']]) {
      const running = bed.start(args);
      running.child.stdout?.destroy();
      assert.deepEqual([await running.end(), running.stderr], [0, ''], args.join(' '));
    }
  });

  it('R15.1 takes no process for an engine that only has the number of one', async () => {
    const own = new StandaloneBed();
    try {
      const { ready } = await own.serve({ servers: {} });
      const info = readEndpointFile(ready.endpoint);
      const left = { ...info, pid: process.pid, window: 'left', socket: join(own.home, 'run', 'left.sock') };
      writeFileSync(join(own.home, 'endpoints', 'left.json'), JSON.stringify(left));
      const { code, stdout, stderr } = await own.run(['status']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`pid ${ready.pid}\\b`));
    } finally {
      await own.dispose();
    }
  });

  const hasFullDevice = existsSync('/dev/full');
  if (hasFullDevice)
    it('R15.1 an answer that cannot be written is told of', async () => {
      const full = openSync('/dev/full', 'w');
      try {
        const child = spawn(process.execPath, [enginePath, '--version'], { stdio: ['ignore', full, 'pipe'] });
        let stderr = '';
        child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        assert.deepEqual(await once(child, 'close'), [1, null]);
        assert.match(stderr, /^mcp-lifeline: the answer could not be written: .*\n$/);
      } finally {
        closeSync(full);
      }
    });

  it('R14.5 an engine that was killed leaves no socket behind when it is started again', async () => {
    const sockets = (): string[] => readdirSync(join(bed.home, 'run'));
    const before = sockets().length;
    const { running } = await bed.serve({ servers: {}, lifeline: {} });
    running.child.kill('SIGKILL');
    await running.exited;
    assert.equal(sockets().length, before + 1);
    const second = await bed.serve({ servers: {}, lifeline: {} });
    assert.equal(sockets().length, before + 1);
    second.running.child.kill('SIGTERM');
    assert.equal(await second.running.end(), 0);
    assert.equal(sockets().length, before);
  });

  it('prints an endpoint that can be found from everywhere', async () => {
    const { ready } = await bed.serve({ servers: {} }, { env: { MCP_LIFELINE_HOME: 'state' } });
    assert.equal(
      ready.endpoint,
      join(realpathSync(bed.home), 'state', 'endpoints', basename(ready.endpoint)),
    );
    assert.equal((await bed.run(['status', '--endpoint', ready.endpoint])).code, 0);
  });

  it('tells that the folder of a socket is missing', async () => {
    const path = join(bed.home, 'none', 'x.sock');
    const args = ['serve', '--config', bed.writeConfig({ servers: {} }), '--socket', path];
    const { code, stderr } = await bed.run(args);
    assert.equal(code, 1);
    assert.match(stderr, /^mcp-lifeline could not start: the folder of .*x\.sock does not exist\.\n$/);
  });

  it('R14.3 does not wait for a pipe that is named as an endpoint file', async () => {
    const pipe = join(bed.home, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { code, stderr } = await bed.run(['status', '--endpoint', pipe]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /No engine is running behind/);
  });
});
