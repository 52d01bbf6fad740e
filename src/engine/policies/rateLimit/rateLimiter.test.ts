import assert from 'node:assert/strict';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import type { RequestClass } from './classQueue.ts';
import { RateLimiter, type Grant } from './rateLimiter.ts';

function given(options: { max?: number; cpuRatio?: () => number } = {}) {
  const clock = new FakeClock();
  let hasRoom = true;
  let changes = 0;
  const limiter = new RateLimiter({
    clock,
    cpuRatio: options.cpuRatio ?? (() => undefined),
    hasRoom: () => hasRoom,
    onChange: () => (changes += 1),
  });
  limiter.configure(options.max);
  const granted: string[] = [];
  const grants: Grant[] = [];
  const refused: string[] = [];
  let order = 0;
  const wait = (
    name: string,
    requestClass: RequestClass = 'critical',
    client = 'c',
    remainingMs = 1_000_000,
  ) =>
    limiter.wait({
      requestClass,
      client,
      order: (order += 1),
      remainingMs: () => remainingMs,
      granted: (grant) => {
        granted.push(name);
        grants.push(grant);
      },
      refused: () => void refused.push(name),
    });
  const setRoom = (room: boolean): void => {
    hasRoom = room;
    if (room) limiter.roomMade();
  };
  return { clock, limiter, granted, refused, grants, wait, setRoom, changes: () => changes };
}

/** Requests that are let go in a second of `requestClass` alone. */
async function perSecond(
  { clock, granted, wait }: ReturnType<typeof given>,
  requestClass: RequestClass,
): Promise<number> {
  for (let request = 0; request < 300; request += 1) wait('', requestClass);
  await clock.advance(200);
  const before = granted.length;
  await clock.advance(1_000);
  return granted.length - before;
}

