import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import {
  MAX_ALERTS,
  type AlertSnapshot,
  type ServerSnapshot,
  type Snapshot,
} from '../../../shared/model/snapshot.ts';
import { Fault } from '../../../shared/model/fault.ts';
import type { AlertSettings } from '../../../shared/settings/alertSettings.ts';
import type { Observation, ObservedCall, Observer } from '../observations.ts';
import type { AlertHook } from './alertHook.ts';
import { AlertEvaluator, type AlertReading, type FiringAlert } from './evaluator.ts';
import { isBreakerOpen, isIn, ServerCounts, type MeasuredServer } from './measures.ts';
import { rulesOf, type AlertRule } from './rules.ts';
import { alertSentence } from './sentences.ts';

/** At most one look at the rules in this time; the first after a quiet time comes at once. */
const INTERVAL_MS = 1_000;
/** Watched values beyond their thresholds at a time. */
const MAX_WATCHED = 1_000;
const MAX_SUBJECT = 256;

export interface AlertDeskDeps {
  readonly clock: Clock;
  readonly servers: () => readonly MeasuredServer[];
  /** Of a server, or of the engine. */
  readonly settings: (server?: string) => AlertSettings;
  readonly engine: () => Snapshot['engine'];
  /** Takes secrets out of what is told (requirements R14.4). */
  readonly redact: (text: string) => string;
  /** What fires is not what it was. */
  readonly onChange: () => void;
  /** An alert begins to fire, or is over; `sentence` as in the snapshot. */
  readonly tell: (change: Extract<Observation, { kind: 'alert' }>) => void;
}

/**
 * The alerts of an engine (requirements R11.3). Counts what is told of calls, and looks at the rules when something has changed; a quiet engine does nothing.
 */
export class AlertDesk implements Observer, AlertHook, Disposable {
  readonly #deps: AlertDeskDeps;
  readonly #evaluator = new AlertEvaluator();
  readonly #counts = new Map<string, ServerCounts>();
  /** By server and subject. */
  readonly #watched = new Map<
    string,
    { server: string; subject: string; sentence: string; isBeyond: boolean }
  >();
  readonly #rules = new WeakMap<AlertSettings, ReadonlyMap<string, AlertRule>>();
  #phi: number | undefined;
  #timer: Disposable | undefined;
  #timerAt = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #isDisposed = false;
  #shown = '[]';

  constructor(deps: AlertDeskDeps) {
    this.#deps = deps;
  }

  onCall(call: ObservedCall): void {
    if (call.attempts === 0) return;
    const counts = this.#counts.get(call.server);
    if (counts === undefined) return;
    counts.calls += 1;
    if (call.attempts > 1) counts.retriedCalls += 1;
  }

  onEvent(event: Observation): void {
    if (event.kind === 'retry') {
      const counts = this.#counts.get(event.server);
      if (counts !== undefined && new Fault(event.after, '').traits.endsLaunch === true)
        counts.retriesAfterLoss += 1;
    } else if (event.kind === 'recovery' && event.outcome === 'recovered') {
      this.#counts.get(event.server)?.forget();
      this.#evaluator.forget(event.server);
    }
    if (event.kind !== 'alert') this.touch();
  }

