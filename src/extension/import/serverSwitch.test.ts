import assert from 'node:assert/strict';
import { changedPart, hasComments, switchInText, withEnabled } from './serverSwitch.ts';

const entry = { command: 'git-mcp', args: ['--here'] };
const text = `{
  // mine
  "mcpLifeline.servers": {
    "git": { // of the team
      "command": "git-mcp",
      "args": ["--here"], // and nowhere else
    },
  },
}
`;

describe('switching a server off and on', () => {
  it('R12.2 changes nothing but lifeline.enabled, and leaves nothing behind', () => {
    const off = withEnabled(entry, false);
    assert.deepEqual(off, { ...entry, lifeline: { enabled: false } });
    assert.deepEqual(withEnabled({ ...entry, lifeline: { enabled: false } }, true), entry);
    const tiered = { ...entry, lifeline: { tier: 'high', enabled: false } };
    assert.deepEqual(withEnabled(tiered, true), { ...entry, lifeline: { tier: 'high' } });
    assert.deepEqual(withEnabled({ ...entry, lifeline: { enabled: true } }, true), entry);
  });

  it('has no place in an entry whose options are no object', () => {
    assert.equal(withEnabled({ ...entry, lifeline: 'on' }, false), undefined);
  });

  it('R12.2 keeps the comments of a settings file', () => {
    const options = { name: 'git', inWorkspaceFile: false };
    const off = switchInText(text, { ...options, entry, enabled: false }) ?? '';
    for (const comment of ['// mine', '// of the team', '// and nowhere else'])
      assert.ok(off.includes(comment));
    assert.match(off, /"lifeline": \{\s*"enabled": false\s*\}/);
    const on = switchInText(off, { ...options, entry: withEnabled(entry, false) ?? {}, enabled: true }) ?? '';
    for (const comment of ['// mine', '// of the team', '// and nowhere else'])
      assert.ok(on.includes(comment));
    assert.ok(!on.includes('lifeline"'));
  });

  it('R12.2 knows where there are comments to lose', () => {
    assert.equal(hasComments(text), true);
    const plain = '{ // mine\n "mcpLifeline.servers": { "git": { "url": "https://example.com/*" } } }';
    assert.equal(hasComments(plain), false);
    assert.equal(hasComments('{}'), false);
  });

  it('R12.2 finds the settings of a workspace file', () => {
    const file = JSON.stringify({ folders: [], settings: { 'mcpLifeline.servers': { git: entry } } });
    const off = switchInText(file, { name: 'git', entry, enabled: false, inWorkspaceFile: true });
    assert.deepEqual(JSON.parse(off ?? ''), {
      folders: [],
      settings: { 'mcpLifeline.servers': { git: { ...entry, lifeline: { enabled: false } } } },
    });
  });

  it('leaves a file alone that says something else of the server', () => {
    const options = { name: 'git', enabled: false, inWorkspaceFile: false };
    assert.equal(switchInText(text, { ...options, entry: { command: 'other' } }), undefined);
    assert.equal(switchInText('{', { ...options, entry }), undefined);
    assert.equal(switchInText('{"mcpLifeline": {"servers": {}}}', { ...options, entry }), undefined);
    const twice = `{"mcpLifeline.servers": {"git": ${JSON.stringify(entry)}}, "mcpLifeline.servers": {"git": ${JSON.stringify(entry)}}}`;
    assert.equal(switchInText(twice, { ...options, entry }), undefined);
  });

  it('replaces only what differs', () => {
    for (const [before, after] of [
      ['{"a": 1}', '{"a": 1, "b": 2}'],
      ['aaa', 'aa'],
      ['', 'x'],
      ['same', 'same'],
    ] as const) {
      const part = changedPart(before, after);
      assert.equal(before.slice(0, part.from) + part.text + before.slice(part.to), after);
    }
    assert.deepEqual(changedPart('{"a": 1}', '{"a": 1, "b": 2}'), { from: 7, to: 7, text: ', "b": 2' });
  });
});
