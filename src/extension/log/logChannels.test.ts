import assert from 'node:assert/strict';
import type * as vscode from 'vscode';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { loadWithFakeVscode } from '../../../test/support/fakeVscode.ts';

const { LogChannels } = await loadWithFakeVscode(() => import('./logChannels.ts'));
const levels = { Off: 0, Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 };

/** A channel whose level a person can change. */
class FakeChannel {
  readonly name: string;
  logLevel = levels.Info;
  isOpen = true;
  readonly lines: string[] = [];
  #listeners: (() => void)[] = [];
  constructor(name: string) {
    this.name = name;
  }
  onDidChangeLogLevel(listener: () => void): { dispose: () => void } {
    this.#listeners.push(listener);
    return { dispose: () => (this.#listeners = this.#listeners.filter((other) => other !== listener)) };
  }
  set(level: number): void {
    this.logLevel = level;
    for (const listener of this.#listeners) listener();
  }
  info(text: string): void {
    this.lines.push(text);
  }
  show(): void {
    assert.ok(this.isOpen);
  }
  dispose(): void {
    this.isOpen = false;
  }
}

describe('the log channels of the editor', () => {
  let made: FakeChannel[];
  let main: FakeChannel;
  let logs: InstanceType<typeof LogChannels>;
  let told: string[];
  beforeEach(() => {
    made = [];
    told = [];
    const fake = (globalThis as Record<string, unknown>)['fakeVscodeOfTests'] as { window: object };
    const createOutputChannel = (name: string): FakeChannel => {
      const channel = new FakeChannel(name);
      made.push(channel);
      return channel;
    };
    Object.assign(fake.window, { createOutputChannel });
    main = new FakeChannel('main');
    logs = new LogChannels(new FakeClock(), main as unknown as vscode.LogOutputChannel, (error) =>
      assert.ifError(error),
    );
    logs.onDidChangeWantedLevel((level) => told.push(level));
  });
  afterEach(() => logs.dispose());

  it('R11.4 ask for details only while one of them shows details', () => {
    assert.equal(logs.wantedLevel, 'info');
    logs.show('git');
    made[0]?.set(levels.Debug);
    main.set(levels.Trace);
    made[0]?.set(levels.Warning);
    main.set(levels.Error);
    assert.deepEqual(told, ['debug', 'info']);
  });

  it('R11.4 are one for each server, and close with it', () => {
    logs.show('git');
    logs.show('git');
    logs.show('files');
    assert.deepEqual(
      made.map(({ name }) => name),
      ['MCP Lifeline: git', 'MCP Lifeline: files'],
    );
    made[0]?.set(levels.Debug);
    logs.retain(['files']);
    assert.deepEqual(
      made.map(({ isOpen }) => isOpen),
      [false, true],
    );
    assert.deepEqual(told, ['debug', 'info'], 'nobody looks at details any more');
    const at = new FakeClock().wallNow();
    logs.add([{ level: 'info', message: 'late', at, server: 'git' }]);
    logs.show('git');
    assert.deepEqual([made[0]?.lines, made[2]?.lines], [[], ['late']]);
  });
});
