import type { ContinuityFigure, ContinuitySpan } from '../../shared/model/continuity.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';
import {
  cardActions,
  type CardAction,
  type CardFact,
  type CardRecovery,
  type DashboardCard,
  type DashboardModel,
  type DashboardNotice,
  type Phrase,
  type Tone,
} from '../../shared/protocol/dashboardMessages.ts';
import {
  actionTitle,
  causeSentence,
  degradedBeside,
  degradedSentence,
  offeredActions,
  poolWords,
  queueWords,
  rateWords,
} from '../health/conditions.ts';
import {
  canRun,
  countServers,
  isWell,
  type HealthView,
  type ServerHealth,
  type ServerView,
} from '../health/healthView.ts';
import {
  breakerWords,
  callWords,
  engineWords,
  fineWords,
  healthIcon,
  healthWords,
  problemWords,
  troubleWords,
  stateSentence,
} from '../health/words.ts';
import { counted, duration } from '../figures.ts';
import { healthHeadline } from '../status/statusContent.ts';
import { said, type Translate } from '../translate.ts';
import {
  continuityEntries,
  figureWords,
  firingAlerts,
  healthCounts,
  recoveryQueue,
} from './overviewModel.ts';
import { uptimeWords } from '../health/measureWords.ts';
import type { Recovery } from './recoveries.ts';

/** Longer texts of servers are cut; the log has them whole. */
const MAX_DETAIL = 300;
/** A restart is pointed out for this long. */
const RECENT_MS = 60_000;

export interface DashboardParts {
  readonly view: HealthView;
  /** The host's wall clock. */
  readonly now: number;
  readonly recoveryOf: (server: string) => Recovery | undefined;
  /** Wall-clock time of the last restart that was seen. */
  readonly restartedAt: (server: string) => number | undefined;
}

const toneOf: Record<ServerHealth, Tone> = {
  healthy: 'good',
  idle: 'neutral',
  busy: 'busy',
  working: 'busy',
  degraded: 'warning',
  unsure: 'warning',
  recovering: 'warning',
  down: 'error',
  failed: 'error',
  waiting: 'warning',
  unknown: 'muted',
  disabled: 'muted',
  invalid: 'warning',
};

const unwell: readonly ServerHealth[] = ['unsure', 'recovering', 'down', 'failed'];

/** Everything that the dashboard shows but its graphs, in words. */
export function buildDashboard(parts: DashboardParts, t: Translate): DashboardModel {
  const { view, now } = parts;
  const { icon, severity, sentence, showCount } = healthHeadline(view, t);
  const isAnyUnwell = view.servers.some(({ health }) => unwell.includes(health));
  return {
    now,
    icon,
    tone: severity === 'normal' ? 'neutral' : severity,
    sentence,
    count: showCount ? fineWords(countServers(view), t) : '',
    canRecoverAll: isAnyUnwell && view.engine.kind === 'running',
    counts: view.servers.length === 0 ? [] : healthCounts(view, (health) => toneOf[health], t),
    alerts: firingAlerts(view, t),
    queue: recoveryQueue(view, t),
    continuity: continuityEntries(view.continuity, t),
    notices: notices(view, t),
    names: view.servers.map(({ name }) => name),
    cards: view.servers.map((server) => card(server, parts, t)),
  };
}

function notices(view: HealthView, t: Translate): DashboardNotice[] {
  const all: DashboardNotice[] = [];
  if (!view.trusted) {
    all.push({
      key: 'trust',
      tone: 'warning',
      icon: 'shield',
      text: t('Restricted Mode. VS Code starts no servers until this workspace is trusted.'),
      action: { id: 'manageTrust', label: t('Manage Workspace Trust') },
    });
  }
  const engine = engineNotice(view, t);
  if (engine !== undefined) all.push(engine);
  for (const trouble of view.troubles) {
    const text = troubleWords(trouble, t);
    all.push({ key: trouble.kind, tone: 'warning', icon: 'warning', text });
  }
  if (view.servers.length === 0) {
    all.push({
      key: 'none',
      tone: 'neutral',
      icon: 'info',
      text: t('No MCP servers are configured.'),
      next: { text: t('Add the servers that you use to the setting {0}.', 'mcpLifeline.servers') },
      action: { id: 'openSettings', label: t('Open Settings') },
    });
  } else if (view.problems.length > 0) {
    all.push({
      key: 'problems',
      tone: 'warning',
      icon: 'warning',
      text: problemWords(view, t),
      next: { text: t('The Servers view names them.') },
      action: { id: 'openSettings', label: t('Open Settings') },
    });
  }
  return all;
}

