import assert from 'node:assert/strict';
import { retainedMb } from '../../test/support/retained.ts';
import { scanFrame } from '../shared/protocol/frameScanner.ts';
import { ClientSession } from './clientSession.ts';

describe('what a bridge remembers of its client', () => {
  it('R13.5 an unanswered request does not keep the chunk alive in which it came', () => {
    const session = new ClientSession(1_000_000);
    const mb = retainedMb(() => {
      for (let id = 1; id <= 100; id += 1) {
        const chunk = Buffer.alloc(262_144);
        const line = chunk.subarray(0, chunk.write(`{"jsonrpc":"2.0","id":${id},"method":"tools/call"}`));
        session.noteFromClient(line, scanFrame(line), true);
      }
    });
    assert.equal(session.unanswered.length, 100);
    assert.ok(mb < 5, `${mb.toFixed(1)} MB are kept`);
  });
});
