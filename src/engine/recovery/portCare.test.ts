import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../../test/support/testEngine.ts';
import { systemClock } from '../../shared/base/clock.ts';
import type { Diagnosis } from '../../shared/model/snapshot.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import { ProcessList } from '../state/processList.ts';
import { MARK_VARIABLE, markOf } from '../state/processTable.ts';
import { PortCare } from './portCare.ts';

const listen =
  "const s=require('net').createServer().listen(0,'127.0.0.1',()=>console.log(s.address().port))";

describe('freeing a port', () => {
  let folder: string;
  let processes: ProcessList;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-port-'));
    processes = new ProcessList(folder, 'a', (text) => assert.fail(text));
  });
  afterEach(() => {
    for (const { pid } of children.splice(0)) {
      try {
        process.kill(-pid!, 'SIGKILL');
      } catch {
        // gone
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts a group of its own that listens on some port; answers its leader and the port. */
  async function holder(script: string, env: NodeJS.ProcessEnv): Promise<{ pid: number; port: number }> {
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE: process.execPath, LISTEN: listen, ...env },
    });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return { pid: child.pid!, port: Number(line.toString()) };
  }

  /** A server that is down because of a port. */
  function down(port: number | undefined): { server: ServerRuntime; restarts: () => number } {
    let restarts = 0;
    const crash: Diagnosis = {
      cause: 'portInUse',
      sentence: 'It is down.',
      advice: 'Free it.',
      ...(port === undefined ? {} : { port }),
    };
    const connection = { crash, forceRestart: () => (restarts += 1) };
    const server = { name: 's', sessions: new Set([{ connection }]) } as unknown as ServerRuntime;
    return { server, restarts: () => restarts };
  }

  const care = (): PortCare => new PortCare({ clock: systemClock, window: 'w', processes });
  const mark = (window: string, server: string): NodeJS.ProcessEnv => ({
    [MARK_VARIABLE]: markOf(window, server),
  });

  it('R5.5 ends what the server has left, and starts it again once', async () => {
    const { pid, port } = await holder('"$NODE" -e "$LISTEN" & wait', mark('w', 's'));
    const { server, restarts } = down(port);
    const result = await care().free(server);
    assert.deepEqual([result.done, restarts(), isRunning(pid)], [true, 1, false]);
  });

  for (const [whose, env] of [
    ['another server', mark('w', 'other')],
    ['the same server in another window', mark('w2', 's')],
    ['nobody we know', {}],
  ] as const) {
    it(`R5.5 leaves a process of ${whose} alone`, async () => {
      const { pid, port } = await holder('exec "$NODE" -e "$LISTEN"', env);
      const { server, restarts } = down(port);
      const result = await care().free(server);
      assert.deepEqual([result.done, restarts(), isRunning(pid)], [false, 0, true]);
      assert.match(result.message, new RegExp(`Port ${port} is held by "node\\w*" \\(process ${pid}\\)`));
    });
  }

  it('R5.5 leaves a process alone that shares its group with somebody else', async () => {
    const script = `${MARK_VARIABLE}='${markOf('w', 's')}' "$NODE" -e "$LISTEN" & wait`;
    const { pid, port } = await holder(script, {});
    const { server, restarts } = down(port);
    const result = await care().free(server);
    assert.deepEqual([result.done, restarts(), isRunning(pid)], [false, 0, true]);
    assert.match(result.message, /runs together with other programs/);
  });

  it('R5.5 leaves what this engine runs alone, and a helper that it may have started', async () => {
    const { pid, port } = await holder('exec "$NODE" -e "$LISTEN"', mark('w', 's'));
    const { server } = down(port);
    processes.add(pid, 's');
    assert.match((await care().free(server)).message, /"s" itself/);
    processes.remove(pid);
    processes.add(pid, 'other');
    assert.match((await care().free(server)).message, /the server "other"/);
    processes.remove(pid);
    // In use since before the holder was there: the holder may be its helper.
    processes.add(process.pid, 's');
    assert.match((await care().free(server)).message, /"s" itself/);
    assert.equal(isRunning(pid), true);
  });

  it('R5.5 refuses without a port, without a holder, and for a server that is well', async () => {
    assert.match((await care().free(down(undefined).server)).message, /does not say which port/);
    assert.match((await care().free(down(1).server)).message, /could not be found out who holds port 1/);
    const well = {
      name: 's',
      sessions: new Set([{ connection: { crash: undefined } }]),
    } as unknown as ServerRuntime;
    assert.match((await care().free(well)).message, /no port to free/);
  });
});
