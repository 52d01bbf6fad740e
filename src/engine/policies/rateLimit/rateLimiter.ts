import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { AdaptiveRate, START_RATE } from './adaptiveRate.ts';
import { BackgroundShare } from './backgroundShare.ts';
import { ClassQueue, type ClassTicket, type RequestClass } from './classQueue.ts';
import { LoadWatch, type Answer } from './loadWatch.ts';
import { TokenBucket } from './tokenBucket.ts';

/** Waiting requests of one client; one more is refused. */
const MAX_QUEUED = 100;
/** Waiting requests of all clients of a server together. */
const MAX_QUEUED_IN_ALL = 10_000;
/** A server may ask for an hour; it is asked again sooner whether it still means that. */
const MAX_HOLD_MS = 60_000;
/** When it goes on, and when 100 a second turn out to be too much: the next ones would be refused as well, and each refusal costs a retry. */
const FIRST_HOLD_MS = 1_000;
/** Processor and errors are looked at so often. */
const SAMPLE_MS = 5_000;
/** A share of errors among enough answers that is a sign of too much. */
const ERROR_RATIO = 0.1;
const ENOUGH_ANSWERS = 10;
/** Slower than this many times the time without load is a sign of too much; from half-way on the rate does not grow. */
const SLOWDOWN = 2;
const SLOWDOWN_NOTED = 1.5;
const MAX_DEPTH = 0.95;
const MIN_DEPTH = 0.75;
const DEPTH_STEP = 0.05;
/** Signs of latency in a row that changed nothing: then load is not what makes it slow, and latency says nothing for a while. */
const VAIN_DECREASES = 3;
const VAIN_RATIO = 0.8;
const DEAF_MS = 60_000;
/** As many refusals in a row, and nothing else for so long: nobody in the line would be answered. */
const VAIN_REFUSALS = 5;
const VAIN_MS = 5_000;
/** Who was let go and has heard nothing for so long is worked for: refusals come at once. */
const WORKING_MS = 1_000;
/** Without any sign of a limit for this long it is off again. */
const OFF_AFTER_MS = 600_000;
/** Kept for whoever comes while others' background work would take every token. */
const RESERVE = 1;

/** The one client of our own requests; no session has this name. */
const OURSELVES = '';

/** What the end of a request says about the rate. */
export type RateSignal = 'answered' | 'refused' | 'failed' | 'nothing';

export interface RateLimiterDeps {
  readonly clock: Clock;
  /** How much of the machine was in use since it was asked last, 0 to 1; undefined when nobody knows. */
  readonly cpuRatio: () => number | undefined;
  /** There is a place at the server for one more `critical` request; `roomMade` tells when there is one again. */
  readonly hasRoom: () => boolean;
  /** What is shown has changed: it went on or off, the first one waits, nobody waits any more. */
  readonly onChange: () => void;
}

/** A request that was let go. */
export interface Grant {
  /** It is over; only the first time counts. */
  end(signal: RateSignal, answer?: Answer): void;
  /** It was not sent after all. */
  giveBack(): void;
}

export interface Waiting {
  /** Waits no longer; false when it has been let go already. */
  leave(): boolean;
}

export interface RateLimiterState {
  /** Requests/s now, and what a person allows at most. */
  readonly rate: number;
  readonly max: number;
  readonly queued: number;
  readonly rejected: number;
  /** Milliseconds until the server wants to hear of us again (`Retry-After`); 0 without one. */
  readonly heldMs: number;
}

/** Somebody who wants to be let go. */
export interface Applicant {
  readonly requestClass: RequestClass;
  /** Whose turns are shared with others' of the class. */
  readonly client: string;
  /** The lowest of a client comes first. */
  readonly order: number;
  /** Milliseconds in which it must begin. */
  readonly remainingMs: () => number;
  /** It is its turn; perhaps at once. */
  readonly granted: (grant: Grant) => void;
  /** It could not begin in time, as it has turned out, and waits no longer. */
  readonly refused: (waitMs: number) => void;
}

interface Waiter {
  readonly applicant: Applicant;
  ticket: ClassTicket<Waiter> | undefined;
  /** There was none when it came. */
  forToken: boolean;
}

interface Active {
  readonly rate: AdaptiveRate;
  readonly bucket: TokenBucket;
  readonly background: TokenBucket;
  readonly share: BackgroundShare;
}

const isBackground = (requestClass: RequestClass): boolean =>
  requestClass === 'normal' || requestClass === 'low';

