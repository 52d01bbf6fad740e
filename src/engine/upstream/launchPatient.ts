import type { Fault } from '../../shared/model/fault.ts';
import type { Load, Patient, ProbeResult } from '../health/patient.ts';
import type { Vitals } from '../health/vitals.ts';
import type { Launch } from './launch.ts';

/** What the connection does for the health monitor. */
export interface PatientHost {
  readonly server: string;
  readonly isRemote: () => boolean;
  readonly intervalMs: () => number;
  /** Whether the server can be reached at another endpoint. */
  readonly hasAlternative: () => boolean;
  suspect(): void;
  clear(): void;
  touch(): void;
}

/** As many probes that did not get through move a connection to another endpoint. */
const ENOUGH_FAILURES = 2;

/** A launch as the health monitor sees it. */
export class LaunchPatient implements Patient {
  readonly server: string;
  readonly #launch: Launch;
  readonly #host: PatientHost;
  /** Probes in a row that did not get through. */
  #failures = 0;

  constructor(launch: Launch, host: PatientHost) {
    this.server = host.server;
    this.#launch = launch;
    this.#host = host;
  }

  get isRemote(): boolean {
    return this.#host.isRemote();
  }

  get intervalMs(): number {
    return this.#host.intervalMs();
  }

  get pid(): number | undefined {
    return this.#launch.pid;
  }

  get vitals(): Vitals {
    return this.#launch.vitals;
  }

  get load(): Load {
    return this.#launch.load;
  }

  /** A ping: servers up to 2025-11-25 must answer it, and do so before `initialize` and without any tool. */
  async probe(timeoutMs: number): Promise<ProbeResult> {
    const answer = await this.#launch.request('ping', undefined, timeoutMs);
    if (answer.kind !== 'failed') {
      this.#failures = 0;
      return { kind: 'answered' };
    }
    const { fault } = answer;
    if (fault === undefined) return { kind: 'silent' };
    this.#failures += 1;
    // Where there is another way, it is not waited for that this one comes back. Silence is another matter: it may only be busy.
    if (this.#failures >= ENOUGH_FAILURES && this.#host.hasAlternative()) this.#launch.convict(fault);
    return { kind: 'failed', fault };
  }

  afterInbox(action: () => void): void {
    this.#launch.afterLines(action);
  }

  dropIdleConnections(): void {
    this.#launch.dropIdleConnections();
  }

  suspect(): void {
    this.#host.suspect();
  }

  clear(): void {
    this.#host.clear();
  }

  convict(fault: Fault): void {
    this.#launch.convict(fault);
  }

  touch(): void {
    this.#host.touch();
  }
}
