import assert from 'node:assert/strict';
import { Ledger, toldBy } from '../support/ledger.ts';

/** What the fault runs are judged by must itself be able to fail. */
describe('the ledger of a fault run', () => {
  const answered = (text: string) => ({ kind: 'answered', text }) as const;
  const refused = {
    kind: 'failed',
    code: 'circuitOpen',
    text: 'It is held back. The call was not carried out.',
  } as const;
  const unknown = {
    kind: 'failed',
    code: 'outcomeUnknown',
    text: 'Verify its effect before retrying.',
  } as const;

  it('R2.4 finds a call that was executed twice, and none where it may be', () => {
    const ledger = new Ledger();
    const [other, safe] = [ledger.begin('other'), ledger.begin('safe')];
    ledger.end(other, answered(other));
    ledger.end(safe, answered(safe));
    const tally = ledger.tally([`other ${other} 1`, `other ${other} 2`, `safe ${safe} 1`, `safe ${safe} 2`]);
    assert.deepEqual(tally.executedTwice, [other]);
    assert.equal(tally.repetitions, 1);
    assert.deepEqual(tally.toldWrongly, []);
  });

  it('R2.4 finds a call that nobody answered', () => {
    const ledger = new Ledger();
    const keys = ['other', 'other', 'safe', 'safe'].map((tool) => ledger.begin(tool));
    ledger.end(keys[0]!, { kind: 'lost' });
    ledger.end(keys[2]!, { kind: 'cancelled' });
    ledger.end(keys[3]!, { kind: 'left' });
    const tally = ledger.tally([]);
    assert.deepEqual(tally.lost, [keys[0], keys[1]]);
    assert.equal(tally.repeatable, 0);
  });

  it('R2.4 finds what was told wrongly: "not carried out" that was, an answer to nothing, the answer to another', () => {
    const ledger = new Ledger();
    const keys = ['other', 'other', 'safe', 'other'].map((tool) => ledger.begin(tool));
    ledger.end(keys[0]!, refused);
    ledger.end(keys[1]!, answered(keys[1]!));
    ledger.end(keys[2]!, answered(keys[3]!));
    ledger.end(keys[3]!, unknown);
    const tally = ledger.tally([`other ${keys[0]!} 1`, `safe ${keys[2]!} 1`, `other ${keys[3]!} 1`]);
    assert.deepEqual(tally.toldWrongly, keys.slice(0, 3));
    assert.deepEqual([...tally.failed.keys()], ['circuitOpen', 'outcomeUnknown']);
  });

  it('R2.3 reads the code of a result and of an error', () => {
    const result = {
      content: [{ type: 'text', text: 'why' }],
      isError: true,
      _meta: { 'mcp-lifeline/outcome': { code: 'crashLoop' } },
    };
    assert.deepEqual(toldBy({ id: 1, result }), { kind: 'failed', code: 'crashLoop', text: 'why' });
    const error = { code: -32_000, message: 'why', data: { code: 'exited' } };
    assert.deepEqual(toldBy({ id: 1, error }), { kind: 'failed', code: 'exited', text: 'why' });
    assert.deepEqual(toldBy({ id: 1, result: { content: [{ type: 'text', text: 'k1' }] } }), answered('k1'));
  });
});
