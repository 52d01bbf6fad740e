import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../support/lineClient.ts';
import { scriptedServer, TestBed } from '../support/testEngine.ts';

describe('a command that only the login shell knows', () => {
  let bed: TestBed;
  const { SHELL } = process.env;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(async () => {
    await bed.dispose();
    if (SHELL === undefined) delete process.env['SHELL'];
    else process.env['SHELL'] = SHELL;
  });

  /** A shell whose profile puts a folder on PATH. */
  function useShell(profile: string): void {
    const shell = join(bed.home, 'bash');
    writeFileSync(shell, `#!/bin/sh\n${profile}\nexec /bin/sh -c "$4"\n`, { mode: 0o755 });
    process.env['SHELL'] = shell;
  }

  it('R1.8 is found on its PATH, and runs in its environment', async () => {
    const folder = join(bed.home, 'tools');
    mkdirSync(folder);
    const program = `#!/bin/sh\n[ "$FROM_PROFILE" = yes ] || exit 5\nexec "${process.execPath}" "${scriptedServer}"\n`;
    writeFileSync(join(folder, 'only-in-the-profile'), program, { mode: 0o755 });
    useShell(`export PATH="${folder}:$PATH" FROM_PROFILE=yes`);
    bed.configure({ s: { command: 'only-in-the-profile' } });
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('echo', { key: 'k' })), 'k');
    const shown = await control.server('s', ({ state }) => state === 'ready');
    assert.deepEqual([shown.metrics.restarts, shown.lastError], [0, undefined]);
  });

  it('R1.8 R5.5 that it does not know either is told with where it was looked for', async () => {
    useShell('export PATH="/nowhere:$PATH"');
    bed.configure({ s: { command: 'not-even-there' }, path: { command: './not-even-there' } });
    const { control } = await bed.startEngine();
    for (const name of ['s', 'path'])
      void bed
        .bridge(name)
        .initialize()
        .catch(() => undefined);
    const shown = await control.server('s', ({ state }) => state === 'crashLoop');
    assert.match(
      shown.sentence,
      /was not found, neither as a file nor on PATH, nor on that of your login shell\. Check/,
    );
    assert.equal(shown.diagnosis?.cause, 'commandMissing');
    const path = await control.server('path', ({ state }) => state === 'crashLoop');
    assert.match(path.sentence, /nor on PATH\. Check/);
  });
});
