import { counted } from '../figures.ts';
import { countServers, type HealthCounts, type HealthView, type ServerHealth } from '../health/healthView.ts';
import { conditionCount, fineWords, problemWords, shortName, troubleWords } from '../health/words.ts';
import type { Translate } from '../translate.ts';
import { statusTooltip } from './statusTooltip.ts';

/** What the status bar item shows. */
export interface StatusContent {
  readonly text: string;
  readonly severity: 'normal' | 'warning' | 'error';
  /** Markdown with icons and command links. */
  readonly tooltip: string;
  /** Spoken: the same, without icons. */
  readonly label: string;
}

/** The whole window's health. */
export interface Headline {
  /** A codicon's name. */
  readonly icon: string;
  readonly severity: StatusContent['severity'];
  readonly sentence: string;
  /** Whether a count of servers says anything now. */
  readonly showCount: boolean;
}

const MAX_SENTENCE_NAMES = 3;

export function statusContent(view: HealthView, t: Translate): StatusContent {
  const counts = countServers(view);
  const headline = headlineOf(view, counts, t);
  const text = ['$(' + headline.icon + ')', 'MCP'];
  if (headline.showCount) text.push(`${counts.fine}/${counts.enabled}`);
  // A setting that was not usable, or a trail that is not written, costs nothing that works, so it is a sign beside the count and no alarm.
  const hasSign = view.problems.length + view.troubles.length > 0;
  if (hasSign && headline.severity === 'normal') text.push('$(warning)');
  const label = [t('MCP Lifeline: {0}', headline.sentence)];
  const count = headline.showCount && counts.fine < counts.enabled ? fineWords(counts, t) : undefined;
  // Whoever does not see the number beside the icon hears it.
  if (count !== undefined) label.push(`${count}.`);
  if (view.problems.length > 0) label.push(problemWords(view, t));
  label.push(...view.troubles.map((trouble) => troubleWords(trouble, t)));
  return {
    text: text.join(' '),
    severity: headline.severity,
    tooltip: statusTooltip(view, { sentence: headline.sentence, count }, t),
    label: label.join(' '),
  };
}

/** The whole window's health in one sentence. */
export function healthSentence(view: HealthView, t: Translate): string {
  return healthHeadline(view, t).sentence;
}

/** The same with its icon and weight. */
export function healthHeadline(view: HealthView, t: Translate): Headline {
  return headlineOf(view, countServers(view), t);
}

function headlineOf(view: HealthView, counts: HealthCounts, t: Translate): Headline {
  const quiet = (icon: string, sentence: string, showCount = false): Headline => ({
    icon,
    severity: 'normal',
    sentence,
    showCount,
  });
  if (!view.trusted) {
    return quiet('shield', t('Restricted Mode. VS Code starts no servers until this workspace is trusted.'));
  }
  switch (view.engine.kind) {
    case 'starting':
      return quiet('sync~spin', t('The engine is starting…'));
    case 'stopped':
      return quiet('circle-slash', t('The engine is stopped.'));
    case 'recovering':
      return {
        icon: 'sync~spin',
        severity: 'warning',
        sentence: t('Recovering: the engine is being restarted.'),
        showCount: false,
      };
    case 'running':
      break;
  }
  if (counts.enabled === 0) return quiet('pulse', t('No servers are configured.'));
  if (counts.failed + counts.down > 0) {
    const sentence = t('Failing: {0}.', namesOf(view, ['failed', 'down'], t));
    return { icon: 'error', severity: 'error', sentence, showCount: true };
  }
  if (counts.recovering > 0) {
    const sentence = t('Recovering: {0}.', namesOf(view, ['recovering'], t));
    return { icon: 'sync~spin', severity: 'warning', sentence, showCount: true };
  }
  if (counts.unsure > 0) {
    const sentence = t('Trouble answering: {0}.', namesOf(view, ['unsure'], t));
    return { icon: 'warning', severity: 'warning', sentence, showCount: true };
  }
  if (counts.degraded > 0) {
    const sentence = t('Working, but not as before: {0}.', namesOf(view, ['degraded'], t));
    return { icon: 'warning', severity: 'warning', sentence, showCount: true };
  }
  if (counts.waiting > 0) {
    return quiet('debug-pause', t('Waiting for you: {0}.', namesOf(view, ['waiting'], t)), true);
  }
  if (counts.busy + counts.unknown > 0) {
    return quiet('sync~spin', t('Starting: {0}.', namesOf(view, ['busy', 'unknown'], t)), true);
  }
  if (counts.working > 0) return quiet('pulse', t('Busy: {0}.', namesOf(view, ['working'], t)), true);
  return quiet('pulse', calmSentence(view, counts, t), true);
}

function calmSentence(view: HealthView, { enabled }: HealthCounts, t: Translate): string {
  const idle = view.servers.filter(({ health }) => health === 'idle').length;
  if (idle === enabled) return counted(t, enabled, 'The server is idle.', 'All {0} servers are idle.');
  if (idle === 0) return counted(t, enabled, 'The server is healthy.', 'All {0} servers are healthy.');
  return t('{0}, {1}.', conditionCount('healthy', enabled - idle, t), conditionCount('idle', idle, t));
}

/** The names that a sentence can hold; a count stands for the rest. */
function namesOf(view: HealthView, healths: readonly ServerHealth[], t: Translate): string {
  const names = view.servers
    .filter(({ health }) => healths.includes(health))
    .map(({ name }) => shortName(name));
  const shown = names.slice(0, MAX_SENTENCE_NAMES);
  const left = names.length - shown.length;
  return left === 0 ? shown.join(', ') : t('{0} and {1} more', shown.join(', '), left);
}
