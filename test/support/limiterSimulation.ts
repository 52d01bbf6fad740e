import type { RequestClass } from '../../src/engine/policies/rateLimit/classQueue.ts';
import { RateLimiter, type Grant } from '../../src/engine/policies/rateLimit/rateLimiter.ts';
import type { Random } from '../../src/shared/base/random.ts';
import { SimulatedTime } from './simulatedTime.ts';

/** A server whose limit nobody is told. Times in milliseconds. */
export interface HiddenServer {
  /** Requests/s at a time. */
  readonly capacity: (at: number) => number;
  readonly serviceMs: number;
  /** Refuses what is above its capacity (429); else it lets it wait, as many at a time as it can work on. */
  readonly refuses: boolean;
  /** What it takes at once after a pause, in seconds of its capacity. */
  readonly burstS?: number;
  /** Told with each refusal. */
  readonly retryAfterMs?: number;
}

/** One client: callers that always want the next answer, or requests that come by chance. */
export interface SimulatedClient {
  readonly name: string;
  readonly requestClass: RequestClass;
  /** Callers that ask again as soon as they have an answer … */
  readonly callers?: number;
  /** … or requests/s, however long answers take (Poisson). */
  readonly perSecond?: number;
  readonly from?: number;
}

export interface ClientFigures {
  readonly name: string;
  answered: number;
  refused: number;
  rejected: number;
  /** Milliseconds from the wish to the grant, of those that were let go after `from`. */
  readonly waits: number[];
}

export interface SimulationOptions {
  readonly server: HiddenServer;
  readonly clients: readonly SimulatedClient[];
  readonly forMs: number;
  /** Figures are counted from then on. */
  readonly countFrom?: number;
  readonly random: Random;
  readonly max?: number;
  readonly cpuRatio?: (at: number) => number;
  readonly deadlineMs?: number;
}

export interface Simulation {
  readonly clients: readonly ClientFigures[];
  /** Rate (requests/s; 0 while it is off) and depth of the queue, every 100 ms. */
  readonly samples: readonly { readonly at: number; readonly rate: number; readonly queued: number }[];
  /** Seconds until the rate was within 10 % of the capacity for good; after `since`. */
  settledS(since?: number, until?: number): number;
}

const SAMPLE_MS = 100;
/** A caller that was refused, or turned away, asks again after that. */
const AGAIN_MS = 50;

/** Runs the real limiter against a simulated server, in simulated time. */
export function simulateLimiter(options: SimulationOptions): Simulation {
  const { server, forMs, random, countFrom = 0, deadlineMs = 60_000 } = options;
  const time = new SimulatedTime();
  let isOn = false;
  const limiter = new RateLimiter({
    clock: time,
    cpuRatio: () => options.cpuRatio?.(time.now()),
    hasRoom: () => true,
    onChange: () => (isOn = limiter.isActive),
  });
  limiter.configure(options.max);
  isOn = limiter.isActive;
  const serve = server.refuses ? quota(server, time) : workers(server, time);
  const figures = options.clients.map(({ name }): ClientFigures => {
    return { name, answered: 0, refused: 0, rejected: 0, waits: [] };
  });
  let order = 0;

  const ask = (client: SimulatedClient, figure: ClientFigures, done: (ok: boolean) => void): void => {
    const since = time.now();
    const isCounted = since >= countFrom;
    const go = (grant: Grant | undefined): void => {
      const sentAt = time.now();
      if (isCounted) figure.waits.push(sentAt - since);
      serve((ok, inFlight) => {
        if (isCounted && ok) figure.answered += 1;
        else if (isCounted) figure.refused += 1;
        if (!ok) limiter.noteRefusal(server.retryAfterMs);
        const answer = { kind: 'tool', tookMs: time.now() - sentAt, inFlight };
        if (grant === undefined && ok) limiter.noteUnlimited(answer.kind, answer.tookMs, inFlight);
        grant?.end(ok ? 'answered' : 'refused', answer);
        done(ok);
      });
    };
    if (!isOn) {
      go(undefined);
      return;
    }
    const { requestClass, name } = client;
    const grant = limiter.take(requestClass);
    if (grant !== undefined) go(grant);
    else if (limiter.waitMs(requestClass, name) >= deadlineMs) {
      limiter.noteRejected();
      if (isCounted) figure.rejected += 1;
      done(false);
    } else
      limiter.wait({
        requestClass,
        client: name,
        order: (order += 1),
        remainingMs: () => since + deadlineMs - time.now(),
        granted: go,
        refused: () => {
          if (isCounted) figure.rejected += 1;
          done(false);
        },
      });
  };

  for (const [index, client] of options.clients.entries()) {
    const figure = figures[index]!;
    const { perSecond, callers = 0, from = 0 } = client;
    const again = (): void =>
      ask(client, figure, (ok) => void time.outside(time.now() + (ok ? 0 : AGAIN_MS), again));
    for (let caller = 0; caller < callers; caller += 1) time.outside(from + caller, again);
    if (perSecond === undefined) continue;
    const come = (): void => {
      ask(client, figure, () => undefined);
      time.outside(time.now() + (-Math.log(1 - random()) / perSecond) * 1_000, come);
    };
    time.outside(from, come);
  }

  const samples: { at: number; rate: number; queued: number }[] = [];
  for (let at = SAMPLE_MS; at <= forMs; at += SAMPLE_MS) {
    time.run(at);
    samples.push({ at, rate: limiter.state?.rate ?? 0, queued: limiter.queued });
  }
  return {
    clients: figures,
    samples,
    settledS: (since = 0, until = forMs) => {
      const outside = samples.filter(
        ({ at, rate }) => at > since && at <= until && Math.abs(rate / server.capacity(at) - 1) > 0.1,
      );
      return ((outside.at(-1)?.at ?? since) - since) / 1_000;
    },
  };
}

type Serve = (done: (ok: boolean, inFlight: number) => void) => void;

/** Takes what its bucket has tokens for, and refuses the rest. */
function quota({ capacity, serviceMs, burstS = 0.1 }: HiddenServer, time: SimulatedTime): Serve {
  let tokens = Math.max(1, capacity(0) * burstS);
  let at = 0;
  let inFlight = 0;
  return (done) => {
    const now = time.now();
    const rate = capacity(now);
    tokens = Math.min(Math.max(1, rate * burstS), tokens + ((now - at) / 1_000) * rate);
    at = now;
    const ok = tokens >= 1 - 1e-6;
    if (ok) tokens -= 1;
    inFlight += 1;
    time.outside(now + (ok ? serviceMs : 1), () => {
      done(ok, inFlight);
      inFlight -= 1;
    });
  };
}

/** Works on as many at a time as its capacity means, and lets all others wait, in order. */
function workers({ capacity, serviceMs }: HiddenServer, time: SimulatedTime): Serve {
  const waiting: Parameters<Serve>[0][] = [];
  let busy = 0;
  const work = (): void => {
    while (busy < Math.max(1, Math.round((capacity(time.now()) * serviceMs) / 1_000))) {
      const done = waiting.shift();
      if (done === undefined) return;
      busy += 1;
      time.outside(time.now() + serviceMs, () => {
        done(true, busy + waiting.length);
        busy -= 1;
        work();
      });
    }
  };
  return (done) => {
    waiting.push(done);
    work();
  };
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** 1 when all get the same, 1/n when one gets everything (Jain, Chiu and Hawe 1984). */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((all, one) => all + one, 0);
  const squares = values.reduce((all, one) => all + one * one, 0);
  return squares === 0 ? 1 : sum ** 2 / (values.length * squares);
}
