import { cpus, type CpuInfo } from 'node:os';

/** Asked more often than that, it answers what it has found last. */
const MIN_WINDOW_MS = 4_000;

/** How much of the machine's processors is in use, by whomever. */
export class CpuUse {
  readonly #now: () => number;
  readonly #read: () => readonly Pick<CpuInfo, 'times'>[];
  #last: { readonly at: number; readonly busyMs: number; readonly allMs: number } | undefined;
  #ratio: number | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number, read: () => readonly Pick<CpuInfo, 'times'>[] = cpus) {
    this.#now = now;
    this.#read = read;
  }

  /** 0 to 1, since it was asked last; undefined the first time, and where the system does not tell. */
  ratio(): number | undefined {
    const at = this.#now();
    const last = this.#last;
    if (last !== undefined && at - last.at < MIN_WINDOW_MS) return this.#ratio;
    const times = this.#read().map((one) => one.times);
    const idleMs = times.reduce((sum, { idle }) => sum + idle, 0);
    const allMs = times.reduce(
      (sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq,
      0,
    );
    const busyMs = allMs - idleMs;
    this.#last = { at, busyMs, allMs };
    this.#ratio =
      last === undefined || allMs <= last.allMs ? undefined : (busyMs - last.busyMs) / (allMs - last.allMs);
    return this.#ratio;
  }
}
