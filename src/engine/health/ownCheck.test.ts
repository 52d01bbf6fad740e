import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import { HealthMonitor } from './healthMonitor.ts';
import { OwnCheck, type CheckResult } from './ownCheck.ts';

const well: CheckResult = { isWell: true };
const bad: CheckResult = { isWell: false, why: 'The database is away.' };

function given(): {
  readonly clock: FakeClock;
  readonly own: OwnCheck;
  readonly made: number[];
  readonly givenUp: { readonly at: number; readonly why: string }[];
  result: CheckResult;
  isInUse: boolean;
  check: HealthCheck | undefined;
  begin(): void;
} {
  const clock = new FakeClock();
  const monitor = new HealthMonitor({
    clock,
    random: () => 0.5,
    isStopped: () => Promise.resolve(false),
    networkDigest: () => '',
    log: () => undefined,
  });
  const bed = {
    clock,
    made: [] as number[],
    givenUp: [] as { at: number; why: string }[],
    result: well,
    isInUse: false,
    check: { kind: 'url', url: 'http://x' } as HealthCheck | undefined,
  };
  const own = new OwnCheck({
    server: 's',
    clock,
    random: () => 0.5,
    monitor,
    check: () => bed.check,
    intervalMs: () => 30_000,
    onChanged: () => undefined,
  });
  const begin = (): void => {
    own.begin({
      perform: () => {
        bed.made.push(clock.now());
        return Promise.resolve(bed.result);
      },
      get isInUse() {
        return bed.isInUse;
      },
      giveUp: (why) => {
        bed.givenUp.push({ at: clock.now(), why });
        own.end();
        begin(); // the fresh start
      },
    });
  };
  return Object.assign(bed, { own, begin });
}

describe('own health check of a server', () => {
  it('R5.7 is made once in an interval while the server is ready, and costs nothing otherwise', async () => {
    const bed = given();
    await bed.clock.advance(120_000);
    assert.equal(bed.made.length, 0);
    bed.begin();
    await bed.clock.advance(95_000);
    assert.equal(bed.made.length, 3);
    bed.own.end();
    assert.equal(bed.clock.pending, 0);
  });

  it('R5.7 one failure is told, and forgotten when it is well again', async () => {
    const bed = given();
    bed.begin();
    bed.result = bad;
    await bed.clock.advance(31_000);
    assert.equal(bed.own.failure, 'The database is away.');
    bed.result = well;
    await bed.clock.advance(31_000);
    assert.equal(bed.own.failure, undefined);
    assert.deepEqual(bed.givenUp, []);
  });

  it('R5.7 three in a row start the server afresh, and never faster than a crash loop is tried again', async () => {
    const bed = given();
    bed.begin();
    bed.result = bad;
    await bed.clock.advance(89_000);
    assert.equal(bed.givenUp.length, 0);
    await bed.clock.advance(3_600_000);
    assert.match(bed.givenUp[0]?.why ?? '', /"s" answers, but failed its own health check 3 times/);
    const gaps = bed.givenUp.slice(1).map(({ at }, index) => at - (bed.givenUp[index]?.at ?? 0));
    assert.ok((gaps[0] ?? 0) >= 60_000 && (gaps[1] ?? 0) >= 120_000 && (gaps[2] ?? 0) >= 240_000);
    assert.ok(
      gaps.slice(3).every((gap) => gap >= 300_000),
      gaps.join(),
    );
  });

  it('R5.7 R2.4 does not take calls away that are under way', async () => {
    const bed = given();
    bed.begin();
    bed.result = bad;
    bed.isInUse = true;
    await bed.clock.advance(600_000);
    assert.equal(bed.givenUp.length, 0);
    bed.isInUse = false;
    await bed.clock.advance(31_000);
    assert.equal(bed.givenUp.length, 1);
  });

  it('R5.7 a check that could not be made says nothing', async () => {
    const bed = given();
    bed.begin();
    bed.result = undefined;
    await bed.clock.advance(300_000);
    assert.equal(bed.own.failure, undefined);
    assert.deepEqual(bed.givenUp, []);
  });

  it('R5.7 R5.3 one that cannot be made is shown, and ends nothing', async () => {
    const bed = given();
    bed.begin();
    bed.result = { isWell: false, why: 'There is no such command.', isUnmade: true };
    await bed.clock.advance(3_600_000);
    assert.equal(bed.own.failure, 'There is no such command.');
    assert.deepEqual(bed.givenUp, []);
    bed.result = bad;
    await bed.clock.advance(62_000);
    assert.deepEqual(bed.givenUp, []);
    await bed.clock.advance(35_000);
    assert.equal(bed.givenUp.length, 1);
  });

  it('R5.7 a failure is forgotten with the setting', async () => {
    const bed = given();
    bed.begin();
    bed.result = bad;
    await bed.clock.advance(31_000);
    bed.check = undefined;
    await bed.clock.advance(6_000);
    assert.equal(bed.own.failure, undefined);
  });
});
