import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditFiles } from '../../src/engine/observability/audit/auditFolder.ts';
import { RawSession, StandaloneBed, type ReadyLine } from '../support/standalone.ts';
import { scripted, until } from '../support/testEngine.ts';

describe('R11.5 the audit trail', () => {
  let bed: StandaloneBed;
  beforeEach(() => {
    bed = new StandaloneBed();
  });
  afterEach(() => bed.dispose());

  const folderOf = ({ endpoint }: ReadyLine): string =>
    join(bed.home, 'audit', endpoint.replace(/^.*[\\/]|\.json$/g, ''));
  const recorded = (folder: string): Record<string, unknown>[] =>
    auditFiles(folder).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  const verify = async (...args: string[]): Promise<{ code: number | null; text: string }> => {
    const { code, stdout, stderr } = await bed.run(['verify-audit', ...args]);
    return { code, text: stdout + stderr };
  };
  const config = { servers: { s: scripted({ RECORD: '/dev/null' }) }, lifeline: { audit: true } };

  it('holds every call with its outcome and none of its contents, and what was done by hand', async () => {
    const { ready, running } = await bed.serve(config);
    const session = new RawSession(ready.servers['s']?.url ?? '', ready.token);
    await session.initialize();
    for (let id = 1; id <= 5; id += 1) await session.call(id, 'echo', { key: 'the argument' });
    await session.call(6, 'die', { key: 'x' });
    await bed.run(['recover', 's', '--endpoint', ready.endpoint]);
    running.child.kill('SIGTERM');
    assert.equal(await running.end(), 0);
    const folder = folderOf(ready);
    const lines = recorded(folder);
    const calls = lines
      .flatMap((line) => (line['calls'] ?? []) as Record<string, string>[])
      .filter(({ tool }) => tool !== undefined);
    assert.deepEqual(
      calls.map(({ tool, outcome, class: retryClass }) => [tool, outcome, retryClass].join(' ')),
      [...Array.from({ length: 5 }, () => 'echo ok safe'), 'die outcomeUnknown atMostOnce'],
    );
    const types = new Set(lines.map(({ type }) => type));
    for (const type of ['file', 'start', 'configuration', 'state', 'calls', 'action', 'recovery', 'stop'])
      assert.ok(types.has(type), type);
    for (const file of auditFiles(folder)) assert.ok(!readFileSync(file, 'utf8').includes('the argument'));
    const whole = await verify('--endpoint', ready.endpoint);
    assert.equal(whole.code, 0, whole.text);
    assert.match(whole.text, /whole, lines 1 to/);
  });

  it('goes on over engines that stop and engines that are killed, and what is changed later is named', async () => {
    let folder = '';
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const { ready, running } = await bed.serve(config);
      folder = folderOf(ready);
      const session = new RawSession(ready.servers['s']?.url ?? '', ready.token);
      await session.initialize();
      for (let id = 1; id <= 20; id += 1) await session.call(id, 'echo', {});
      const soFar = recorded(folder).length;
      // Killed while it writes: calls go on until then.
      for (let id = 100; recorded(folder).length < soFar + 5; id += 1) await session.call(id, 'echo', {});
      running.child.kill(signal);
      await running.end();
      // As a kill in the middle of a write leaves it.
      if (signal === 'SIGKILL') {
        appendFileSync(auditFiles(folder).at(-1) ?? '', '{"seq":99');
        const cut = await verify(folder);
        assert.equal(cut.code, 1);
        assert.match(cut.text, /truncated: it is cut/);
      }
    }
    const { code, text } = await verify('--json');
    assert.equal(code, 0, text);
    const verdict = JSON.parse(text) as { ok: boolean; trails: { notes: string[]; lines: number }[] };
    assert.equal(verdict.trails.length, 1);
    assert.match(
      verdict.trails[0]?.notes.join('\n') ?? '',
      /cut when the engine was killed[^]*did not stop by itself/,
    );
    assert.equal(recorded(folder).filter(({ type }) => type === 'start').length, 3);

    const [file = ''] = auditFiles(folder);
    const bytes = readFileSync(file, 'utf8');
    writeFileSync(file, bytes.replace('"tool":"echo"', '"tool":"ecHo"'));
    const at = bytes.slice(0, bytes.indexOf('"tool":"echo"')).split('\n').length;
    const changed = await verify();
    assert.equal(changed.code, 1);
    assert.ok(changed.text.includes(`${file}:${at}: changed: `), changed.text);
    const lines = bytes.split('\n');
    writeFileSync(file, lines.toSpliced(7, 1).join('\n'));
    assert.match((await verify(file)).text, /:8: missing: line 8 is missing before it/);
  });

  it('is not kept unless it is asked for, and calls are answered when it cannot be', async () => {
    const off = await bed.serve({ servers: config.servers });
    const session = new RawSession(off.ready.servers['s']?.url ?? '', off.ready.token);
    await session.initialize();
    await session.call(1, 'echo', {});
    off.running.child.kill('SIGTERM');
    await off.running.end();
    assert.ok(!existsSync(join(bed.home, 'audit')));
    const absent = await verify();
    assert.equal(absent.code, 2);
    assert.match(absent.text, /There is no audit trail/);

    writeFileSync(join(bed.home, 'audit'), 'a file where the folder should be');
    const { ready, running } = await bed.serve(config);
    await until('the warning', () => running.stderr.includes('audit trail cannot be written'));
    const other = new RawSession(ready.servers['s']?.url ?? '', ready.token);
    await other.initialize();
    assert.equal((await other.call(1, 'echo', { key: 'x' })).status, 200);
    const status = await bed.run(['status', '--endpoint', ready.endpoint]);
    assert.match(status.stdout, /The audit trail cannot be written: .*Calls go on/);
  });
});