/** That there is no engine, and what happens next. */
function engineNotice({ engine }: HealthView, t: Translate): DashboardNotice | undefined {
  const key = 'engine';
  switch (engine.kind) {
    case 'running':
      return undefined;
    case 'starting':
      return {
        key,
        tone: 'busy',
        icon: 'sync~spin',
        text: engineWords(engine, t),
        next: { text: t('The servers are shown as soon as it runs.') },
      };
    case 'stopped':
      return {
        key,
        tone: 'warning',
        icon: 'circle-slash',
        text: engineWords(engine, t),
        next: { text: t('The servers are shown as soon as it runs.') },
        action: { id: 'startEngine', label: t('Try Now') },
      };
    case 'recovering':
      return {
        key,
        tone: 'warning',
        icon: 'sync~spin',
        text: t('The engine is being restarted: {0}.', engine.reason),
        ...(engine.retryAt === undefined
          ? { next: { text: t('The servers are shown as soon as it runs.') } }
          : {
              next: { text: t('The next try is {0}.', '{0}'), at: engine.retryAt },
              action: { id: 'startEngine', label: t('Try Now') },
            }),
      };
  }
}

function card(server: ServerView, parts: DashboardParts, t: Translate): DashboardCard {
  const { name, health, snapshot } = server;
  const restartedAt = parts.restartedAt(name);
  // A server that is still down was not helped by it.
  const isBack = isWell(health) || health === 'unsure';
  const isRecent = isBack && restartedAt !== undefined && parts.now - restartedAt < RECENT_MS;
  const recovery = recoveryWords(parts.recoveryOf(name), t);
  return {
    name,
    tone: toneOf[health],
    icon: healthIcon(health).name,
    state: healthWords(server, t),
    ...(isRecent ? { recent: { text: t('restarted {0}', '{0}'), at: restartedAt } } : {}),
    sentence: snapshot === undefined ? '' : cut(stateSentence(snapshot, t)),
    facts: snapshot === undefined ? [] : facts(snapshot, restartedAt, t),
    ...(snapshot === undefined ? {} : { latency: latencyWords(snapshot, t) }),
    ...(recovery === undefined ? {} : { recovery }),
    offersRecovery: canRun(health),
    canRecover: canRun(health) && parts.view.engine.kind === 'running',
    actions: snapshot === undefined ? [] : actionsOf(name, snapshot, parts.view, t),
    isUnwell: unwell.includes(health),
  };
}

/** Only what is asked for now: to isolate a server is never urgent, and has its place in the tree and the palette. */
function actionsOf(
  name: string,
  snapshot: ServerSnapshot,
  { engine }: HealthView,
  t: Translate,
): CardAction[] {
  if (engine.kind !== 'running') return [];
  const offered = offeredActions(snapshot);
  const isTripped = snapshot.breaker.state === 'open' || snapshot.breaker.state === 'halfOpen';
  return cardActions
    .filter((id) => offered.includes(id) && (id !== 'resetBreaker' || isTripped))
    .map((id) => ({ id, label: actionTitle(id, t), spoken: `${actionTitle(id, t)}: ${name}` }));
}

/** What the newer parts of a snapshot add; each only where there is something to say. */
function conditionFacts(snapshot: ServerSnapshot, t: Translate): CardFact[] {
  const { diagnosis, busySince, endpoint } = snapshot;
  const degraded = degradedBeside(snapshot);
  const all: CardFact[] = [];
  const add = (key: string, label: string, phrase: Phrase, detail?: string): void => {
    all.push({ key, label, phrase, ...(detail === undefined ? {} : { detail }) });
  };
  if (diagnosis !== undefined)
    add('cause', t('Cause'), { text: '' }, causeSentence(diagnosis, t, MAX_DETAIL));
  if (degraded !== undefined)
    add('degraded', t('Not as before'), { text: '' }, cut(degradedSentence(degraded, t)));
  if (busySince !== undefined) add('busy', t('Busy since'), { text: '{0}', at: busySince });
  const queue = queueWords(snapshot, t);
  if (queue !== undefined) add('queue', t('Queue'), { text: queue });
  const rate = rateWords(snapshot, t);
  if (rate !== undefined) add('rate', t('Rate limit'), { text: rate });
  if (endpoint !== undefined) add('endpoint', t('Address in use'), { text: '' }, cut(endpoint));
  return all;
}

