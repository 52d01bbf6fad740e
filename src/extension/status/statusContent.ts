import { commands } from '../../shared/contributions.ts';
import { countServers, type HealthCounts, type HealthView, type ServerView } from '../health/healthView.ts';
import { duration, engineWords, escapeMarkdown, healthIcon, healthWords } from '../health/words.ts';
import type { Translate } from '../translate.ts';

/** What the status bar item shows. */
export interface StatusContent {
  readonly text: string;
  readonly severity: 'normal' | 'warning' | 'error';
  /** Markdown with icons and command links. */
  readonly tooltip: string;
  /** Spoken: the same, without icons. */
  readonly label: string;
}

interface Headline {
  readonly icon: string;
  readonly severity: StatusContent['severity'];
  readonly sentence: string;
  readonly showCount: boolean;
}

const MAX_TOOLTIP_SERVERS = 20;

export function statusContent(view: HealthView, t: Translate): StatusContent {
  const counts = countServers(view);
  const headline = headlineOf(view, counts, t);
  const text = ['$(' + headline.icon + ')', 'MCP'];
  if (headline.showCount) text.push(`${counts.fine}/${counts.enabled}`);
  // A setting that was not usable costs nothing that works, so it is a sign beside the count and no alarm.
  if (view.problems.length > 0 && headline.severity === 'normal') text.push('$(warning)');
  const label = [t('MCP Lifeline: {0}', headline.sentence)];
  if (view.problems.length > 0) label.push(problemWords(view, t));
  return {
    text: text.join(' '),
    severity: headline.severity,
    tooltip: tooltipOf(view, headline.sentence, t),
    label: label.join(' '),
  };
}

/** The whole window's health in one sentence. */
export function healthSentence(view: HealthView, t: Translate): string {
  return headlineOf(view, countServers(view), t).sentence;
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
  if (counts.failed > 0) {
    return {
      icon: 'error',
      severity: 'error',
      sentence: t('{0} of {1} servers keep failing.', counts.failed, counts.enabled),
      showCount: true,
    };
  }
  if (counts.recovering > 0) {
    return {
      icon: 'sync~spin',
      severity: 'warning',
      sentence: t('Recovering: {0} of {1} servers are down.', counts.recovering, counts.enabled),
      showCount: true,
    };
  }
  return calmHeadline(view, counts, t);
}

function calmHeadline(view: HealthView, counts: HealthCounts, t: Translate): Headline {
  const normal = { severity: 'normal', showCount: true } as const;
  const unsure = view.servers.filter(({ health }) => health === 'unsure').length;
  if (unsure > 0) {
    return {
      icon: 'warning',
      severity: 'warning',
      sentence: t('{0} of {1} servers have trouble answering.', unsure, counts.enabled),
      showCount: true,
    };
  }
  if (counts.waiting > 0) {
    const sentence = t('{0} of {1} servers wait for you.', counts.waiting, counts.enabled);
    return { ...normal, icon: 'debug-pause', sentence };
  }
  if (counts.busy + counts.unknown > 0) {
    const sentence = t('{0} of {1} servers are starting.', counts.busy + counts.unknown, counts.enabled);
    return { ...normal, icon: 'sync~spin', sentence };
  }
  const idle = view.servers.filter(({ health }) => health === 'idle').length;
  if (idle === counts.enabled) {
    return { ...normal, icon: 'pulse', sentence: t('All {0} servers are idle.', counts.enabled) };
  }
  const sentence =
    idle === 0
      ? t('All {0} servers are healthy.', counts.enabled)
      : t('{0} servers are healthy, {1} idle.', counts.enabled - idle, idle);
  return { ...normal, icon: 'pulse', sentence };
}

function problemWords(view: HealthView, t: Translate): string {
  return view.problems.length === 1
    ? t('One setting needs attention.')
    : t('{0} settings need attention.', view.problems.length);
}

function tooltipOf(view: HealthView, sentence: string, t: Translate): string {
  const lines = [`**MCP Lifeline**`, '', escapeMarkdown(sentence)];
  if (view.engine.kind === 'recovering') lines.push('', escapeMarkdown(engineWords(view.engine, t)));
  if (view.servers.length > 0) lines.push('', ...serverTable(view, t));
  if (view.problems.length > 0) {
    lines.push('', `$(warning) [${problemWords(view, t)}](command:${settingsCommand('mcpLifeline')})`);
  }
  const links = [
    link(t('Show Status'), commands.showStatus),
    link(t('Force Recovery'), commands.forceRecovery),
    link(t('Show Log'), commands.showLog),
  ];
  lines.push('', '---', '', links.join(' &nbsp;|&nbsp; '));
  return lines.join('\n');
}

function serverTable(view: HealthView, t: Translate): string[] {
  const shown = view.servers.slice(0, MAX_TOOLTIP_SERVERS);
  const rows = shown.map((server) => serverRow(server, t));
  const left = view.servers.length - shown.length;
  if (left > 0) rows.push(`| | ${escapeMarkdown(t('and {0} more', left))} | |`);
  return ['| | | |', '|---|:---|:---|', ...rows];
}

function serverRow(server: ServerView, t: Translate): string {
  const words = [healthWords(server, t)];
  const latency = server.snapshot?.latency;
  if (latency !== undefined && server.health === 'healthy') words.push(duration(latency.p50Ms));
  let state = escapeMarkdown(words.join(', '));
  if (server.health === 'failed' || server.health === 'recovering') {
    state += ` &nbsp;[${t('Force Recovery')}](${commandUri(commands.forceRecovery, server.name)})`;
  }
  const log = `${commandUri(commands.showLog, server.name)} "${escapeTitle(t('Show Log'))}"`;
  const icon = healthIcon(server.health).name;
  return `| $(${icon}) | [${escapeMarkdown(server.name)}](${log}) | ${state} |`;
}

function link(title: string, command: string): string {
  return `[${title}](command:${command})`;
}

function commandUri(command: string, argument: string): string {
  return `command:${command}?${encodeURIComponent(JSON.stringify([argument])).replace(/[()'*]/g, percent)}`;
}

/** The characters that `encodeURIComponent` leaves and that would end a Markdown link. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function escapeTitle(text: string): string {
  return text.replace(/["\\]/g, '');
}

function settingsCommand(query: string): string {
  return `workbench.action.openSettings?${encodeURIComponent(JSON.stringify([query]))}`;
}

/** The commands that the tooltip's links may run. */
export const tooltipCommands: readonly string[] = [
  commands.showStatus,
  commands.forceRecovery,
  commands.showLog,
  'workbench.action.openSettings',
];
