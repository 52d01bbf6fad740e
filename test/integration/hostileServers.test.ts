import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf, type LineClient } from '../support/lineClient.ts';
import {
  hostile,
  scripted,
  TestBed,
  until,
  type ControlClient,
  type ServerEntry,
} from '../support/testEngine.ts';

const isListChange = (message: { method?: string }): boolean =>
  message.method === 'notifications/tools/list_changed';

describe('servers that are hostile', () => {
  let bed: TestBed;
  let control: ControlClient;
  let engine: ChildProcess;
  let neighbour: LineClient;

  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  /** An engine with this server and a good one whose session is up. */
  async function given(entry: ServerEntry): Promise<void> {
    bed.configure({ s: entry, good: scripted() }, { retryBackoffBase: 0.1 });
    const started = await bed.startEngine();
    control = started.control;
    engine = started.child;
    neighbour = await bed.session('good');
    await neighbour.call('echo');
  }

  /** Waits for something, unless the engine ends meanwhile. */
  async function living<T>(wanted: Promise<T>): Promise<T> {
    const stop = new AbortController();
    const death = once(engine, 'exit', stop).then(([code, signal]) =>
      assert.fail(`the engine ended with ${code ?? signal}`),
    );
    try {
      return await Promise.race([wanted, death]);
    } finally {
      death.catch(() => undefined);
      stop.abort();
    }
  }

  async function assertUnharmed(): Promise<void> {
    assert.equal(textOf(await neighbour.call('echo', { key: 'k' }, 5_000)), 'k');
    assert.deepEqual([engine.exitCode, engine.signalCode], [null, null]);
  }

  const wrongFolder = /working folder "\/etc\/passwd" is no folder/;
  for (const [what, entry, words] of [
    ['whose folder is a file', { command: 'node', cwd: '/etc/passwd' }, wrongFolder],
    ['whose command is below a file', { command: '/etc/passwd/server' }, /refused to start .*ENOTDIR/],
    [
      'whose command is too long',
      { command: 'x'.repeat(5_000) },
      /refused to start "x{200}" \(ENAMETOOLONG\)/,
    ],
    ['whose environment is too large', { command: 'node', env: { A: 'x'.repeat(3_000_000) } }, /\(E2BIG\)/],
  ] as const) {
    it(`R14.3 one ${what} is in a crash loop that says so, and harms nobody`, async () => {
      await given(entry);
      const client = bed.bridge('s');
      client.send('initialize', { protocolVersion: '2025-06-18', capabilities: {} });
      const shown = await living(control.server('s', ({ state }) => state === 'crashLoop'));
      assert.match(shown.sentence, /could not be started/);
      assert.match(shown.sentence, words);
      assert.equal(shown.lastError?.code, 'spawnFailed');
      await assertUnharmed();
    });
  }

  it('R3.3 R14.3 one that answers a ping after its client has left harms nobody', async () => {
    await given(hostile({ PING_DELAY: '300' }, { timeouts: { echo: 1 } }));
    const client = await bed.session('s');
    await client.call('echo', { ms: 1_500 }); // past its deadline, so the server is asked whether it lives
    await control.server('s', ({ state }) => state === 'suspect');
    await client.close();
    await living(control.server('s', ({ sessions, pids }) => sessions === 0 && pids.length === 0));
    await assertUnharmed();
  });

  it('R14.3 one whose lists are nested 200,000 deep goes on working without them', async () => {
    await given(hostile({ LISTS: 'nested' }));
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo', { key: 'k' })), 'k');
    const { error } = await living(client.request('tools/list'));
    await assertUnharmed();
    assert.match(String(error?.message), /not JSON/);
  });

  for (const [what, result] of [
    ['has NaN in it', '{"content":[],"structuredContent":{"value":NaN}}'],
    ['is large and has a broken escape', `{"content":[{"type":"text","text":"${'x'.repeat(70_000)}\\q"}]}`],
  ] as const) {
    it(`R2.3 R14.3 an answer that ${what} fails its call at once`, async () => {
      await given(hostile());
      const client = await bed.session('s');
      await control.server('s', ({ catalogue }) => catalogue?.tools === 9); // the tool is read-only
      const failed = await client.call('raw', { result }, 5_000); // its deadline is a minute
      assert.equal(failed._meta?.[OUTCOME_META]?.['code'], 'protocolGarbage');
      assert.match(textOf(failed), /answered with something that is not JSON/);
      assert.equal(textOf(await client.call('echo', { key: 'k' })), 'k');
      await assertUnharmed();
    });
  }

  it('R2 a tool called toString has the deadline of every other', async () => {
    await given(hostile());
    const client = await bed.session('s');
    await control.server('s', ({ catalogue }) => catalogue?.tools === 9);
    assert.equal(textOf(await client.call('toString', { key: 'k', ms: 200 })), 'k');
  });

  it('R3.2 R14.3 one that announces a change with every list is not asked for ever, and its client hears of it', async () => {
    await given(hostile({ LISTS: 'announced' }));
    const client = await bed.session('s');
    await client.next('a change of the list', isListChange, 5_000);
    assert.ok(Number(textOf(await client.call('listed'))) <= 4);
  });

  it('R14.3 a flood of list changes is a few, and costs no memory', async () => {
    await given(hostile());
    const client = await bed.session('s');
    await control.server('s', ({ catalogue }) => catalogue?.tools === 9);
    const before = residentMb(engine.pid!);
    await client.call('flood', { kind: 'listChanged', count: 400_000 }, 30_000);
    await client.next('a change of the list', isListChange, 5_000);
    const grown = residentMb(engine.pid!) - before;
    assert.ok(grown < 150, `the engine has grown by ${grown} MB`);
    assert.ok(client.received.filter(isListChange).length < 40);
    await assertUnharmed();
  });

  it('R14.3 one that reads nothing costs no memory, and gets what it is asked when it reads again', async () => {
    const script = `
      const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { id, method, params } = JSON.parse(line);
        if (method === 'initialize')
          send({ id, result: { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 'deaf', version: '1' } } });
        else if (id !== undefined) send({ id, result: { content: [{ type: 'text', text: 'heard' }] } });
        if (method === 'tools/call' && params.name === 'deafen') {
          process.stdin.pause();
          setInterval(() => require('node:fs').existsSync(process.env.HEAR) && process.stdin.resume(), 50);
        }
      });`;
    const hear = join(bed.home, 'hear');
    await given({ command: process.execPath, args: ['-e', script], env: { HEAR: hear } });
    const client = await bed.session('s');
    await client.call('deafen');
    const before = residentMb(engine.pid!);
    const params = { progressToken: 1, progress: 1, message: 'x'.repeat(1_000_000) };
    for (let sent = 0; sent < 300; sent += 1) {
      client.write({ method: 'notifications/progress', params });
      await neighbour.call('echo');
    }
    await until('all to be on its way', () => client.child.stdin!.writableLength === 0);
    const grown = residentMb(engine.pid!) - before;
    writeFileSync(hear, '');
    assert.equal(textOf(await client.call('any')), 'heard');
    assert.ok(grown < 200, `${grown.toFixed(0)} MB for 300 MB that nobody reads`);
    await assertUnharmed();
  });

  it('R14.3 a flood of garbage leaves a bounded log that tells how much is missing', async () => {
    await given(hostile());
    const client = await bed.session('s');
    await client.call('flood', { kind: 'garbage', count: 100_000 }, 30_000);
    let answered = true;
    await until('the log to tell what it left out', () => {
      if (answered) {
        answered = false;
        void client.call('flood', { kind: 'garbage', count: 1 }).then(() => (answered = true));
      }
      return logOf(bed).includes('lines were left out');
    });
    const lines = logOf(bed).split('\n').length;
    assert.ok(lines < 5_000, `the log has ${lines} lines`);
    await assertUnharmed();
  });
});

/** All log files of a bed's engines. */
function logOf(bed: TestBed): string {
  const folder = join(bed.home, 'logs');
  if (!existsSync(folder)) return '';
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1_024);
}
