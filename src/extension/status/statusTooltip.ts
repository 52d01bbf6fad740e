import { commands, type CommandId } from '../../shared/contributions.ts';
import { causeSentence, isIsolated } from '../health/conditions.ts';
import { canRun, isWell, worstFirst, type HealthView, type ServerView } from '../health/healthView.ts';
import {
  engineWords,
  escapeMarkdown,
  healthIcon,
  healthWords,
  problemWords,
  shortName,
  troubleWords,
} from '../health/words.ts';
import type { Translate } from '../translate.ts';

/**
 * More would not be read in a tooltip; the rest is counted, and "Show Status" has them all. So many of the longest names stay below 100,000
 * characters, where the editor cuts what it renders.
 */
const MAX_SERVERS = 15;
const MAX_CAUSE = 200;
const OPEN_SETTINGS = 'workbench.action.openSettings';

/**
 * The item's tooltip, as Markdown with icons and command links: each server's health in words, the worst first, and what can be done. It holds no
 * figure that goes on changing, so that it stays as it is while somebody aims at a link. All of it is in "Show Status" as well, where a
 * click on the item leads: nobody has to hover.
 */
export function statusTooltip(
  view: HealthView,
  { sentence, count }: { readonly sentence: string; readonly count: string | undefined },
  t: Translate,
): string {
  const title = count === undefined ? '**MCP Lifeline**' : `**MCP Lifeline** &nbsp; ${escapeMarkdown(count)}`;
  const lines = [title, '', escapeMarkdown(sentence)];
  if (view.engine.kind === 'recovering') lines.push('', escapeMarkdown(engineWords(view.engine, t)));
  const servers = worstFirst(view.servers);
  if (servers.length > 0) lines.push('', ...serverTable(servers, t));
  const cause = causeOfWorst(servers, t);
  if (cause !== undefined) lines.push('', cause);
  if (view.problems.length > 0) {
    const settings = link(problemWords(view, t), OPEN_SETTINGS, { argument: 'mcpLifeline' });
    lines.push('', `$(warning) ${settings}`);
  }
  for (const trouble of view.troubles)
    lines.push('', `$(warning) ${escapeMarkdown(troubleWords(trouble, t))}`);
  lines.push('', '---', '', generalLinks(servers, t).join(' &nbsp;·&nbsp; '));
  return lines.join('\n');
}

function generalLinks(servers: readonly ServerView[], t: Translate): string[] {
  const links = [
    link(t('Show Status'), commands.showStatus),
    link(t('Open Dashboard'), commands.openDashboard),
    link(t('Show Log'), commands.showLog),
  ];
  // It leaves healthy servers alone, so without an unwell one it would do nothing.
  if (servers.some(needsRecovery))
    links.unshift(link(t('Force Recovery of All Servers'), commands.forceRecoveryAll));
  return links;
}

const needsRecovery = ({ health }: ServerView): boolean =>
  health === 'unsure' || health === 'recovering' || health === 'down' || health === 'failed';

function serverTable(servers: readonly ServerView[], t: Translate): string[] {
  const shown = servers.slice(0, MAX_SERVERS);
  const rows = shown.map((server) => serverRow(server, t));
  const left = servers.length - shown.length;
  if (left > 0) rows.push(`| | ${link(t('and {0} more', left), commands.showStatus)} | | |`);
  return ['| | | | |', '|---|:---|:---|:---|', ...rows];
}

/** The editor leaves no room between the columns of a tooltip's table, so each cell but the first begins with some. */
function serverRow(server: ServerView, t: Translate): string {
  const { name, health } = server;
  const cells = [escapeMarkdown(shortName(name)), escapeMarkdown(healthWords(server, t)), actions(server, t)];
  return `| $(${healthIcon(health).name}) | ${cells.join(' | &nbsp; ')} |`;
}

/** What helps is said in words; what can be done besides is an icon that has them as its title. */
function actions(server: ServerView, t: Translate): string {
  const { name, health, snapshot } = server;
  const links: string[] = [];
  const add = (icon: string, words: string, command: CommandId, isUrgent: boolean): void => {
    const text = isUrgent ? `$(${icon}) ${words}` : `$(${icon})`;
    links.push(link(text, command, { argument: name, title: `${words}: ${shortName(name)}` }));
  };
  if (snapshot !== undefined && isIsolated(snapshot))
    add('debug-continue', t('Rejoin Server'), commands.rejoin, true);
  else if (snapshot?.needsInput !== undefined) add('key', t('Enter Value…'), commands.enterInput, true);
  else if (canRun(health) && snapshot !== undefined)
    add('zap', t('Force Recovery'), commands.forceRecovery, !isWell(health) && health !== 'busy');
  add('output', t('Show Log'), commands.showLog, false);
  return links.join(' &nbsp;');
}

/** Why the worst server is down, where the engine knows: what happened, and what to do. */
function causeOfWorst([worst]: readonly ServerView[], t: Translate): string | undefined {
  const diagnosis = worst?.snapshot?.diagnosis;
  if (worst?.health !== 'failed' || diagnosis === undefined) return undefined;
  const cause = causeSentence(diagnosis, t, MAX_CAUSE);
  // Most of the engine's sentences name the server.
  return escapeMarkdown(
    cause.includes(`"${worst.name}"`) ? cause : t('{0}: {1}', shortName(worst.name), cause),
  );
}

function link(
  text: string,
  command: string,
  { argument, title }: { readonly argument?: string; readonly title?: string } = {},
): string {
  const query =
    argument === undefined
      ? ''
      : `?${encodeURIComponent(JSON.stringify([argument])).replace(/[()'*]/g, percent)}`;
  const spoken = title === undefined ? '' : ` "${escapeTitle(title)}"`;
  return `[${text}](command:${command}${query}${spoken})`;
}

/** The characters that `encodeURIComponent` leaves and that would end a Markdown link. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** A link's title may hold nothing that ends it or its table cell, nor what would be taken for a link or an icon. */
function escapeTitle(text: string): string {
  return text.replace(/["\\|[\]()<>$&`\s]+/g, ' ').trim();
}

/** The commands that the tooltip's links may run, and no others. */
export const tooltipCommands: readonly string[] = [
  commands.showStatus,
  commands.openDashboard,
  commands.forceRecovery,
  commands.forceRecoveryAll,
  commands.rejoin,
  commands.enterInput,
  commands.showLog,
  OPEN_SETTINGS,
];