describe('rate limiter', () => {
  it('R10.2 is off without timers until there is a reason', () => {
    const { limiter, clock } = given();
    for (let call = 0; call < 1_000; call += 1) limiter.noteUnlimited('fast', 5, 10);
    assert.equal(limiter.isActive, false);
    assert.equal(limiter.waitMs('critical', 'c'), 0);
    assert.ok(limiter.take('low') !== undefined);
    assert.equal(clock.pending, 0);
  });

  it('R10.2 begins at 100 a second, or at what a person allows', () => {
    const { limiter } = given();
    limiter.noteRefusal(0);
    assert.equal(limiter.state?.rate, 100);
    assert.equal(given({ max: 20 }).limiter.state?.rate, 20);
    assert.equal(given({ max: 500 }).limiter.state?.rate, 100);
  });

  it('R10.2 is off again ten minutes after the last sign, and no timer is left', async () => {
    const { limiter, clock, changes } = given();
    limiter.noteRefusal(0);
    await clock.advance(500_000);
    limiter.noteRefusal(0);
    await clock.advance(595_000);
    assert.equal(limiter.isActive, true);
    await clock.advance(10_000);
    assert.equal(limiter.isActive, false);
    assert.equal(clock.pending, 0);
    assert.equal(changes(), 2);
  });

  it('R10.2 stays on with a maximum, and has no timer while nobody asks for anything', async () => {
    const { limiter, clock } = given({ max: 10 });
    limiter.take('critical');
    await clock.advance(700_000);
    assert.equal(limiter.isActive, true);
    assert.equal(clock.pending, 0);
    limiter.take('critical');
    assert.equal(clock.pending, 1);
  });

  it('R10.2 takes another maximum over, and its end', async () => {
    const { limiter, clock } = given({ max: 10 });
    limiter.configure(5);
    assert.deepEqual([limiter.state?.rate, limiter.state?.max], [5, 5]);
    limiter.configure(undefined);
    assert.deepEqual([limiter.state?.rate, limiter.state?.max], [5, 1_000]);
    limiter.take('critical');
    await clock.advance(6_000);
    assert.equal(limiter.isActive, false);
  });

  it('R5.6 a fresh start lets everybody go, and forgets what was learnt', () => {
    const { limiter, wait, granted } = given();
    limiter.noteRefusal(60_000);
    for (const name of ['a', 'b', 'c']) wait(name);
    assert.deepEqual(granted, []);
    limiter.reset();
    assert.deepEqual(granted, ['a', 'b', 'c']);
    assert.equal(limiter.isActive, false);
  });

  it('R10.2 believes a server that asks for an hour for one minute', async () => {
    const { limiter, wait, granted, clock } = given();
    limiter.noteRefusal(3_600_000);
    wait('a');
    await clock.advance(59_999);
    assert.deepEqual(granted, []);
    await clock.advance(1);
    assert.deepEqual(granted, ['a']);
  });

  it('R10.2 the first refusal holds all back for a second, later ones for as long as they say', async () => {
    const { limiter, wait, granted, clock } = given();
    limiter.noteRefusal(undefined);
    wait('a');
    await clock.advance(999);
    assert.deepEqual(granted, []);
    await clock.advance(1);
    limiter.noteRefusal(undefined);
    await clock.advance(100);
    wait('b');
    assert.deepEqual(granted, ['a', 'b']);
  });

  it('R10.2 what was on its way together is one sign', () => {
    const { limiter } = given();
    limiter.noteRefusal(0);
    const grants = Array.from({ length: 5 }, () => limiter.take('critical'));
    for (const grant of grants) grant?.end('refused');
    assert.equal(limiter.state?.rate, 47.5);
  });

  it('R10.2 more than a tenth of errors in five seconds is a sign', async () => {
    const { limiter, clock } = given({ max: 100 });
    for (let call = 0; call < 50; call += 1) {
      limiter.take('critical')?.end(call % 8 === 0 ? 'failed' : 'answered');
      await clock.advance(100);
    }
    assert.ok((limiter.state?.rate ?? 100) < 100);
  });

  it('R10.2 a busy machine halves our own traffic every five seconds, and never a person’s', async () => {
    let cpu = 0.9;
    const parts = given({ max: 64, cpuRatio: () => cpu });
    await parts.clock.advance(15_000);
    parts.limiter.take('low');
    await parts.clock.advance(5_000);
    assert.equal(await perSecond(parts, 'critical'), 64);
    const busy = given({ max: 64, cpuRatio: () => cpu });
    for (let sample = 0; sample < 3; sample += 1) {
      busy.limiter.take('low');
      await busy.clock.advance(5_000);
    }
    assert.equal(await perSecond(busy, 'normal'), 8);
    cpu = 0.1;
    await busy.clock.advance(30_000);
    assert.ok(Math.abs((await perSecond(busy, 'normal')) - 64) <= 4);
  });

  it('R10.1 our own traffic leaves one token for whoever comes', async () => {
    const { limiter, wait, granted, clock } = given({ max: 10 });
    for (let request = 0; request < 50; request += 1) wait('low', 'low');
    await clock.advance(1_010);
    assert.ok(limiter.queued > 30);
    wait('person');
    assert.equal(granted.at(-1), 'person', 'at once');
  });

  it('R10.1 asks for a place before it lets work go; what needs none goes', async () => {
    const { wait, granted, setRoom, clock } = given({ max: 10 });
    setRoom(false);
    wait('call');
    wait('list', 'high');
    await clock.advance(1_000);
    assert.deepEqual(granted, ['list']);
    setRoom(true);
    assert.deepEqual(granted, ['list', 'call']);
  });

  it('R10.1 a token that was not needed is the next one’s', () => {
    const { limiter, wait, granted, grants } = given({ max: 1 });
    for (const name of ['a', 'b', 'c']) wait(name);
    assert.deepEqual(granted, ['a', 'b']);
    grants[0]?.giveBack();
    grants[0]?.giveBack();
    assert.deepEqual(granted, ['a', 'b', 'c']);
    assert.equal(limiter.queued, 0);
  });

  it('R14.3 one client’s line is bounded, and leaves others their room', () => {
    const { limiter, wait } = given({ max: 1 });
    limiter.noteRefusal(60_000);
    for (let request = 0; request < RateLimiter.maxQueued; request += 1) wait('', 'critical', 'greedy');
    assert.equal(limiter.waitMs('critical', 'greedy'), Infinity);
    assert.ok(limiter.waitMs('critical', 'other') <= 60_000);
  });

  it('R10.1 a check of our own waits for its turn, and asks nobody while it is off', async () => {
    const { limiter, clock, wait, granted } = given();
    assert.equal(await limiter.inTurn('normal', 30_000, () => Promise.resolve('well')), 'well');
    limiter.noteRefusal(1_000);
    const done = limiter.inTurn('normal', 30_000, () => {
      granted.push('check');
      return Promise.resolve('well');
    });
    wait('person');
    await clock.advance(999);
    assert.deepEqual(granted, []);
    await clock.advance(100);
    assert.deepEqual(granted, ['person', 'check']);
    assert.equal(await done, 'well');
  });

  it('R10.1 a check of our own that has no turn in time is not made, and leaves the line', async () => {
    const { limiter, clock } = given();
    limiter.noteRefusal(60_000);
    const run = () => assert.fail('it was made');
    const late = limiter.inTurn('normal', 20_000, run);
    const known = limiter.inTurn('normal', 90_000, () => Promise.resolve('well'));
    assert.equal(limiter.queued, 2);
    await clock.advance(20_000);
    assert.equal(await late, undefined);
    assert.equal(limiter.queued, 1);
    await clock.advance(41_000);
    assert.equal(await known, 'well');
  });

  it('R10.2 the rate does not grow while requests wait only for a place', async () => {
    const { limiter, wait, granted, grants, setRoom, clock } = given();
    limiter.noteRefusal(0);
    for (let call = 0; call < 100; call += 1) {
      setRoom(false);
      wait('call');
      wait('next');
      setRoom(true);
      await clock.advance(50);
      setRoom(false);
      wait('waits');
      for (const grant of grants.splice(0)) grant.end('answered');
    }
    assert.ok(granted.length >= 200);
    assert.equal(limiter.state?.rate, 100);
  });

  it('R10.1 who waits and will not begin in time, as the server has just said, hears so now', () => {
    const { limiter, wait, granted, refused } = given({ max: 1 });
    for (const name of ['a', 'b']) wait(name);
    wait('soon', 'critical', 'c', 5_000);
    wait('later', 'critical', 'c', 60_000);
    limiter.noteRefusal(10_000);
    assert.deepEqual([granted, refused], [['a', 'b'], ['soon']]);
    assert.equal(limiter.queued, 1);
  });

  it('R10.1 nobody waits in a line of which nobody is answered for five seconds; one at a time asks', async () => {
    const { limiter, wait, granted, refused, grants, clock } = given();
    limiter.noteRefusal(0, 'no');
    for (let request = 0; request < 300; request += 1) wait(`${request}`);
    for (let at = 0; at < 4_900; at += 100) {
      await clock.advance(100);
      for (const grant of grants.splice(0)) grant.end('refused');
    }
    assert.deepEqual(refused, []);
    assert.ok(limiter.queued > 0);
    await clock.advance(500);
    for (const grant of grants.splice(0)) grant.end('refused');
    assert.equal(limiter.queued, 0);
    assert.equal(granted.length + refused.length, 300);
    wait('one');
    await clock.advance(1_000);
    assert.ok(granted.includes('one'));
    for (const grant of grants.splice(0)) grant.end('answered');
    for (let request = 0; request < 3; request += 1) wait('again');
    assert.ok(limiter.waitMs('critical', 'c') < Infinity);
  });

  it('R10.2 after nothing but refusals it is soon back', async () => {
    const { limiter, wait, grants, clock } = given();
    limiter.noteRefusal(0);
    for (let at = 0; at < 10_000; at += 100) {
      wait('');
      await clock.advance(100);
      for (const grant of grants.splice(0)) grant.end('refused');
    }
    assert.ok((limiter.state?.rate ?? 9) < 2);
    for (let at = 0; at < 12_000; at += 50) {
      for (let request = 0; request < 10; request += 1) wait('');
      await clock.advance(50);
      for (const grant of grants.splice(0)) grant.end('answered');
    }
    assert.ok((limiter.state?.rate ?? 0) > 50, `${limiter.state?.rate}`);
  });

  it('R10.2 a client that asks for one thing after another makes the rate grow too', async () => {
    const { limiter, wait, grants, granted, clock } = given();
    limiter.noteRefusal(0);
    for (let at = 0; at < 10_000; at += 100) {
      wait('');
      await clock.advance(100);
      for (const grant of grants.splice(0)) grant.end('refused');
    }
    const before = granted.length;
    for (let at = 0; at < 60_000; at += 20) {
      if (limiter.queued === 0 && grants.length === 0) wait('');
      await clock.advance(20);
      for (const grant of grants.splice(0)) grant.end('answered');
    }
    assert.ok((limiter.state?.rate ?? 0) > 20, `${limiter.state?.rate}`);
    assert.ok(granted.length - before > 600, `${granted.length - before} in a minute`);
  });

  it('R10.1 a server that works on a call is not one that refuses everything', async () => {
    const { limiter, wait, granted, refused, grants, clock } = given();
    limiter.noteRefusal(0);
    for (const name of ['long', 'a', 'b', 'c', 'd', 'e']) wait(name);
    await clock.advance(100);
    const [long, ...others] = grants.splice(0);
    for (const grant of others) grant.end('refused');
    await clock.advance(6_000);
    wait('last');
    for (let request = 0; request < 200; request += 1) wait(`${request}`);
    for (const grant of grants.splice(0)) grant.end('refused');
    assert.deepEqual(refused, []);
    assert.ok(limiter.queued > 0);
    long?.end('answered');
    await clock.advance(60_000);
    assert.equal(granted.length, 207);
  });

  it('R2.6 who left the line is not let go', async () => {
    const { wait, granted, limiter, clock } = given({ max: 1 });
    wait('a');
    wait('b');
    const left = wait('left');
    wait('d');
    assert.equal(left.leave(), true);
    assert.equal(left.leave(), false);
    await clock.advance(1_000);
    assert.deepEqual(granted, ['a', 'b', 'd']);
    assert.equal(limiter.queued, 0);
  });
});
