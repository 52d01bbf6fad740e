import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { FakePatient, given, untilConvicted } from '../../../test/support/fakePatient.ts';
import { Fault } from '../../shared/model/fault.ts';
import { HealthMonitor } from './healthMonitor.ts';

describe('health watch: ourselves', () => {
  it('R5.3 a standstill of our own convicts nobody, whenever it comes', async () => {
    for (let offset = 25_000; offset < 35_500; offset += 250) {
      const { clock, patient, monitor } = given();
      // What it answers waits to be read while we stand still, and is read after the timers that are late.
      patient.hang();
      await clock.advance(offset);
      clock.stall(60_000);
      await clock.advance(600);
      patient.recover();
      patient.answerLate();
      await clock.advance(60_000);
      assert.deepEqual(patient.states, [], `at ${offset} ms`);
      monitor.dispose();
    }
  });

  it('R5.3 a suspicion is not judged while we do not read what it says', async () => {
    const bed = given();
    bed.patient.hang();
    bed.watch.doubt('deadline');
    bed.patient.isHeldUp = true;
    await bed.clock.advance(60_000);
    assert.equal(bed.patient.convicted, undefined);
    bed.patient.isHeldUp = false;
    bed.patient.vitals.heldUp();
    assert.ok((await untilConvicted(bed)) >= 4_500);
  });

  it('R5.3 R14.3 a server that floods us is judged a little later, and not spared for ever', async () => {
    const bed = given();
    bed.patient.hang();
    bed.watch.doubt('deadline');
    bed.patient.isFlooding = true;
    await bed.clock.advance(9_000);
    assert.equal(bed.patient.convicted, undefined);
    assert.ok((await untilConvicted(bed)) <= 8_000);
  });

  it('R5.3 a standstill during a suspicion starts the probes anew', async () => {
    const bed = given();
    const { clock, patient, watch } = bed;
    patient.hang();
    watch.doubt('deadline');
    await clock.advance(1_000);
    clock.stall(10_000);
    await clock.advance(1_000);
    assert.equal(patient.convicted, undefined);
    assert.ok((await untilConvicted(bed)) >= 3_500);
  });

  it('R5.3 R5.9 after an hour of sleep nobody is convicted', async () => {
    for (let offset = 0; offset < 45_000; offset += 700) {
      const { clock, patient, monitor } = given();
      await clock.advance(offset);
      patient.hang();
      clock.sleep(3_600_000);
      await clock.advance(3_000); // what was on its way is read late
      patient.recover();
      patient.answerLate();
      await clock.advance(60_000);
      assert.equal(patient.convicted, undefined, `at ${offset} ms`);
      monitor.dispose();
    }
  });

  it('R5.3 while we do not read what it says, and for a while after, it is not silent', async () => {
    const { clock, patient } = given();
    patient.hang();
    patient.isHeldUp = true;
    await clock.advance(120_000);
    assert.deepEqual(patient.states, []);
    patient.isHeldUp = false;
    patient.vitals.heldUp();
    await clock.advance(4_000);
    patient.answerLate();
    await clock.advance(25_000);
    assert.deepEqual(patient.states, []);
  });
});

describe('health watch: networks', () => {
  const remote = (patient: FakePatient): void => {
    patient.isRemote = true;
    patient.pid = undefined;
  };

  it('R5.9 after a sleep a remote connection is checked at once, and renewed when it does not answer', async () => {
    const bed = given(remote);
    const { clock, patient } = bed;
    await clock.advance(10_000);
    patient.hang();
    clock.sleep(3_600_000);
    await clock.advance(5_100);
    assert.equal(patient.dropped, 1, 'idle connections are dropped at once');
    await clock.advance(1_000);
    assert.equal(patient.probedAt.length, 1);
    assert.ok((await untilConvicted(bed)) < 10_600);
    assert.equal(patient.convicted?.code, 'connectionReset');
  });

  it('R5.9 one that answers is left alone, and its state does not flicker', async () => {
    const bed = given(remote);
    await bed.clock.advance(10_000);
    bed.network = 'office';
    await bed.clock.advance(30_000);
    assert.equal(bed.patient.dropped, 1);
    assert.equal(bed.patient.probedAt.length, 1);
    assert.deepEqual(bed.patient.states, []);
  });

  it('R5.9 a server of this machine is not asked because the network changed, and the network is not looked at', async () => {
    const bed = given();
    let looked = 0;
    Object.defineProperty(bed, 'network', { get: () => ((looked += 1), 'x') });
    await bed.clock.advance(25_000);
    bed.clock.sleep(3_600_000);
    await bed.clock.advance(4_000);
    assert.equal(looked, 0);
    assert.equal(bed.patient.probedAt.length, 0);
  });

  it('R5.9 many are not asked at once', async () => {
    const clock = new FakeClock();
    let draw = 0;
    const options = {
      clock,
      isStopped: () => Promise.resolve(false),
      networkDigest: () => '',
      log: () => undefined,
    };
    const monitor = new HealthMonitor({ ...options, random: () => (draw = (draw + 0.37) % 1) });
    const patients = Array.from({ length: 20 }, () => new FakePatient(clock));
    for (const patient of patients) {
      patient.isRemote = true;
      monitor.watch(patient);
    }
    await clock.advance(1_000);
    clock.sleep(3_600_000);
    await clock.advance(6_000);
    const times = new Set(patients.map(({ probedAt }) => Math.floor((probedAt[0] ?? 0) / 100)));
    assert.ok(patients.every(({ probedAt }) => probedAt.length === 1));
    assert.ok(times.size >= 5, [...times].join());
    monitor.dispose();
  });

  it('R5.9 a network that is not back yet is waited for before the session is given up', async () => {
    const { clock, patient, watch } = given(remote);
    const refused = new Fault('connectionRefused', 'no route');
    patient.answer = () => ({ kind: 'failed', fault: refused });
    watch.doubt('unreachable');
    await clock.advance(3_000);
    assert.ok(patient.probedAt.length >= 5);
    patient.recover();
    await clock.advance(1_000);
    assert.deepEqual(patient.states, ['suspect', 'ready']);
  });

  it('R5.3 a server that cannot be reached for 5 s is given up with that reason', async () => {
    const bed = given(remote);
    const refused = new Fault('connectionRefused', 'no route');
    bed.patient.answer = () => ({ kind: 'failed', fault: refused });
    bed.watch.doubt('unreachable');
    assert.ok((await untilConvicted(bed)) < 6_000);
    assert.equal(bed.patient.convicted, refused);
  });

  it('R5.3 one that says "too many requests" is there', async () => {
    const { clock, patient } = given(remote);
    patient.answer = () => ({ kind: 'failed', fault: new Fault('rateLimited', '429') });
    await clock.advance(120_000);
    assert.deepEqual(patient.states, []);
  });
});
