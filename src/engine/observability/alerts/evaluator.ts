import type { AlertRuleId } from '../../../shared/settings/alertSettings.ts';
import { nextChangeAt, step, untroubled, type AlertState } from './alertState.ts';
import type { AlertRule } from './rules.ts';

/** One look at what a rule measures. */
export interface AlertReading {
  readonly rule: AlertRule;
  /** Absent for the engine as a whole. */
  readonly server?: string;
  /** Which of several of the same rule and server: the name of a watched value. */
  readonly subject?: string;
  /** `undefined`: it says nothing now. */
  readonly value: number | undefined;
}

/** An alert that fires and is not the consequence of another. */
export interface FiringAlert {
  readonly rule: AlertRule;
  readonly server: string | undefined;
  readonly subject: string | undefined;
  readonly value: number | undefined;
  /** Wall-clock milliseconds when it was raised; of a flapping one, when that began. */
  readonly since: number;
  /** How often it was raised since then. */
  readonly count: number;
  readonly isFlapping: boolean;
}

export interface AlertChange {
  readonly to: 'firing' | 'resolved';
  readonly alert: FiringAlert;
}

interface Instance {
  reading: AlertReading;
  state: AlertState;
  /** Wall-clock minus monotonic time when it was raised. */
  wallOffset: number;
  isAftermath: boolean;
  /** What was told of it, until it is over. */
  told: FiringAlert | undefined;
}

/**
 * Which alerts fire, from what was measured: pure but for what it remembers of each alert. Everything about time is in the calls, so that a test, or
 * a replay, sees exactly what happened.
 */
export class AlertEvaluator {
  readonly #instances = new Map<string, Instance>();
  #firing: readonly FiringAlert[] = [];

  /** What fires, the worst first; nothing that is inhibited. */
  get firing(): readonly FiringAlert[] {
    return this.#firing;
  }

  /** When something may change though nothing is measured anew; `undefined`: never. */
  get nextChangeAt(): number | undefined {
    let next: number | undefined;
    for (const { state, reading } of this.#instances.values()) {
      const at = nextChangeAt(state, reading.rule);
      if (at !== undefined && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  /** Looks at everything that is measured. What is not among the readings is not watched any more, and so over. */
  evaluate(readings: readonly AlertReading[], now: number, wallNow: number): readonly AlertChange[] {
    const seen = new Set<string>();
    for (const reading of readings) {
      const key = keyOf(reading.rule.id, reading.server, reading.subject);
      seen.add(key);
      this.#look(key, reading, now, wallNow);
    }
    const changes: AlertChange[] = [];
    for (const [key, { told }] of this.#instances) {
      if (seen.has(key)) continue;
      this.#instances.delete(key);
      if (told !== undefined) changes.push({ to: 'resolved', alert: told });
    }
    changes.push(...this.#tell());
    return changes;
  }

  /**
   * A person has brought the server back: what was counted before says nothing of the fresh start. What is still the case is raised again with the
   * next look.
   */
  forget(server: string): void {
    for (const instance of this.#instances.values())
      if (instance.reading.server === server) instance.state = withoutPast(instance.state);
  }

  #look(key: string, reading: AlertReading, now: number, wallNow: number): void {
    const known = this.#instances.get(key);
    const before = known?.state ?? untroubled;
    const state = step(before, reading.rule, reading.value, now);
    if (known === undefined) {
      // A server that is well needs no memory.
      if (state === untroubled) return;
      const wallOffset = wallNow - now;
      this.#instances.set(key, { reading, state, wallOffset, isAftermath: false, told: undefined });
      return;
    }
    if (state.phase.kind === 'firing' && before.phase.kind !== 'firing') known.wallOffset = wallNow - now;
    // A value that is not known now is what it was.
    known.reading = reading.value === undefined ? { ...reading, value: known.reading.value } : reading;
    known.state = state;
  }

  #tell(): AlertChange[] {
    const changes: AlertChange[] = [];
    const firing: FiringAlert[] = [];
    const firingRules = this.#firingRules();
    for (const [key, instance] of this.#instances) {
      const { state, reading, told } = instance;
      if (state.phase.kind === 'inactive') {
        instance.isAftermath = false;
        instance.told = undefined;
        if (told !== undefined) changes.push({ to: 'resolved', alert: told });
        if (state.raises.length === 0) this.#instances.delete(key);
        continue;
      }
      const isConsequence = this.#isConsequence(instance, firingRules);
      if (state.phase.kind === 'pending' || isConsequence) continue;
      const { rule, server, subject, value } = reading;
      const { count, isFlapping } = state.phase;
      const since = state.phase.since + instance.wallOffset;
      const alert = { rule, server, subject, value, since, count, isFlapping };
      firing.push(alert);
      if (told === undefined) changes.push({ to: 'firing', alert });
      instance.told = alert;
    }
    this.#firing = firing.sort((a, b) => rank(a) - rank(b));
    return changes;
  }

  /** The rules that fire, by server, and under `undefined` those that fire for any. */
  #firingRules(): ReadonlyMap<string | undefined, ReadonlySet<AlertRuleId>> {
    const rules = new Map<string | undefined, Set<AlertRuleId>>();
    for (const { state, reading } of this.#instances.values()) {
      if (state.phase.kind !== 'firing') continue;
      for (const server of new Set([reading.server, undefined])) {
        const known = rules.get(server);
        if (known === undefined) rules.set(server, new Set([reading.rule.id]));
        else known.add(reading.rule.id);
      }
    }
    return rules;
  }

  #isConsequence(
    instance: Instance,
    firing: ReadonlyMap<string | undefined, ReadonlySet<AlertRuleId>>,
  ): boolean {
    const { rule, server } = instance.reading;
    const any = firing.get(undefined);
    instance.isAftermath ||= rule.isAftermathOf?.some((id) => any?.has(id) === true) === true;
    if (instance.isAftermath) return true;
    const own = firing.get(server);
    return rule.inhibitedBy.some((id) => own?.has(id) === true);
  }
}

const keyOf = (rule: AlertRuleId, server = '', subject = ''): string => `${rule}\0${server}\0${subject}`;
const rank = ({ rule }: FiringAlert): number => (rule.severity === 'error' ? 0 : 1);

function withoutPast(state: AlertState): AlertState {
  const { phase } = state;
  if (phase.kind !== 'firing') return { ...state, raises: [] };
  // It flaps no more, and is over as soon as it is well.
  return { phase: { ...phase, isFlapping: false, count: 1, wellSince: undefined }, raises: [] };
}
