import type { Clock } from '../../shared/base/clock.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { EngineLog } from './engineLog.ts';
import type { CallOutcome, Observation, ObservedCall, Observer } from './observations.ts';

/** Calls that were tried again and are not over; more are logged without their sum. */
const MAX_RETRIED = 1_000;
/** Connections that are down. */
const MAX_OUTAGES = 1_000;

type StateChange = Extract<Observation, { kind: 'state' }>;

interface Outage {
  readonly since: number;
  readonly fault: string;
  attempts: number;
}

/** What waits for a person, or for long, is worth a warning; what a person has asked for is not. */
const bad: ReadonlySet<ConnectionState> = new Set(['crashLoop', 'needsSignIn']);

/**
 * Writes every transition, retry and recovery to the log, each with its duration (requirements R11.4): codes, ids and numbers. Lines of one form are of one
 * kind, so that a crash loop is summarised although its numbers change.
 */
export class LogObserver implements Observer {
  readonly #log: EngineLog;
  readonly #clock: Clock;
  /** What a connection is called. Its key may be the session's id, which nobody else should know. */
  readonly #names = new Map<string, string>();
  #connections = 0;
  readonly #outages = new Map<string, Outage>();
  readonly #retried = new Map<string, { readonly firstAt: number; retries: number }>();
  readonly #breakers = new Map<string, { readonly state: string; readonly since: number }>();

  constructor(log: EngineLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  onEvent(event: Observation): void {
    switch (event.kind) {
      case 'state':
        this.#onState(event);
        return;
      case 'retry':
        this.#onRetry(event);
        return;
      case 'breaker':
        this.#onBreaker(event);
        return;
      case 'recovery':
        this.#log.write(
          event.outcome === 'failed' ? 'warn' : 'info',
          `force recovery: ${event.outcome} after ${ms(event.ms)}`,
          event.server,
        );
        return;
      case 'action':
        this.#log.write('info', actionText(event), event.server);
        return;
      // Told where they are decided.
      case 'alert':
      case 'relisted':
        return;
      case 'configuration':
        this.#log.write('debug', `settings taken over: ${event.servers.length} servers`);
    }
  }

  /** Calls that were tried again, and how it ended with them. */
  onCall(call: ObservedCall, outcome: CallOutcome): void {
    if (this.#retried.size === 0) return;
    const retried = this.#retried.get(call.callId);
    if (retried === undefined) return;
    this.#retried.delete(call.callId);
    const name = call.tool ?? call.method;
    const tookMs = ms(this.#clock.now() - retried.firstAt);
    this.#log.write(
      'info',
      `call ${call.callId} (${name}) ended with ${outcome} after ${retried.retries} retries, ${tookMs} after the first failure`,
      call.server,
      { kind: `retried ${name} ${outcome}`, label: `call ${name} retried: ${outcome}` },
    );
  }

  #onState(event: StateChange): void {
    const { server, connection, from, to, spentMs, pid, fault, why, attempt } = event;
    const details = [
      `after ${ms(spentMs)}`,
      ...(pid === undefined ? [] : [`pid ${pid}`]),
      ...(attempt === undefined
        ? []
        : [`next attempt in ${ms(attempt.inMs)}${attempt.failed > 0 ? `, ${attempt.failed} failed` : ''}`]),
      ...(event.isFresh === true ? ['a fresh start was asked for'] : []),
      this.#nameOf(connection),
    ];
    const because = fault === undefined ? '' : `: ${fault}: ${why ?? ''}`;
    const kind = `state ${from} ${to} ${fault ?? ''}`;
    const isShown = this.#log.write(
      fault !== undefined || bad.has(to) ? 'warn' : 'info',
      `${from} -> ${to} (${details.join(', ')})${because}`,
      server,
      { kind, label: `${from} -> ${to}${fault === undefined ? '' : `: ${fault}`}` },
    );
    this.#noteOutage(event);
    if (to === 'stopped') this.#names.delete(connection);
    // One that comes and goes is still in its loop.
    if (to === 'ready' && from === 'probing' && isShown) this.#log.over(server, kind);
  }

  #nameOf(connection: string): string {
    let name = this.#names.get(connection);
    if (name === undefined) {
      name = connection.startsWith('standby ') ? connection : `connection ${(this.#connections += 1)}`;
      this.#names.set(connection, name);
    }
    return name;
  }

  #noteOutage({ server, connection, to, fault }: StateChange): void {
    const outage = this.#outages.get(connection);
    if (outage === undefined) {
      if (fault !== undefined && this.#outages.size < MAX_OUTAGES)
        this.#outages.set(connection, { since: this.#clock.now(), fault, attempts: 0 });
      return;
    }
    if (to === 'connecting') outage.attempts += 1;
    if (to === 'stopped' || to === 'isolated' || to === 'idle' || to === 'ready')
      this.#outages.delete(connection);
    if (to !== 'ready') return;
    const lasted = ms(this.#clock.now() - outage.since);
    this.#log.write(
      'info',
      `recovered: the outage (${outage.fault}) lasted ${lasted}, ${outage.attempts} attempts (${this.#nameOf(connection)})`,
      server,
      { kind: `recovered ${outage.fault}`, label: `recovered from ${outage.fault}` },
    );
  }

  #onRetry({ server, callId, method, tool, retry, after, pauseMs }: Extract<Observation, { kind: 'retry' }>) {
    const retried = this.#retried.get(callId);
    if (retried !== undefined) retried.retries = retry;
    else if (this.#retried.size < MAX_RETRIED)
      this.#retried.set(callId, { firstAt: this.#clock.now(), retries: retry });
    const name = tool ?? method;
    this.#log.write(
      'info',
      `call ${callId} (${name}) is tried again after ${after}: retry ${retry}, in ${ms(pauseMs)}`,
      server,
      { kind: `retry ${name} ${after}`, label: `retry of ${name} after ${after}` },
    );
  }

  #onBreaker({ server, state }: Extract<Observation, { kind: 'breaker' }>): void {
    const now = this.#clock.now();
    const before = this.#breakers.get(server);
    this.#breakers.set(server, { state, since: now });
    const from = before?.state ?? 'closed';
    const after = before === undefined ? '' : ` (after ${ms(now - before.since)})`;
    const label = `breaker ${from} -> ${state}`;
    this.#log.write(state === 'open' ? 'warn' : 'info', `${label}${after}`, server, { kind: label, label });
  }
}

/** What is told for debugging alone: every call. Takes part only while somebody wants that. */
export class CallLogObserver implements Observer {
  readonly #log: EngineLog;
  readonly #clock: Clock;

  constructor(log: EngineLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  onCall(
    { callId, method, tool, startedAt, attempts, server, waitedMs }: ObservedCall,
    outcome: CallOutcome,
  ): void {
    const tookMs = ms(this.#clock.now() - startedAt);
    const waited = waitedMs >= 1 ? `, waited ${ms(waitedMs)}` : '';
    const text = `call ${callId} (${tool ?? method}) ${outcome} in ${tookMs}${waited}, attempts: ${attempts}`;
    this.#log.write('debug', text, server);
  }
}

function ms(value: number): string {
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ms`;
}

function actionText({ action, interruptCalls, done }: Extract<Observation, { kind: 'action' }>): string {
  const what = interruptCalls === true ? `${action} (calls may be ended)` : action;
  return `asked for by hand: ${what}${done === undefined ? '' : `, ${done ? 'done' : 'not done'}`}`;
}
