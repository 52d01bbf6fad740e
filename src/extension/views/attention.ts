import type { HealthView, ServerView } from '../health/healthView.ts';
import { counted } from '../figures.ts';
import type { Translate } from '../translate.ts';

export interface Badge {
  readonly count: number;
  /** Also what a screen reader says. */
  readonly tooltip: string;
}

const MAX_NAMES = 5;

/** Not as it should be: down, in doubt, less than it was, waiting for a person, or without a usable entry. What a person has taken out of use is as it should be. */
export function needsAttention({ health, snapshot }: ServerView): boolean {
  switch (health) {
    case 'failed':
    case 'recovering':
    case 'unsure':
    case 'degraded':
    case 'invalid':
      return true;
    case 'waiting':
      return snapshot?.state === 'needsSignIn';
    default:
      return false;
  }
}

/** How many alerts come and go just now: where each time a notification would be one too many. */
export function flappingCount({ alerts }: HealthView): number {
  return alerts.filter(({ isFlapping }) => isFlapping).length;
}

/** The view's badge: servers that need attention, and those whose alerts come and go (requirements R11.3). `undefined` when all is well. */
export function badgeOf(view: HealthView, t: Translate): Badge | undefined {
  const names = view.servers.filter(needsAttention).map(({ name }) => name);
  const flapping = view.alerts.filter(({ isFlapping }) => isFlapping);
  // An alert of a server that is counted is no second thing to look at.
  const others = flapping.filter(({ server }) => server === undefined || !names.includes(server));
  const known = new Set(others.map(({ server, rule }) => server ?? `\0${rule}`));
  const count = names.length + known.size;
  if (count === 0) return undefined;
  const sentences: string[] = [];
  if (names.length > 0)
    sentences.push(
      counted(
        t,
        names.length,
        'One server needs attention: {1}',
        '{0} servers need attention: {1}',
        listOf(names, t),
      ),
    );
  if (flapping.length > 0)
    sentences.push(counted(t, flapping.length, 'One alert comes and goes', '{0} alerts come and go'));
  return { count, tooltip: sentences.join('. ') };
}

function listOf(names: readonly string[], t: Translate): string {
  const shown = names.slice(0, MAX_NAMES).join(', ');
  return names.length > MAX_NAMES ? t('{0} and {1} more', shown, names.length - MAX_NAMES) : shown;
}