function facts(snapshot: ServerSnapshot, restartedAt: number | undefined, t: Translate): CardFact[] {
  const all: CardFact[] = [
    { key: 'since', label: t('Since'), phrase: { text: '{0}', at: snapshot.since } },
    ...conditionFacts(snapshot, t),
    { key: 'breaker', label: t('Breaker'), phrase: breakerPhrase(snapshot, t) },
    { key: 'calls', label: t('Calls'), phrase: { text: callWords(snapshot, t) } },
    { key: 'pool', label: t('Places'), phrase: { text: poolWords(snapshot, t) } },
    ...measuredFacts(snapshot, t),
  ];
  if (snapshot.nextAttemptAt !== undefined) {
    const phrase = { text: '{0}', at: snapshot.nextAttemptAt };
    all.splice(1, 0, { key: 'next', label: t('Next attempt'), phrase });
  }
  const { restarts } = snapshot.metrics;
  if (restarts > 0) {
    const phrase: Phrase =
      restartedAt === undefined
        ? { text: String(restarts) }
        : { text: t('{1}, the last {0}', '{0}', restarts), at: restartedAt };
    all.push({ key: 'restarts', label: t('Restarts'), phrase });
  }
  if (snapshot.lastError !== undefined) {
    const { at } = snapshot.lastError;
    const message = said(snapshot.lastError.message, t);
    const phrase = { text: '{0}', at };
    // The sentence of a server that fails quotes it already.
    const isSaid = stateSentence(snapshot, t).includes(message);
    all.push({ key: 'error', label: t('Last error'), phrase, ...(isSaid ? {} : { detail: cut(message) }) });
  }
  return all;
}

/** What was measured, and only where something was. */
function measuredFacts({ metrics, continuity }: ServerSnapshot, t: Translate): CardFact[] {
  const { uptime, cacheHits = 0, tokensSaved = 0 } = metrics;
  const all: CardFact[] = [];
  const add = (key: string, label: string, text: string): void => {
    all.push({ key, label, phrase: { text } });
  };
  if (uptime?.ratio !== undefined) add('uptime', t('Uptime'), uptimeWords(uptime.ratio, uptime.downMs, t));
  if (continuity !== undefined && Object.keys(continuityShown(continuity.recent)).length > 0)
    add('continuity', t('Continuity'), continuityShort(continuity.recent, t));
  if (cacheHits > 0) add('cache', t('Cache'), counted(t, cacheHits, 'one answer', '{0} answers'));
  if (tokensSaved > 0) add('tokens', t('Tokens saved'), String(tokensSaved));
  return all;
}

function continuityShown({
  phi,
  psi,
  sigma,
  deltaMs,
}: ContinuitySpan): Partial<Record<ContinuityFigure, string>> {
  return {
    ...(phi === undefined ? {} : { phi: 'Φ' }),
    ...(psi === undefined ? {} : { psi: 'Ψ' }),
    ...(sigma === undefined ? {} : { sigma: 'σ' }),
    ...(deltaMs === undefined ? {} : { deltaMs: 'Δ' }),
  };
}

/** The figures of one server that there are, by their symbols: the overview says what they mean. */
function continuityShort(recent: ContinuitySpan, t: Translate): string {
  return Object.entries(continuityShown(recent))
    .map(([key, symbol]) => `${symbol} ${figureWords(key as ContinuityFigure, recent, t)}`)
    .join(' · ');
}

/** As every view says it, but with a time that counts down. */
function breakerPhrase(snapshot: ServerSnapshot, t: Translate): Phrase {
  const { state, failures, retryAt } = snapshot.breaker;
  if (state !== 'open' || retryAt === undefined) return { text: breakerWords(snapshot, t) };
  const text = counted(
    t,
    failures,
    'open, one failure; tried again {1}',
    'open, {0} failures in a row; tried again {1}',
    '{0}',
  );
  return { text, at: retryAt };
}

/** Only answered calls have a latency. */
function latencyWords({ latency, metrics }: ServerSnapshot, t: Translate): string {
  if (latency !== undefined)
    return t('p50 {0}, p95 {1}', duration(latency.p50Ms, t), duration(latency.p95Ms, t));
  return metrics.total === 0 ? t('no calls yet') : t('no answered call yet');
}

function recoveryWords(recovery: Recovery | undefined, t: Translate): CardRecovery | undefined {
  switch (recovery?.kind) {
    case undefined:
      return undefined;
    case 'running':
      return { kind: 'running', text: recovery.mode === 'restart' ? t('Restarting…') : t('Recovering…') };
    case 'recovered':
      return { kind: 'succeeded', text: t('Recovered in {0}.', duration(recovery.durationMs, t)) };
    case 'failed':
      return { kind: 'failed', text: t('Not recovered. {0}', cut(said(recovery.message, t))) };
    case 'skipped':
      return { kind: 'skipped', text: t('Left alone. {0}', cut(said(recovery.message, t))) };
  }
}

function cut(text: string): string {
  return text.length <= MAX_DETAIL ? text : `${text.slice(0, MAX_DETAIL)}…`;
}
