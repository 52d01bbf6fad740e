import assert from 'node:assert/strict';
import type { Call } from '../pipeline/call.ts';
import { RestartNote } from './restartNote.ts';

interface FakeLaunch {
  hasEnded: boolean;
  readonly pid: number | undefined;
}
const launch = (pid: number | undefined = 1): FakeLaunch => ({ hasEnded: false, pid });
const by = (of: FakeLaunch | undefined): Call => ({ launch: of }) as unknown as Call;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const answer = bytes(
  '{"jsonrpc":"2.0","id":1,"result":{ "structuredContent":{"n":1.0},"content":[{"type":"text","text":"a"}] }}',
);

function noteIn(line: Uint8Array): string | undefined {
  const { result } = JSON.parse(new TextDecoder().decode(line)) as {
    result: { content: { text: string; _meta?: unknown }[] };
  };
  return result.content.find(({ _meta }) => _meta !== undefined)?.text;
}

describe('the note of a restart', () => {
  it('R5.11 comes once, with the first result of the process after one that had answered', () => {
    const note = new RestartNote('s', false);
    const [first, second] = [launch(), launch()];
    assert.equal(note.apply(by(first), answer, true), answer);
    first.hasEnded = true;
    const told = note.apply(by(second), answer, true);
    assert.match(noteIn(told) ?? '', /"s" was restarted .* may be gone/);
    assert.equal(note.apply(by(second), answer, true), answer);
  });

  it('R5.11 leaves the rest of the answer byte for byte', () => {
    const note = new RestartNote('s', true);
    const told = new TextDecoder().decode(note.apply(by(launch()), answer, true));
    const before = new TextDecoder().decode(answer);
    const at = before.indexOf('] }}');
    assert.equal(told.slice(0, at), before.slice(0, at));
    assert.ok(told.endsWith(before.slice(at)));
    assert.match(told.slice(at), /^,\{"type":"text"/);
  });

  it('R5.11 does not come before anything was answered, nor while the process lives', () => {
    const note = new RestartNote('s', false);
    const [first, second] = [launch(), launch()];
    first.hasEnded = true;
    assert.equal(note.apply(by(first), answer, true), answer);
    const other = new RestartNote('s', false);
    other.apply(by(second), answer, true);
    assert.equal(other.apply(by(launch()), answer, true), answer);
  });

  it('R5.11 waits for a result that has room for it', () => {
    const note = new RestartNote('s', true);
    const process = launch();
    const error = bytes('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}');
    const task = bytes('{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t"}}}');
    for (const line of [error, task]) assert.equal(note.apply(by(process), line, true), line);
    assert.ok(noteIn(note.apply(by(process), answer, true)) !== undefined);
  });

  it('R5.11 does not come when it is not wanted, and not late either', () => {
    const note = new RestartNote('s', true);
    assert.equal(note.apply(by(launch()), answer, false), answer);
    assert.equal(note.apply(by(launch()), answer, true), answer);
  });

  it('tells of a session where there is no process', () => {
    const remote: FakeLaunch = { hasEnded: false, pid: undefined };
    assert.match(
      noteIn(new RestartNote('s', true).apply(by(remote), answer, true)) ?? '',
      /lost the session/,
    );
  });
});
