import assert from 'node:assert/strict';
import type { LogEntry } from '../../shared/protocol/engineMessages.ts';
import { LogBook } from './logBook.ts';

const line = (message: string, at: number, server?: string): LogEntry => ({
  level: 'info',
  message,
  at,
  ...(server === undefined ? {} : { server }),
});

function reader(book: LogBook, server: string): string[] {
  const read: string[] = [];
  book.attach(server, ({ message }) => read.push(message));
  return read;
}

describe('log book', () => {
  it('R11.4 gives a server’s reader its own lines, those from before included', () => {
    const book = new LogBook();
    book.add([line('one', 1, 'git'), line('other', 1, 'files'), line('engine', 1)]);
    const read = reader(book, 'git');
    book.add([line('two', 2, 'git')]);
    assert.deepEqual(read, ['one', 'two']);
    assert.deepEqual(reader(book, ''), ['engine']);
  });

  it('R14.3 remembers a bounded number of lines', () => {
    const book = new LogBook();
    for (let index = 0; index < 5_000; index += 1) book.add([line(`l${index}`, index, 'git')]);
    const read = reader(book, 'git');
    assert.equal(read.length, 2_000);
    assert.equal(read.at(-1), 'l4999');
  });

  it('R11.4 keeps nothing of servers that are gone', () => {
    const book = new LogBook();
    const read = reader(book, 'git');
    book.add([line('one', 1, 'files')]);
    book.retain(new Set(['other']));
    book.add([line('two', 2, 'git')]);
    assert.deepEqual([read, reader(book, 'files'), reader(book, 'git')], [[], [], ['two']]);
  });

  it('does not repeat what the same engine tells again after a reconnection', () => {
    const book = new LogBook();
    const read = reader(book, 'git');
    book.add([line('one', 1, 'git'), line('two', 2, 'git')]);
    book.expectReplay();
    book.add([
      line('one', 1, 'git'),
      line('two', 2, 'git'),
      line('two more', 2, 'git'),
      line('three', 3, 'git'),
    ]);
    book.add([line('three', 3, 'git')]);
    assert.deepEqual(read, ['one', 'two', 'two more', 'three', 'three']);
  });
});
