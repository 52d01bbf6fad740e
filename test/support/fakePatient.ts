import assert from 'node:assert/strict';
import { HealthMonitor } from '../../src/engine/health/healthMonitor.ts';
import type { Load, Patient, ProbeResult } from '../../src/engine/health/patient.ts';
import { Vitals } from '../../src/engine/health/vitals.ts';
import type { Watch } from '../../src/engine/health/watch.ts';
import type { Fault } from '../../src/shared/model/fault.ts';
import { FakeClock } from './fakeClock.ts';

/** A server as a test wants it: it answers each probe at once, until it is told not to. */
export class FakePatient implements Patient {
  readonly server = 's';
  isRemote = false;
  intervalMs = 30_000;
  pid: number | undefined = 4_711;
  readonly vitals: Vitals;
  isAsking = false;
  isHeldUp = false;
  isFlooding = false;
  openSince: number | undefined;
  openCalls: object[] = [];
  get load(): Load {
    const { openCalls, openSince, isAsking, isHeldUp, isFlooding } = this;
    return { openCalls, openSince, isAsking, isHeldUp, isFlooding };
  }

  /** What becomes of a probe; `undefined`: nothing comes. */
  answer: () => ProbeResult | undefined = () => ({ kind: 'answered' });
  probedAt: number[] = [];
  dropped = 0;
  touched = 0;
  states: string[] = [];
  convicted: Fault | undefined;
  inbox: (() => void)[] | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.vitals = new Vitals(clock);
  }

  hang(): void {
    this.answer = () => undefined;
  }

  recover(): void {
    this.answer = () => ({ kind: 'answered' });
  }

  /** A call is written. */
  begin(call: object): void {
    this.vitals.called();
    this.openSince ??= this.#clock.now();
    this.openCalls = [...this.openCalls, call];
  }

  /** It is over; `answered` or not. */
  end(call: object, answered: boolean): void {
    this.openCalls = this.openCalls.filter((other) => other !== call);
    this.openSince = this.openCalls.length === 0 ? undefined : this.#clock.now();
    if (answered) this.#say();
  }

  #say(): void {
    this.vitals.heard();
    this.vitals.answered(this.#clock.now());
  }

  /** A probe that is out is answered after all. */
  answerLate(): void {
    this.#say();
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    this.probedAt.push(this.#clock.now());
    const result = this.answer();
    if (result?.kind === 'answered') this.#say();
    if (result !== undefined) return Promise.resolve(result);
    return new Promise((resolve) => {
      this.#clock.setTimer(timeoutMs, () => resolve({ kind: 'silent' }));
    });
  }

  afterInbox(action: () => void): void {
    if (this.inbox === undefined) action();
    else this.inbox.push(action);
  }

  dropIdleConnections(): void {
    this.dropped += 1;
  }

  suspect(): void {
    this.states.push('suspect');
  }

  clear(): void {
    this.states.push('ready');
  }

  convict(fault: Fault): void {
    this.convicted = fault;
    this.states.push('convicted');
  }

  touch(): void {
    this.touched += 1;
  }
}

export interface WatchBed {
  readonly clock: FakeClock;
  readonly monitor: HealthMonitor;
  readonly patient: FakePatient;
  readonly watch: Watch;
  readonly startedAt: number;
  stopped: boolean;
  network: string;
}

/** A patient that is watched, without jitter. */
export function given(change: (patient: FakePatient) => void = () => undefined): WatchBed {
  const clock = new FakeClock();
  const patient = new FakePatient(clock);
  change(patient);
  const bed = { clock, patient, stopped: false, network: 'home', startedAt: clock.now() };
  const monitor = new HealthMonitor({
    clock,
    random: () => 0.5, // no jitter
    isStopped: () => Promise.resolve(bed.stopped),
    networkDigest: () => bed.network,
    log: () => undefined,
  });
  return Object.assign(bed, { monitor, watch: monitor.watch(patient) });
}

/** Advances until it is convicted; answers the milliseconds from now. */
export async function untilConvicted({ clock, patient }: WatchBed, limitMs = 200_000): Promise<number> {
  const from = clock.now();
  while (patient.convicted === undefined) {
    assert.ok(clock.now() - from < limitMs, `not convicted within ${limitMs} ms`);
    await clock.advance(100);
  }
  return clock.now() - from;
}
