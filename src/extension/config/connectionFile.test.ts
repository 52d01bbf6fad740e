import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { until } from '../../../test/support/testEngine.ts';
import { ConnectionFile, readConnectionFile, resolveFilePath } from './connectionFile.ts';

const text = (retries: number): string =>
  JSON.stringify({ global_settings: { connection_handling: { max_retries: retries } } });

describe('the connection file', () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let changes: number;
  let file: ConnectionFile;
  const retries = (): unknown => file.current.settings?.values['max_retries'];
  const context = { home: resolve('/home/me'), workspaceFolder: undefined, isTrusted: true };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-'));
    path = join(folder, 'config.json');
    clock = new FakeClock();
    changes = 0;
    file = new ConnectionFile(clock, () => (changes += 1));
  });
  afterEach(() => {
    file.dispose();
    assert.equal(clock.pending, 0);
    rmSync(folder, { recursive: true, force: true });
  });

  it('R2.1 is where the setting says', () => {
    const home = resolve('/home/me');
    const workspaceFolder = resolve('/project');
    const of = (written: string, open = true) =>
      resolveFilePath(written, {
        home,
        workspaceFolder: open ? workspaceFolder : undefined,
        isTrusted: true,
      });
    assert.equal(of('~/a.json'), join(home, 'a.json'));
    assert.equal(of('${userHome}/a.json'), join(home, 'a.json'));
    assert.equal(of('${workspaceFolder}/a.json'), join(workspaceFolder, 'a.json'));
    assert.equal(of('conf/a.json'), join(workspaceFolder, 'conf', 'a.json'));
    assert.equal(of('~other/a.json'), join(workspaceFolder, '~other', 'a.json'));
    assert.equal(of(resolve('/etc/a.json'), false), resolve('/etc/a.json'));
    for (const [written, isOpen] of [
      ['${workspaceFolder}/a', false],
      ['a.json', false],
      ['${env:X}/a', true],
      ['~/${userHome}', true],
      ['a\0b', true],
    ] as const)
      assert.equal((of(written, isOpen) as { path: string }).path, 'mcpLifeline.connectionFile', written);
  });

  it('R1.6 is none of a workspace that is not trusted, though the user settings name it', () => {
    const untrusted = { home: resolve('/home/me'), workspaceFolder: resolve('/project'), isTrusted: false };
    for (const written of ['${workspaceFolder}/a.json', 'a.json', './a.json', '../a.json'])
      assert.match((resolveFilePath(written, untrusted) as { message: string }).message, /trusted/, written);
    assert.equal(resolveFilePath('~/a.json', untrusted), join(untrusted.home, 'a.json'));
    assert.equal(resolveFilePath(resolve('/etc/a.json'), untrusted), resolve('/etc/a.json'));
  });

  it('R2.1 is read, and read again when it changes, goes, or comes back', async () => {
    writeFileSync(path, text(2));
    file.use(path, context);
    await until('the first reading', () => changes === 1 && clock.pending === 1);
    assert.equal(retries(), 2);
    const next = async (change: () => void): Promise<void> => {
      const before = changes;
      change();
      await clock.advance(2_000);
      await until('another reading', () => changes === before + 1 && clock.pending === 1);
    };
    await next(() => writeFileSync(path, text(13)));
    assert.equal(retries(), 13);
    await next(() => rmSync(path));
    assert.equal(retries(), undefined);
    assert.deepEqual(
      file.current.problems.map((problem) => problem.path),
      [path],
    );
    await next(() => writeFileSync(path, text(4)));
    assert.equal(retries(), 4);
  });

  it('is not read again while it is as it was', async () => {
    writeFileSync(path, text(2));
    file.use(path, context);
    await until('the first reading', () => changes === 1 && clock.pending === 1);
    file.use(path, context);
    for (let look = 0; look < 3; look += 1) {
      await clock.advance(2_000);
      await until('the next look', () => clock.pending === 1);
    }
    assert.equal(changes, 1);
  });

  it('R14.5 has one look at a time, also when the setting goes to and fro', async () => {
    writeFileSync(path, text(2));
    for (let time = 0; time < 5; time += 1) {
      file.use(join(folder, 'other.json'), context);
      file.use(path, context);
    }
    await until('the first reading', () => changes === 1 && clock.pending > 0);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([clock.pending, changes], [1, 1]);
  });

  it('does not count any more when the setting names another, or none', async () => {
    writeFileSync(path, text(2));
    file.use(path, context);
    await until('the first reading', () => changes === 1 && clock.pending === 1);
    file.use('', context);
    assert.deepEqual([retries(), file.current.problems, clock.pending], [undefined, [], 0]);
    file.use(5, context);
    assert.equal(file.current.problems[0]?.path, 'mcpLifeline.connectionFile');
  });

  it('R14.3 is no folder, and has a limit', async () => {
    mkdirSync(join(folder, 'd'));
    writeFileSync(path, ' '.repeat(1_048_577));
    for (const wrong of [path, join(folder, 'd'), join(folder, 'none'), '/dev/zero'])
      assert.equal((await readConnectionFile(wrong)).problems.length, 1, wrong);
  });

  it('R14.3 that is nested too deep is told, and read again when it is mended', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    writeFileSync(path, text(2).replace('2', deep));
    file.use(path, context);
    await until('the first reading', () => changes === 1 && clock.pending === 1);
    assert.match(file.current.problems[0]?.message ?? '', /nested too deep/);
    writeFileSync(path, text(3));
    await clock.advance(2_000);
    await until('another reading', () => changes === 2 && clock.pending === 1);
    assert.equal(retries(), 3);
  });
});
