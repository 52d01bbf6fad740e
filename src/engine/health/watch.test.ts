import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { FakePatient, given, untilConvicted } from '../../../test/support/fakePatient.ts';
import { HealthMonitor } from './healthMonitor.ts';

describe('health watch: checks', () => {
  it('R5.3 asks a silent server once in an interval, and one that talks never', async () => {
    const { clock, patient } = given();
    await clock.advance(95_000);
    assert.equal(patient.probedAt.length, 3);
    for (let second = 0; second < 120; second += 1) {
      await clock.advance(1_000);
      patient.vitals.heard();
    }
    assert.equal(patient.probedAt.length, 3);
    assert.deepEqual(patient.states, []);
  });

  it('R5.0 R14.5 has no timer while there is nothing to watch', async () => {
    const { clock, watch, patient, monitor } = given();
    await clock.advance(60_000);
    watch.dispose();
    assert.equal(clock.pending, 0);
    await clock.advance(600_000);
    assert.equal(patient.probedAt.length, 2);
    monitor.watch(patient);
    assert.equal(clock.pending, 1);
    monitor.dispose();
    assert.equal(clock.pending, 0);
  });

  it('R5.3 spreads the checks by a tenth', async () => {
    const clock = new FakeClock();
    const draws = [0, 0.999_999];
    const options = {
      clock,
      isStopped: () => Promise.resolve(false),
      networkDigest: () => '',
      log: () => undefined,
    };
    const monitor = new HealthMonitor({ ...options, random: () => draws.shift() ?? 0.5 });
    const early = new FakePatient(clock);
    const late = new FakePatient(clock);
    monitor.watch(early);
    monitor.watch(late);
    const startedAt = clock.now();
    await clock.advance(34_000);
    assert.deepEqual(
      [early.probedAt[0], late.probedAt[0]].map((at) => Math.round(((at ?? 0) - startedAt) / 100)),
      [270, 330],
    );
    monitor.dispose();
  });

  it('R2 checks a remote server that nobody calls less and less often, down to every ten minutes, and as before after a call', async () => {
    const bed = given((patient) => (patient.isRemote = true));
    const { clock, patient } = bed;
    await clock.advance(300_000);
    assert.equal(patient.probedAt.length, 10);
    await clock.advance(7_200_000);
    const gaps = patient.probedAt
      .slice(1)
      .map((at, index) => Math.round((at - (patient.probedAt[index] ?? 0)) / 1_000));
    assert.deepEqual(gaps.slice(10, 15), [60, 120, 240, 480, 600]);
    assert.ok(gaps.slice(14).every((gap) => gap === 600));
    const call = {};
    patient.begin(call);
    patient.end(call, true);
    const before = patient.probedAt.length;
    await clock.advance(95_000);
    assert.equal(patient.probedAt.length - before, 3);
  });

  it('R5.3 makes checks that are due together together', async () => {
    const { clock, monitor, patient } = given();
    await clock.advance(200);
    const other = new FakePatient(clock);
    monitor.watch(other);
    await clock.advance(31_000);
    assert.deepEqual(other.probedAt, patient.probedAt);
  });

  it('R2 takes a changed interval over at once', async () => {
    const { clock, patient } = given();
    patient.intervalMs = 10_000;
    await clock.advance(10_500);
    assert.equal(patient.probedAt.length, 1);
  });
});

describe('health watch: silence', () => {
  it('R5.3 convicts a server that hangs with nothing to do, within 45 s of its last word, after two more probes', async () => {
    const bed = given();
    await bed.clock.advance(30_100); // it has just been heard
    bed.patient.hang();
    const tookMs = await untilConvicted(bed);
    assert.ok(tookMs <= 42_000 && tookMs > 35_000, `${tookMs} ms`);
    assert.equal(bed.patient.probedAt.length, 1 + 1 + 2);
    assert.deepEqual(bed.patient.states, ['suspect', 'convicted']);
    assert.equal(bed.patient.convicted?.code, 'exited');
    assert.match(
      String(bed.patient.convicted),
      /"s" had nothing to do, was silent for \d+ s, and answered no ping/,
    );
  });

  it('R5.3 shows φ of the silence, and suspects from 8 on', async () => {
    const { clock, patient, watch } = given();
    patient.hang();
    await clock.advance(30_000);
    assert.equal(watch.suspicion < 1, true);
    await clock.advance(4_500);
    assert.ok(watch.suspicion > 1 && watch.suspicion < 8, String(watch.suspicion));
    assert.ok(patient.touched > 0);
    await clock.advance(2_000);
    assert.ok(watch.suspicion >= 8);
    assert.ok(watch.isSuspect);
  });

  for (const seconds of [1, 5, 8, 10]) {
    it(`R5.3 a pause of ${seconds} s convicts nobody, whenever it comes`, async () => {
      for (let offset = 0; offset < 32; offset += 1) {
        const { clock, patient, monitor } = given();
        await clock.advance(30_100 + offset * 1_000);
        patient.hang();
        await clock.advance(seconds * 1_000);
        patient.recover();
        patient.answerLate();
        await clock.advance(40_000);
        assert.equal(patient.convicted, undefined);
        monitor.dispose();
      }
    });
  }

  it('R5.3 an answer to one of the two probes ends the suspicion', async () => {
    const { clock, patient, watch } = given();
    patient.hang();
    await clock.advance(36_000);
    assert.ok(watch.isSuspect);
    patient.recover();
    await clock.advance(2_500);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
    assert.equal(watch.suspicion, 0);
  });

  it('R5.3 a process that somebody stopped is suspect, and not convicted for a minute', async () => {
    const bed = given();
    bed.stopped = true;
    bed.patient.hang();
    await bed.clock.advance(65_000);
    assert.ok(bed.watch.isSuspect);
    assert.equal(bed.patient.convicted, undefined);
    assert.ok((await untilConvicted(bed)) < 45_000);
  });

  it('R5.3 goes on when it was stopped for 30 s, whenever that was', async () => {
    for (let offset = 0; offset < 32; offset += 1) {
      const bed = given();
      await bed.clock.advance(offset * 1_000);
      bed.stopped = true;
      bed.patient.hang();
      await bed.clock.advance(30_000);
      bed.stopped = false;
      bed.patient.recover();
      bed.patient.answerLate();
      await bed.clock.advance(40_000);
      assert.equal(bed.patient.convicted, undefined);
      bed.monitor.dispose();
    }
  });

  it('R5.3 an answer that waits in our own inbox counts', async () => {
    const { clock, patient } = given();
    patient.hang();
    patient.inbox = [];
    await clock.advance(60_000);
    assert.equal(patient.inbox.length, 1);
    assert.equal(patient.convicted, undefined);
    patient.answerLate();
    for (const action of patient.inbox) action();
    await clock.advance(1_000);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
  });
});