/**
 * How often one server is asked, all its sessions together (requirements R10). Off until a person names a maximum or the server shows that it has
 * one; then every request takes a token, in a fair line of four classes. Off again ten minutes after the last sign.
 */
export class RateLimiter {
  static readonly maxQueued = MAX_QUEUED;
  readonly #deps: RateLimiterDeps;
  readonly #queue = new ClassQueue<Waiter>();
  #watch = new LoadWatch();
  #max: number | undefined;
  #active: Active | undefined;
  /** Those who wait, for when all of them must be looked at. */
  readonly #waiters = new Set<Waiter>();
  #rejected = 0;
  #lastRefusal: string | undefined;
  #refusedInARow = 0;
  #answeredAt = -Infinity;
  /** Clock times at which those were let go who have not come to an end, oldest first. */
  readonly #open = new Set<{ readonly at: number }>();
  #signAt = -Infinity;
  #answers = 0;
  #failures = 0;
  #granted = 0;
  #deafUntil = -Infinity;
  /** Until as many answers tell otherwise. */
  #wasSlow = false;
  #vain = { count: 0, slowdown: 0 };
  #wake: { readonly at: number; readonly timer: Disposable } | undefined;
  #sampling: Disposable | undefined;

  constructor(deps: RateLimiterDeps) {
    this.#deps = deps;
  }

  /** While it is not, nothing else needs to be asked. */
  get isActive(): boolean {
    return this.#active !== undefined;
  }

