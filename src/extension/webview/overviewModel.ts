import { assertNever } from '../../shared/base/assertNever.ts';
import type { ContinuityFigure, ContinuitySnapshot, ContinuitySpan } from '../../shared/model/continuity.ts';
import type {
  ContinuityEntry,
  DashboardAlert,
  HealthCount,
  QueueEntry,
  Tone,
} from '../../shared/protocol/dashboardMessages.ts';
import { attention, type HealthView, type ServerHealth } from '../health/healthView.ts';
import { conditionCount, healthIcon } from '../health/words.ts';
import { alertWords } from '../notifications/alertWords.ts';
import { counted, duration, localNumber, percentWords } from '../figures.ts';
import type { Translate } from '../translate.ts';

/** From the worst to what nobody needs to look at. */
const healthOrder: readonly ServerHealth[] = [
  ...attention,
  'busy',
  'working',
  'healthy',
  'idle',
  'unknown',
  'disabled',
];

/** How many servers are in which condition, the worst first. */
export function healthCounts(
  { servers }: HealthView,
  toneOf: (health: ServerHealth) => Tone,
  t: Translate,
): HealthCount[] {
  return healthOrder.flatMap((health) => {
    const count = servers.filter((server) => server.health === health).length;
    if (count === 0) return [];
    const { name: icon } = healthIcon(health);
    return [{ key: health, tone: toneOf(health), icon, text: conditionCount(health, count, t) }];
  });
}

export function firingAlerts(view: HealthView, t: Translate): DashboardAlert[] {
  return view.alerts.map((alert) => {
    const { rule, server, subject = '', severity, since, isFlapping, count } = alert;
    const snapshot = view.servers.find(({ name }) => name === server)?.snapshot;
    const words = alertWords(alert, snapshot, t);
    const named = server === undefined ? words : t('{0}: {1}', server, words);
    return {
      key: JSON.stringify([rule, server, subject]),
      tone: severity,
      text: isFlapping
        ? counted(
            t,
            count,
            '{1} It comes and goes, once by now.',
            '{1} It comes and goes, {0} times by now.',
            named,
          )
        : named,
      since: { text: '{0}', at: since },
    };
  });
}

/** Who is down, and when each is tried next; who is tried right now comes first. */
export function recoveryQueue({ servers, engine }: HealthView, t: Translate): QueueEntry[] {
  if (engine.kind !== 'running') return [];
  const queue = servers.flatMap(({ name, snapshot }) => {
    if (snapshot === undefined) return [];
    const { state, nextAttemptAt, breaker } = snapshot;
    if (state === 'recovering' || state === 'crashLoop' || state === 'broken') {
      const phrase =
        nextAttemptAt === undefined
          ? { text: t('is being started now') }
          : { text: t('next try {0}', '{0}'), at: nextAttemptAt };
      return [{ key: name, server: name, phrase, at: nextAttemptAt ?? 0 }];
    }
    if (breaker.state !== 'open' || breaker.retryAt === undefined) return [];
    const phrase = { text: t('calls are tried again {0}', '{0}'), at: breaker.retryAt };
    return [{ key: name, server: name, phrase, at: breaker.retryAt }];
  });
  return queue.sort((a, b) => a.at - b.at).map(({ key, server, phrase }) => ({ key, server, phrase }));
}

const figures: readonly ContinuityFigure[] = ['phi', 'psi', 'sigma', 'deltaMs'];

/** The four figures of the last hour; nothing while none could be measured yet. */
export function continuityEntries(
  continuity: ContinuitySnapshot | undefined,
  t: Translate,
): ContinuityEntry[] {
  if (continuity === undefined) return [];
  const { recent, life } = continuity;
  if (figures.every((key) => recent[key] === undefined && life[key] === undefined)) return [];
  return figures.map((key) => {
    const isMissed = recent.missed.includes(key);
    const whole = life[key] === undefined ? '' : t('{0} since the start', figureWords(key, life, t));
    return {
      key,
      symbol: { phi: 'Φ', psi: 'Ψ', sigma: 'σ', deltaMs: 'Δ' }[key],
      label: figureLabel(key, t),
      value: figureWords(key, recent, t),
      detail: isMissed ? t('{0}; misses its target of {1}', whole, targetWords(key, t)) : whole,
      isMissed,
    };
  });
}

/** docs/continuity.md. */
const targets: Readonly<Record<ContinuityFigure, number>> = {
  phi: 0.95,
  psi: 0.95,
  sigma: 0.9,
  deltaMs: 500,
};

function targetWords(key: ContinuityFigure, t: Translate): string {
  return key === 'deltaMs' ? duration(targets[key], t) : percentWords(targets[key], t);
}

function figureLabel(key: ContinuityFigure, t: Translate): string {
  switch (key) {
    case 'phi':
      return t('servers usable when wanted');
    case 'psi':
      return t('long calls completed');
    case 'sigma':
      return t('same offer after reconnects');
    case 'deltaMs':
      return t('lost to failures, per call');
    default:
      return assertNever(key);
  }
}

export function figureWords(key: ContinuityFigure, span: ContinuitySpan, t: Translate): string {
  const value = span[key];
  if (value === undefined) return t('no data');
  if (key === 'deltaMs')
    return `${localNumber(value < 10 ? Number(value.toFixed(1)) : Math.round(value), t)} ms`;
  return percentWords(value, t);
}