  /** Something that a rule looks at may have changed. */
  touch(): void {
    // With every call while there are many: no look at the clock for those.
    if (this.#timer !== undefined && this.#timerAt <= this.#lastAt + INTERVAL_MS) return;
    this.#lookAt(Math.max(this.#deps.clock.now(), this.#lastAt + INTERVAL_MS));
  }

  raiseWatched(server: string, subject: string, sentence: string): void {
    const key = `${server}\0${subject}`;
    if (!this.#watched.has(key) && this.#watched.size >= MAX_WATCHED) return;
    this.#watched.set(key, { server, subject: subject.slice(0, MAX_SUBJECT), sentence, isBeyond: true });
    this.touch();
  }

  clearWatched(server: string, subject: string): void {
    const watched = this.#watched.get(`${server}\0${subject}`);
    if (watched === undefined) return;
    watched.isBeyond = false;
    this.touch();
  }

  reportContinuity(phi: number | undefined): void {
    if (phi === this.#phi) return;
    this.#phi = phi;
    this.touch();
  }

  /** What fires, for a snapshot of these servers; the worst first. */
  snapshot(servers: readonly ServerSnapshot[], engine: Snapshot['engine']): AlertSnapshot[] {
    const known = new Map(servers.map((server) => [server.id, server]));
    return this.#evaluator.firing.slice(0, MAX_ALERTS).map((alert): AlertSnapshot => {
      const { rule, server, subject, value, since, count, isFlapping } = alert;
      const isCounted = rule.windowMs !== undefined || rule.id === 'continuity';
      return {
        rule: rule.id,
        ...(server === undefined ? {} : { server }),
        ...(subject === undefined ? {} : { subject: this.#deps.redact(subject).slice(0, MAX_SUBJECT) }),
        severity: rule.severity,
        sentence: this.#sentence(alert, server === undefined ? undefined : known.get(server), engine),
        since,
        count,
        isFlapping,
        ...(isCounted && value !== undefined ? { value, threshold: rule.threshold } : {}),
        ...(rule.windowMs === undefined ? {} : { windowMs: rule.windowMs }),
      };
    });
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#timer?.dispose();
  }

  #sentence(alert: FiringAlert, server: ServerSnapshot | undefined, engine: Snapshot['engine']): string {
    const watched = this.#watched.get(`${alert.server ?? ''}\0${alert.subject ?? ''}`)?.sentence;
    return this.#deps.redact(alertSentence(alert, { server, engine, watched })).slice(0, 4_000);
  }

  #lookAt(at: number): void {
    if (this.#isDisposed || (this.#timer !== undefined && this.#timerAt <= at)) return;
    this.#timer?.dispose();
    this.#timerAt = at;
    this.#timer = this.#deps.clock.setTimer(at - this.#deps.clock.now(), () => this.#look(), { unref: true });
  }

  #look(): void {
    const { clock, onChange, tell, engine } = this.#deps;
    this.#timer = undefined;
    const now = clock.now();
    this.#lastAt = now;
    const changes = this.#evaluator.evaluate(this.#readings(now), now, clock.wallNow());
    for (const { to, alert } of changes) {
      tell({
        kind: 'alert',
        rule: alert.rule.id,
        ...(alert.server === undefined ? {} : { server: alert.server }),
        ...(alert.subject === undefined ? {} : { subject: alert.subject }),
        severity: alert.rule.severity,
        to,
        sentence: this.#sentence(alert, undefined, engine()),
      });
    }
    for (const [key, { isBeyond }] of this.#watched) if (!isBeyond) this.#watched.delete(key);
    const { firing, nextChangeAt } = this.#evaluator;
    const shown = JSON.stringify(firing);
    if (shown !== this.#shown) {
      this.#shown = shown;
      onChange();
    }
    const next = [nextChangeAt, firing.length === 0 ? undefined : this.#nextFall()].flatMap((at) => at ?? []);
    if (next.length > 0) this.#lookAt(Math.max(now + INTERVAL_MS, Math.min(...next)));
  }

  /** When a count of what fires may fall. */
  #nextFall(): number | undefined {
    const counted = this.#evaluator.firing.filter(({ rule }) => rule.windowMs !== undefined);
    const times = counted.flatMap(({ server }) => this.#counts.get(server ?? '')?.nextChangeAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #readings(now: number): AlertReading[] {
    const servers = this.#deps.servers();
    const readings = servers.flatMap((server) => this.#serverReadings(server, now));
    if (this.#counts.size > servers.length) {
      const present = new Set(servers.map(({ name }) => name));
      for (const name of this.#counts.keys()) if (!present.has(name)) this.#counts.delete(name);
    }
    for (const { server, subject, isBeyond } of this.#watched.values()) {
      const rule = this.#rulesFor(server).get('watchedValue');
      if (rule !== undefined) readings.push({ rule, server, subject, value: isBeyond ? 1 : 0 });
    }
    return [...readings, ...this.#engineReadings()];
  }

  #serverReadings(server: MeasuredServer, now: number): AlertReading[] {
    const { name, state } = server;
    const settings = this.#deps.settings(name);
    const counts = this.#countsOf(server, settings);
    counts.look(server.brokenPipes, now);
    const values = {
      crashLoop: isIn(state, 'crashLoop'),
      needsSignIn: isIn(state, 'needsSignIn'),
      breakerOpen: isBreakerOpen(server),
      brokenPipes: counts.brokenPipes(now),
      retryRate: counts.retryRate(now, settings.retryRate.minimumCalls),
    };
    return this.#readingsOf(values, settings, name);
  }

  #engineReadings(): AlertReading[] {
    const { audit, journalReliable } = this.#deps.engine();
    const values = {
      continuity: this.#phi,
      auditTrail: audit?.degraded === undefined ? 0 : 1,
      journal: journalReliable ? 0 : 1,
    };
    return this.#readingsOf(values, this.#deps.settings());
  }

  #readingsOf(
    values: Readonly<Record<string, number | undefined>>,
    settings: AlertSettings,
    server?: string,
  ): AlertReading[] {
    const rules = this.#rulesIn(settings);
    return Object.entries(values).flatMap(([id, value]) => {
      const rule = rules.get(id);
      return rule === undefined ? [] : [{ rule, value, ...(server === undefined ? {} : { server }) }];
    });
  }

  #rulesFor(server: string): ReadonlyMap<string, AlertRule> {
    return this.#rulesIn(this.#deps.settings(server));
  }

  #rulesIn(settings: AlertSettings): ReadonlyMap<string, AlertRule> {
    let rules = this.#rules.get(settings);
    if (rules === undefined) {
      rules = new Map(rulesOf(settings).map((rule) => [rule.id, rule]));
      this.#rules.set(settings, rules);
    }
    return rules;
  }

  #countsOf(server: MeasuredServer, { brokenPipes, retryRate }: AlertSettings): ServerCounts {
    const windows = { brokenPipesMs: brokenPipes.window * 1_000, retryRateMs: retryRate.window * 1_000 };
    const known = this.#counts.get(server.name);
    if (known?.isFor(windows) === true) return known;
    // Other windows begin empty.
    const counts = new ServerCounts(windows, known === undefined ? 0 : server.brokenPipes);
    this.#counts.set(server.name, counts);
    return counts;
  }
}