  /** The words with which it was refused last. */
  get lastRefusal(): string | undefined {
    return this.#lastRefusal;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Absent while it is off. */
  get state(): RateLimiterState | undefined {
    const active = this.#active;
    if (active === undefined) return undefined;
    const { rate, bucket } = active;
    return {
      rate: rate.value,
      max: rate.max,
      queued: this.#queue.size,
      rejected: this.#rejected,
      heldMs: Math.max(0, bucket.heldUntil - this.#now),
    };
  }

  /** `max`: requests/s that a person allows; undefined: as many as the server bears. */
  configure(max: number | undefined): void {
    if (max === this.#max) return;
    this.#max = max;
    if (this.#active === undefined) {
      if (max !== undefined) this.#start();
      return;
    }
    this.#active.rate.setMax(max);
    this.#applyRate(this.#active);
    this.#drain();
  }

  /** A fresh start: what was learnt of the server is forgotten, and whoever waits goes on. */
  reset(): void {
    this.#watch = new LoadWatch();
    if (this.#active === undefined) return;
    this.#stop();
    if (this.#max !== undefined) this.#start();
  }

  /** The server has shown its limit. `retryAfterMs`: what it asked for; `why`: its words. */
  noteRefusal(retryAfterMs: number | undefined, why?: string): void {
    const now = this.#now;
    this.#signAt = now;
    this.#lastRefusal = why;
    const holdMs = retryAfterMs ?? (this.#active === undefined ? FIRST_HOLD_MS : 0);
    const active = this.#active ?? this.#start();
    if (holdMs > 0) {
      const until = now + Math.min(holdMs, MAX_HOLD_MS);
      active.bucket.hold(until, now);
      this.#reconsider(active, now);
      this.#plan();
    }
  }

  /** A call was answered while it is off. */
  noteUnlimited(kind: string, tookMs: number, inFlight: number): void {
    if (!this.#watch.isWorthALook(tookMs)) return;
    const perSecond = this.#watch.noteUnlimited({ kind, tookMs, inFlight }, this.#now);
    if (perSecond === undefined) return;
    this.#signAt = this.#now;
    this.#start(Math.max(perSecond, START_RATE));
  }

  /** A request that goes out in any case, and is counted. */
  force(): void {
    this.#active?.bucket.force(this.#now);
  }

  /** Lets a request go at once, where nobody waits and there is a token. */
  take(requestClass: RequestClass): Grant | undefined {
    const active = this.#active;
    if (active === undefined) return untold;
    if (this.#queue.size > 0 || !this.#may(active, requestClass)) return undefined;
    return this.#grant(active, requestClass);
  }

  /** Milliseconds until one more request of this client can begin, at best; `Infinity` when too many wait. */
  waitMs(requestClass: RequestClass, client: string): number {
    const active = this.#active;
    if (active === undefined) return 0;
    if (this.#queue.size >= MAX_QUEUED_IN_ALL || this.#queue.sizeOfClient(requestClass, client) >= MAX_QUEUED)
      return Infinity;
    const ahead = this.#queue.ahead(requestClass, client);
    // One at a time finds out whether it still refuses everything.
    if (ahead > 0 && this.#isVain(this.#now)) return Infinity;
    return active.bucket.msUntil(this.#now) + (ahead / active.rate.value) * 1_000;
  }

  /** A request was turned away because it could not have begun in time. */
  noteRejected(): void {
    this.#rejected += 1;
  }

  wait(applicant: Applicant): Waiting {
    const { requestClass, client, order } = applicant;
    const waiter: Waiter = { applicant, ticket: undefined, forToken: false };
    waiter.ticket = this.#queue.add(requestClass, client, order, waiter, this.#now);
    this.#waiters.add(waiter);
    if (this.#queue.size === 1) this.#deps.onChange();
    this.#drain();
    const active = this.#active;
    waiter.forToken = active !== undefined && this.#isLimiting(active, this.#now);
    return {
      leave: () => {
        if (!this.#remove(waiter)) return false;
        this.#plan();
        return true;
      },
    };
  }

  #remove(waiter: Waiter): boolean {
    if (waiter.ticket === undefined || !this.#queue.remove(waiter.ticket)) return false;
    this.#waiters.delete(waiter);
    if (this.#queue.size === 0) this.#deps.onChange();
    return true;
  }

  /** Nothing but refusals for some time, and nothing that it works on. */
  #isVain(now: number): boolean {
    if (this.#refusedInARow < VAIN_REFUSALS || now - this.#answeredAt < VAIN_MS) return false;
    for (const { at } of this.#open) return now - at < WORKING_MS;
    return true;
  }

  /** What the server has just said may mean that some wait in vain. They hear so now, not when their time is over. */
  #reconsider({ bucket }: Active, now: number): void {
    const isVain = this.#isVain(now);
    const heldMs = Math.max(0, bucket.heldUntil - now);
    if (heldMs === 0 && !isVain) return;
    for (const waiter of [...this.#waiters]) {
      const { remainingMs, refused } = waiter.applicant;
      if ((isVain || remainingMs() <= heldMs) && this.#remove(waiter)) refused(heldMs);
    }
  }

  /** A request of our own; not made (`undefined`) when it has not been its turn within `withinMs`, or when whoever waits does so in vain. */
  async inTurn<T>(
    requestClass: 'normal' | 'low',
    withinMs: number,
    run: () => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#active === undefined) return run();
    const grant = await this.#turnWithin(requestClass, withinMs);
    if (grant === undefined) return undefined;
    try {
      return await run();
    } finally {
      grant.end('nothing');
    }
  }

  #turnWithin(requestClass: RequestClass, withinMs: number): Promise<Grant | undefined> {
    const until = this.#now + withinMs;
    return new Promise((resolve) => {
      const timer = this.#deps.clock.setTimer(withinMs, () => {
        if (waiting.leave()) resolve(undefined);
      });
      const end = (grant: Grant | undefined): void => {
        timer.dispose();
        resolve(grant);
      };
      const waiting = this.wait({
        requestClass,
        client: OURSELVES,
        order: 0,
        remainingMs: () => until - this.#now,
        granted: end,
        refused: () => end(undefined),
      });
    });
  }

  /** A place at the server has become free. */
  roomMade(): void {
    if (this.#queue.size > 0) this.#drain();
  }

  get #now(): number {
    return this.#deps.clock.now();
  }

  #start(perSecond?: number): Active {
    const now = this.#now;
    this.#answeredAt = now;
    this.#refusedInARow = 0;
    const rate = new AdaptiveRate(this.#max, perSecond);
    const bucket = new TokenBucket(rate.value, now);
    this.#active = {
      rate,
      bucket,
      background: new TokenBucket(rate.value, now),
      share: new BackgroundShare(),
    };
    this.#deps.cpuRatio(); // the first sample counts from now
    this.#sample();
    this.#deps.onChange();
    return this.#active;
  }

  #stop(): void {
    this.#active = undefined;
    this.#signAt = -Infinity;
    this.#sampling?.dispose();
    this.#sampling = undefined;
    this.#wake?.timer.dispose();
    this.#wake = undefined;
    this.#waiters.clear();
    for (let waiter = this.#queue.take(this.#now); waiter !== undefined; waiter = this.#queue.take(this.#now))
      waiter.applicant.granted(untold);
    this.#deps.onChange();
  }

  /** There is a token, and a place, for one of this class. */
  #may({ bucket, background }: Active, requestClass: RequestClass): boolean {
    const now = this.#now;
    if (requestClass === 'critical' && !this.#deps.hasRoom()) return false;
    if (!isBackground(requestClass)) return bucket.msUntil(now) === 0;
    const reserve = this.#reserve(requestClass, now);
    return bucket.msUntil(now, reserve) === 0 && background.msUntil(now) === 0;
  }

  /** Where somebody waits who goes first, or this class has waited for long, weights and age alone decide. */
  #reserve(requestClass: RequestClass, now: number): number {
    const queue = this.#queue;
    const isFree = queue.sizeOf('critical') + queue.sizeOf('high') > 0 || queue.isAged(requestClass, now);
    return isFree ? 0 : RESERVE;
  }

  /** `forToken`: it had to wait for one. */
  #grant(active: Active, requestClass: RequestClass, forToken = false): Grant {
    const now = this.#now;
    active.bucket.force(now);
    if (isBackground(requestClass)) active.background.force(now);
    this.#granted += 1;
    this.#sample();
    const { era } = active.rate;
    let isOver = false;
    const open = { at: now };
    this.#open.add(open);
    return {
      end: (signal, answer) => {
        if (isOver) return;
        isOver = true;
        this.#open.delete(open);
        if (this.#active === active) this.#note(active, { era, forToken }, signal, answer);
      },
      giveBack: () => {
        if (isOver) return;
        isOver = true;
        this.#open.delete(open);
        if (this.#active !== active) return;
        active.bucket.giveBack(this.#now);
        this.#drain();
      },
    };
  }

  #note(
    active: Active,
    { era, forToken }: { readonly era: number; readonly forToken: boolean },
    signal: RateSignal,
    answer: Answer | undefined,
  ): void {
    const now = this.#now;
    switch (signal) {
      case 'nothing':
        return;
      case 'failed':
        this.#answers += 1;
        this.#failures += 1;
        return;
      case 'refused':
        this.#signAt = now;
        this.#refusedInARow += 1;
        this.#onRefused(active, era, now);
        return;
      case 'answered':
        this.#answers += 1;
        if (this.#isVain(now)) active.rate.noteRecovered();
        this.#answeredAt = now;
        this.#refusedInARow = 0;
        if (answer !== undefined && era === active.rate.era) this.#watch.note(answer);
        // Who asks for one thing after another never waits while an answer comes.
        active.rate.noteAnswered(
          now,
          !this.#isSlow(active, era, now) && (forToken || this.#isLimiting(active, now)),
        );
        this.#applyRate(active);
    }
  }

  #onRefused(active: Active, era: number, now: number): void {
    const isFirst = active.rate.era === 0;
    const isLowered = active.rate.noteRefused(now, era);
    if (isLowered) this.#onLowered(active);
    if (isLowered && isFirst) active.bucket.hold(now + FIRST_HOLD_MS, now);
    this.#reconsider(active, now);
    this.#plan();
  }

  /** Requests wait, and for a token: others wait for a place. */
  #isLimiting(active: Active, now: number): boolean {
    if (this.#queue.size === 0) return false;
    const nextMs = this.#nextMs(active, now);
    return nextMs > 0 && nextMs < Infinity;
  }

  /** Whether latency leaves no head-room; too much of it lowers the rate. */
  #isSlow(active: Active, era: number, now: number): boolean {
    const { slowdown } = this.#watch;
    if (now < this.#deafUntil) return false;
    if (slowdown === undefined) return this.#wasSlow;
    if (slowdown <= SLOWDOWN) {
      this.#wasSlow = false;
      this.#vain = { count: 0, slowdown: 0 };
      return slowdown > SLOWDOWN_NOTED;
    }
    if (era !== active.rate.era || this.#isDeaf(slowdown, now)) return true;
    this.#wasSlow = true;
    // Where nobody waits for the rate it is not yet what was tried.
    if (this.#lower(active, era, now, depthOf(slowdown)) && this.#queue.size > 0) this.#vain.count += 1;
    return true;
  }

  /** The rate was lowered time and again, and nothing became faster. */
  #isDeaf(slowdown: number, now: number): boolean {
    if (this.#vain.count === 0) this.#vain.slowdown = slowdown;
    if (this.#vain.count < VAIN_DECREASES) return false;
    const isVain = slowdown > this.#vain.slowdown * VAIN_RATIO;
    this.#vain = { count: 0, slowdown: 0 };
    if (isVain) this.#deafUntil = now + DEAF_MS;
    if (isVain) this.#wasSlow = false;
    return isVain;
  }

  #lower(active: Active, era: number, now: number, ratio = MAX_DEPTH): boolean {
    this.#signAt = now;
    if (!active.rate.noteOverload(now, era, ratio)) return false;
    this.#onLowered(active);
    return true;
  }

  #onLowered(active: Active): void {
    this.#watch.restart();
    this.#applyRate(active);
  }

  #applyRate({ rate, bucket, background, share }: Active): void {
    const now = this.#now;
    if (Math.abs(rate.value / bucket.rate - 1) > 1e-6) bucket.setRate(rate.value, now);
    const ours = rate.value * share.value;
    if (Math.abs(ours / background.rate - 1) > 1e-6) background.setRate(ours, now);
  }

  /** Looks at processor and errors every five seconds, while there are requests; and whether it is needed any more. */
  #sample(): void {
    this.#sampling ??= this.#deps.clock.setTimer(SAMPLE_MS, () => this.#onSample(), { unref: true });
  }

  #onSample(): void {
    this.#sampling = undefined;
    const active = this.#active;
    if (active === undefined) return;
    const now = this.#now;
    const ratio = this.#deps.cpuRatio();
    if (ratio !== undefined) active.share.sample(ratio);
    if (this.#answers >= ENOUGH_ANSWERS && this.#failures > this.#answers * ERROR_RATIO)
      this.#lower(active, active.rate.era, now);
    this.#answers = 0;
    this.#failures = 0;
    const isNeeded = this.#max !== undefined || now - this.#signAt < OFF_AFTER_MS || this.#queue.size > 0;
    if (!isNeeded) {
      this.#stop();
      return;
    }
    this.#applyRate(active);
    this.#drain();
    // Nobody asks for anything: the next request begins it again. Where no maximum is set it goes on, to be off in the end.
    if (this.#granted > 0 || this.#queue.size > 0 || this.#max === undefined) this.#sample();
    this.#granted = 0;
  }

  #drain(): void {
    const active = this.#active;
    if (active === undefined) return;
    const before = this.#queue.size;
    while (this.#queue.size > 0 && this.#active === active) {
      const waiter: Waiter | undefined = this.#queue.take(this.#now, (one) => this.#may(active, one));
      if (waiter === undefined) break;
      this.#waiters.delete(waiter);
      waiter.applicant.granted(this.#grant(active, waiter.applicant.requestClass, waiter.forToken));
    }
    if (before > 0 && this.#queue.size === 0) this.#deps.onChange();
    this.#plan();
  }

  /** Wakes when the next one of those who wait can go; who waits for a place is woken by that. */
  #plan(): void {
    const active = this.#active;
    const now = this.#now;
    const at = active === undefined || this.#queue.size === 0 ? Infinity : now + this.#nextMs(active, now);
    if (this.#wake !== undefined && Math.abs(this.#wake.at - at) < 0.5) return;
    this.#wake?.timer.dispose();
    this.#wake = undefined;
    if (!Number.isFinite(at)) return;
    const timer = this.#deps.clock.setTimer(Math.max(0, at - now), () => {
      this.#wake = undefined;
      this.#drain();
    });
    this.#wake = { at, timer };
  }

  #nextMs({ bucket, background }: Active, now: number): number {
    const queue = this.#queue;
    let ms = Infinity;
    if (queue.sizeOf('high') > 0 || (queue.sizeOf('critical') > 0 && this.#deps.hasRoom()))
      ms = bucket.msUntil(now);
    for (const requestClass of ['normal', 'low'] as const) {
      if (queue.sizeOf(requestClass) === 0) continue;
      const reserve = this.#reserve(requestClass, now);
      ms = Math.min(ms, Math.max(bucket.msUntil(now, reserve), background.msUntil(now)));
    }
    return ms;
  }
}

/** The longer the line at the server, the further the rate goes below what it does, so that the line becomes shorter. */
function depthOf(slowdown: number): number {
  return Math.max(MIN_DEPTH, MAX_DEPTH - (slowdown - SLOWDOWN) * DEPTH_STEP);
}

const untold: Grant = { end: () => undefined, giveBack: () => undefined };
