import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ScannedCall } from './auditPacket.ts';
import { CallLines } from './callLines.ts';

const call: ScannedCall = {
  at: 1_700_000_000_000,
  ms: 1.234,
  attempts: 1,
  packet: Buffer.from('…c12az…'),
  callIdFrom: 3,
  callIdTo: 8,
  who: Buffer.from('"server":"git"'),
  outcome: Buffer.from('ok'),
  requestBytes: 8,
  requestHash: 'a'.repeat(64),
  answerBytes: 0,
  answerHash: 'b'.repeat(64),
};

function read(lines: CallLines): Record<string, unknown>[] {
  const text = `{${lines.take().toString()}}`;
  return (JSON.parse(text) as { calls: Record<string, unknown>[] }).calls;
}

describe('calls in a line of the audit trail', () => {
  it('R11.5 have their members in order, and an answer only where there was one', () => {
    const lines = new CallLines();
    lines.add(call);
    lines.add({ ...call, answerBytes: -1 });
    const request = { bytes: 8, sha256: call.requestHash };
    const expected = {
      at: call.at,
      server: 'git',
      call: 'c12az',
      outcome: 'ok',
      ms: 1.234,
      attempts: 1,
      request,
    };
    const answer = { bytes: 0, sha256: call.answerHash };
    assert.equal(JSON.stringify(read(lines)), JSON.stringify([{ ...expected, answer }, expected]));
  });

  it('R11.5 whatever the numbers, they read as they were, times to the microsecond', () => {
    const whole = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(),
      fc.nat(1_000),
      fc.constantFrom(0, 9, 10, 99_999_999, 100_000_000, 999_999_999, 1_000_000_000, 10 ** 15),
    );
    const ms = fc.oneof(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.nat().map((us) => us / 1_000),
      fc.constantFrom(0.9996, 999_999_999.9999, 0.1, 0.01, 0.001, 12.05, 7.0005),
    );
    fc.assert(
      fc.property(whole, whole, ms, (at, bytes, tookMs) => {
        const lines = new CallLines();
        lines.add({ ...call, at, ms: tookMs, requestBytes: bytes });
        const [one] = read(lines);
        assert.equal(one?.['at'], at);
        assert.equal((one['request'] as { bytes: number }).bytes, bytes);
        assert.ok(Math.abs((one['ms'] as number) - tookMs) < 0.000_501, `${tookMs}: ${String(one['ms'])}`);
      }),
      { numRuns: 2_000 },
    );
  });
});