describe('health watch: calls', () => {
  it('R5.3 silence during a call is busy, shown after 15 s, and never a conviction', async () => {
    const { clock, patient, watch } = given();
    patient.hang();
    await clock.advance(20_000);
    const call = {};
    patient.begin(call);
    const begun = clock.now();
    await clock.advance(14_900);
    assert.equal(watch.busySince, undefined);
    const touched = patient.touched;
    await clock.advance(200);
    assert.equal(watch.busySince, begun);
    assert.equal(patient.touched, touched + 1);
    await clock.advance(500_000);
    assert.deepEqual(patient.states, []);
    patient.end(call, true);
    assert.equal(watch.busySince, undefined);
  });

  it('R5.3 a word of the server during a call starts busy anew', async () => {
    const { clock, patient, watch } = given();
    patient.begin({});
    await clock.advance(20_000);
    patient.vitals.heard();
    await clock.advance(10_000);
    assert.equal(watch.busySince, undefined);
  });

  it('R5.3 convicts after a missed deadline when a ping is not answered, within 5 s', async () => {
    const bed = given();
    const call = {};
    bed.patient.begin(call);
    bed.patient.hang();
    await bed.clock.advance(60_000);
    bed.patient.end(call, false);
    bed.watch.doubt('deadline');
    assert.deepEqual(bed.patient.states, ['suspect']);
    const tookMs = await untilConvicted(bed);
    assert.ok(tookMs >= 5_000 && tookMs < 5_500, `${tookMs} ms`);
    assert.match(bed.patient.convicted?.message ?? '', /neither a call in its time nor a ping/);
  });

  it('R5.3 a server that is only slow is not convicted after a missed deadline', async () => {
    const { clock, patient, watch } = given();
    watch.doubt('deadline');
    await clock.advance(100);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
  });

  it('R5.3 another call within its deadline explains an unanswered ping, until it is over', async () => {
    const bed = given();
    const { clock, patient, watch } = bed;
    const [short, long] = [{}, {}];
    patient.begin(long);
    patient.begin(short);
    patient.hang();
    await clock.advance(1_000);
    patient.end(short, false);
    watch.doubt('deadline');
    await clock.advance(59_000);
    assert.equal(patient.convicted, undefined);
    patient.end(long, false);
    watch.doubt('deadline');
    const tookMs = await untilConvicted(bed);
    assert.ok(tookMs >= 5_000 && tookMs <= 6_000, `${tookMs} ms`);
  });

  it('R5.3 a synchronous call of 60 s beside one that missed its deadline convicts nobody', async () => {
    const { clock, patient, watch } = given();
    const [short, long] = [{}, {}];
    patient.begin(long);
    patient.begin(short);
    patient.hang();
    await clock.advance(1_000);
    patient.end(short, false);
    watch.doubt('deadline');
    await clock.advance(59_000);
    patient.end(long, true);
    patient.recover();
    await clock.advance(60_000);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
  });

  it('R5.3 calls that come after the ping explain nothing: a hung server is not kept by its traffic', async () => {
    const bed = given();
    const { clock, patient, watch } = bed;
    patient.hang();
    watch.doubt('deadline');
    patient.begin({});
    assert.ok((await untilConvicted(bed)) < 5_500);
    assert.ok(clock.now() > 0);
  });

  it('R5.3 a call that was cancelled may still be worked on: silence is explained up to its deadline', async () => {
    const bed = given();
    bed.patient.hang();
    bed.patient.vitals.abandoned(120_000);
    await bed.clock.advance(119_000);
    assert.deepEqual(bed.patient.states, []);
    assert.ok((await untilConvicted(bed)) < 15_000);
  });

  it('R5.3 a request of our own explains a silence while it is out', async () => {
    const { clock, patient } = given();
    patient.hang();
    patient.vitals.ownRequests = 1;
    await clock.advance(120_000);
    assert.deepEqual(patient.states, []);
  });

  it('R5.3 a server that waits for its client is not silent', async () => {
    const { clock, patient } = given();
    patient.hang();
    patient.isAsking = true;
    await clock.advance(300_000);
    assert.deepEqual(patient.states, []);
  });

  it('R5.3 a call that comes during a suspicion is not lost to it: silence with a call is no conviction', async () => {
    const { clock, patient, watch } = given();
    patient.hang();
    await clock.advance(36_000);
    assert.ok(watch.isSuspect);
    const call = {};
    patient.begin(call);
    await clock.advance(50_000);
    assert.equal(patient.convicted, undefined);
    patient.end(call, true);
    await clock.advance(1_000);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
  });
});
