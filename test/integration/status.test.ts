import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { parseSnapshot } from '../../src/shared/model/snapshot.ts';
import { RawSession, StandaloneBed, type ReadyLine } from '../support/standalone.ts';
import { Terminal } from '../support/terminal.ts';
import { scripted, until } from '../support/testEngine.ts';

const quick = { connection: { retryBackoffBase: 0.1, retryBackoffMax: 1 } };

describe('status', () => {
  let bed: StandaloneBed;
  let flag: string;
  let config: object;
  beforeEach(() => {
    bed = new StandaloneBed();
    flag = join(bed.home, 'broken');
    config = {
      servers: { well: scripted(), ill: scripted({ EXIT_IF: flag }, quick), 日本語: scripted() },
    };
  });
  afterEach(() => bed.dispose());

  const breakIt = async (ready: ReadyLine): Promise<void> => {
    writeFileSync(flag, '');
    await new RawSession(ready.servers['ill']?.url ?? '', ready.token).initialize();
  };

  it('R15.1 exit codes: 0 well, 1 something is unhealthy, 2 wrong usage, 3 no engine', async () => {
    const none = await bed.run(['status']);
    assert.deepEqual([none.code, none.stdout, none.stderr], [3, '', 'mcp-lifeline: No engine is running.\n']);
    const { ready, running } = await bed.serve(config);
    const well = await bed.run(['status']);
    assert.equal(well.code, 0, well.stderr);
    for (const args of [
      ['none'],
      ['well', 'ill'],
      ['--watch=0'],
      ['--watch=x'],
      ['--watch', '4000'],
      ['--bogus'],
    ]) {
      const wrong = await bed.run(['status', ...args]);
      assert.deepEqual([wrong.code, wrong.stdout], [2, ''], `${args.join(' ')}: ${wrong.stderr}`);
    }
    await breakIt(ready);
    const ill = await bed.run(['status']);
    assert.equal(ill.code, 1, ill.stderr);
    assert.match(ill.stdout, /^engine .*, 1 of 3 not well$/m);
    assert.match(ill.stdout, /^ill +crashLoop, next try in \d+s .* exited \d+s ago: /m);
    assert.match(ill.stdout, /^ill: .*ended.* Read its output in the log/m, 'what can be done');
    assert.equal((await bed.run(['status', 'ill'])).code, 1);
    assert.equal((await bed.run(['status', 'well'])).code, 0, 'of the one that was asked for');
    running.child.kill('SIGTERM');
    await running.end();
    assert.equal((await bed.run(['status', '--endpoint', ready.endpoint])).code, 3);
  });

  it('R15.1 R11.2 --json is the snapshot; of one server, with only that', async () => {
    const { ready } = await bed.serve(config);
    const all = parseSnapshot(JSON.parse((await bed.run(['status', '--json'])).stdout));
    const response = await fetch(`${ready.url}/status`, {
      headers: { authorization: `Bearer ${ready.token}` },
    });
    const served = parseSnapshot(await response.json());
    assert.deepEqual(Object.keys(all), Object.keys(served));
    assert.deepEqual(all.servers.map(({ id }) => id).sort(), ['ill', 'well', '日本語'].sort());
    const one = parseSnapshot(JSON.parse((await bed.run(['status', 'well', '--json'])).stdout));
    assert.deepEqual([one.servers.map(({ id }) => id), one.engine.pid], [['well'], ready.pid]);
  });

  it('R15.1 one server in detail', async () => {
    const { ready } = await bed.serve(config);
    const session = new RawSession(ready.servers['well']?.url ?? '', ready.token);
    await session.initialize();
    await session.call(1, 'echo', { key: 'x' });
    const { stdout, code } = await bed.run(['status', 'well']);
    assert.equal(code, 0);
    assert.match(stdout, /^State +ready, for \d+s$/m);
    assert.match(stdout, /^Calls +\d+: \d+ successful, 0 failed/m);
    assert.match(stdout, /^Latency +p50 [\d.]+m?s, p95/m);
    assert.match(stdout, /^Clients +1; pid \d+$/m);
    assert.ok(!stdout.includes('ill') && !stdout.includes('\u001b'), stdout);
  });

  it('R15.1 on a terminal: coloured, and no wider than it', async function () {
    if (process.platform !== 'linux') this.skip();
    const { ready } = await bed.serve(config);
    await breakIt(ready);
    for (const columns of [120, 60, 25]) {
      const terminal = new Terminal(['status'], { columns, rows: 30, env: bed.environment(), cwd: bed.home });
      assert.equal(await terminal.exited, 1);
      assert.ok(terminal.text.includes('\u001b[31m'), 'red');
      const lines = stripVTControlCharacters(terminal.text).split('\r\n');
      for (const line of lines) assert.ok(line.length <= columns, `${columns}: ${line}`);
      assert.ok(lines.some((line) => line.startsWith('ill ')));
    }
    const env = { ...bed.environment(), NO_COLOR: '1' };
    const plain = new Terminal(['status'], { columns: 80, rows: 30, env, cwd: bed.home });
    assert.equal(await plain.exited, 1);
    assert.ok(!plain.text.includes('\u001b'));
    const forced = await bed.run(['status'], { FORCE_COLOR: '1' });
    assert.ok(forced.stdout.includes('\u001b[1mSERVER'));
  });

  it('R15.1 on a terminal that nobody has told its size: readable all the same', async function () {
    if (process.platform !== 'linux') this.skip();
    await bed.serve(config);
    for (const args of [['status'], ['status', '--watch', '0.3']]) {
      const size = { columns: 0, rows: 0 };
      const terminal = new Terminal(args, { ...size, env: bed.environment(), cwd: bed.home });
      try {
        if (args.length > 1) {
          await terminal.until('a page', ({ pages }) => pages.length >= 1);
          terminal.type('\u0003');
        }
        await terminal.exited;
        const text = terminal.pages[0] ?? stripVTControlCharacters(terminal.text);
        assert.match(text, /SERVER +STATE/);
        assert.match(text, /engine \S+, pid \d+/);
      } finally {
        terminal.kill();
      }
    }
  });

  it('R15.1 --watch redraws in place, waits for an engine that is away, and ends on Ctrl-C with 0', async function () {
    if (process.platform !== 'linux') this.skip();
    const first = await bed.serve(config);
    const args = ['status', '--watch', '0.2'];
    const terminal = new Terminal(args, { columns: 70, rows: 8, env: bed.environment(), cwd: bed.home });
    try {
      await terminal.until('two pages', ({ pages }) => pages.length >= 2);
      assert.ok(
        terminal.text.startsWith('\u001b[?1049h\u001b[?25l'),
        'a screen of its own, without a cursor',
      );
      for (const page of terminal.text.split('\u001b[?2026h').slice(1, 3)) {
        assert.ok(page.startsWith('\u001b[H') && page.includes('\u001b[0K'), 'over what was there');
        assert.ok(!page.includes('\u001b[2J'), 'nothing is cleared first: that would flicker');
      }
      first.running.child.kill('SIGKILL');
      await terminal.until(
        'word of it',
        ({ pages }) => pages.at(-1)?.startsWith('waiting for the engine') === true,
      );
      const again = await bed.serve(config);
      await terminal.until(
        'the next one',
        ({ pages }) => pages.at(-1)?.includes(`pid ${again.ready.pid}`) === true,
      );
      for (const page of terminal.pages) {
        const lines = page.split('\r\n');
        assert.ok(lines.length <= 8 && lines.every((line) => line.length <= 70), page);
      }
      terminal.type('\u0003');
      assert.equal(await terminal.exited, 0);
      const end = terminal.text.slice(terminal.text.lastIndexOf('\u001b[?2026l'));
      assert.ok(end.includes('\u001b[?25h\u001b[?1049l'), 'the cursor, and the screen that was there');
      assert.ok(end.includes(`pid ${again.ready.pid}`), 'what was seen last stays');
    } finally {
      terminal.kill();
    }
  });

  it('R15.1 --watch into a pipe: one block, or line of JSON, after the other', async () => {
    const first = await bed.serve(config);
    const blocks = bed.start(['status', '--watch=0.2']);
    const lines = bed.start(['status', '--watch=0.2', '--json']);
    await until('three blocks', () => (blocks.stdout.match(/^SERVER /gm)?.length ?? 0) >= 3);
    await until('three lines', () => lines.stdout.split('\n').length > 3);
    assert.ok(!blocks.stdout.includes('\u001b'));
    first.running.child.kill('SIGTERM');
    await first.running.end();
    await until(
      'word of it',
      () => /No engine .*Waiting/.test(lines.stderr) && blocks.stderr.includes('Waiting'),
    );
    rmSync(flag, { force: true });
    const again = await bed.serve(config);
    await until('the next one', () => lines.stdout.includes(`"pid":${again.ready.pid},`));
    assert.match(lines.stderr, new RegExp(`is back \\(pid ${again.ready.pid}\\)`));
    for (const line of lines.stdout.split('\n').slice(0, -1)) parseSnapshot(JSON.parse(line));
    for (const program of [blocks, lines]) {
      program.child.kill('SIGINT');
      assert.equal(await program.end(), 0);
    }
    // Nobody reads any more.
    const left = bed.start(['status', '--watch=0.2']);
    await until('the first block', () => left.stdout !== '');
    left.child.stdout?.destroy();
    assert.equal(await left.end(), 0);
  });
});
