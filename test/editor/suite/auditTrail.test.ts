import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commands, settingsPrefix } from '../../../src/shared/contributions.ts';
import type { AuditVerdict } from '../../../src/shared/protocol/engineMessages.ts';
import {
  activateExtension,
  approveAllTools,
  callTool,
  configuredServers,
  configureServers,
  findTool,
  nodeBinary,
  projectRoot,
  readSnapshot,
  startServer,
  until,
  type ServerEntry,
} from '../support/host.ts';

describe('the audit trail', function () {
  this.timeout(90_000);
  let usual: Readonly<Record<string, ServerEntry>>;
  const set = (value: boolean | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(settingsPrefix)
      .update('audit', value, vscode.ConfigurationTarget.Global);
  const untilKept = (isKept: boolean): Promise<unknown> =>
    until(`the engine knows whether it is to keep one (${isKept})`, async () => {
      const snapshot = await readSnapshot();
      return (snapshot?.engine.audit?.enabled === true) === isKept && snapshot !== undefined;
    });
  const verify = async (): Promise<AuditVerdict> => {
    const verdict = await vscode.commands.executeCommand<AuditVerdict | undefined>(commands.verifyAudit);
    assert.ok(verdict !== undefined, 'the command has no verdict');
    return verdict;
  };
  const record = (key: string): Promise<string> => callTool('record', { key }, { serverPart: 'audited' });
  /** The file of the trail that has a call of the tool. */
  const trailIn = (folder: string): string => {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const file = files.find((path) => readFileSync(path, 'utf8').includes('"tool":"record"'));
    assert.ok(file !== undefined, files.join());
    return file;
  };

  before(async () => {
    await activateExtension();
    await approveAllTools();
    usual = configuredServers();
    const args = [join(projectRoot(), 'test', 'servers', 'scripted.mjs')];
    await configureServers({ ...usual, audited: { command: nodeBinary(), args, env: { NAME: 'Audited' } } });
    // Another suite's server with such a tool may not be forgotten yet.
    await startServer('audited', ['record'], { serverPart: 'audited' });
  });
  after(async () => {
    await set(undefined);
    await configureServers(usual);
    await until('its tools are not listed any more', () => findTool('record', 'audited') === undefined);
  });

  it('R11.5 is not there until mcpLifeline.audit is on', async () => {
    await untilKept(false);
    await record('before');
    const { kind, lines } = await verify();
    assert.deepEqual([kind, lines], ['absent', 0]);
  });

  it('R11.5 is whole while nobody changes it, and names the line that somebody changed', async () => {
    await set(true);
    await untilKept(true);
    await record('one');
    const whole = await verify();
    assert.equal(whole.kind, 'whole', JSON.stringify(whole));
    assert.ok(whole.lines > 0);
    const file = trailIn(whole.folder);
    const written = readFileSync(file, 'utf8');
    assert.doesNotMatch(written, /"before"|"one"/, 'what a call was about is not in it');

    await record('two');
    const more = await verify();
    assert.deepEqual([more.kind, more.lines > whole.lines], ['whole', true]);

    const now = readFileSync(file, 'utf8');
    const line = now.slice(0, now.indexOf('"tool":"record"')).split('\n').length;
    writeFileSync(file, now.replace('"tool":"record"', '"tool":"recorD"'));
    const broken = await verify();
    assert.equal(broken.kind, 'broken');
    assert.ok(broken.message.includes(`:${line}`), `${broken.message} names no line ${line}`);
    writeFileSync(file, now);
    assert.equal((await verify()).kind, 'whole');
  });

  it('R11.5 that is taken away is missed', async () => {
    await set(undefined);
    await untilKept(false);
    const { folder } = await verify();
    const files = readdirSync(folder);
    assert.ok(files.length > 0);
    const aside = `${folder}-aside`;
    renameSync(folder, aside);
    try {
      assert.equal((await verify()).kind, 'absent');
    } finally {
      renameSync(aside, folder);
    }
    assert.equal((await verify()).kind, 'whole');
  });
});
