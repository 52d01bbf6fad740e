import { assertNever } from '../../shared/base/assertNever.ts';
import { commands, settingsPrefix } from '../../shared/contributions.ts';
import { tiers, type Tier } from '../../shared/model/tier.ts';
import type { AlertSnapshot, SettingsProblem, ServerSnapshot } from '../../shared/model/snapshot.ts';
import {
  causeSentence,
  offeredActions,
  queueWords,
  suspicionWords,
  tellsBreaker,
} from '../health/conditions.ts';
import type { HealthView, ServerView, Trouble } from '../health/healthView.ts';
import {
  breakerWords,
  engineWords,
  healthIcon,
  healthWords,
  stateSentence,
  troubleWords,
  type Icon,
} from '../health/words.ts';
import { clockTime, counted, duration } from '../figures.ts';
import type { Translate } from '../translate.ts';
import { needsAttention } from './attention.ts';
import { alertsOf, detailRows } from './details.ts';
import { openSettings } from './fixes.ts';
import { plainRow, type Row, type RowCommand } from './row.ts';

/** The rows of the tree. Empty, so that the welcome text shows, when there is nothing to tell. */
export function buildRows(view: HealthView, t: Translate): readonly Row[] {
  const problems = view.problems.map((problem) => problemRow(problem, t));
  const troubles = view.troubles.map((trouble) => troubleRow(trouble, t));
  if (view.servers.length === 0 && problems.length === 0) return [];
  return [...stateRows(view, t), ...troubles, ...serverRows(view, t), ...problems];
}

function stateRows(view: HealthView, t: Translate): Row[] {
  const row = (icon: Icon, label: string, tooltip: string, command: RowCommand): Row =>
    plainRow({ id: 'engine', kind: 'engine', icon, label, tooltip, spoken: tooltip, command });
  if (!view.trusted) {
    const tooltip = t('Restricted Mode. VS Code starts no servers until this workspace is trusted.');
    const manage = { command: 'workbench.trust.manage', title: t('Manage Workspace Trust'), args: [] };
    return [row({ name: 'shield', color: 'list.warningForeground' }, t('Restricted Mode'), tooltip, manage)];
  }
  const words = engineWords(view.engine, t);
  const status = { command: commands.showStatus, title: t('Show Status'), args: [] };
  switch (view.engine.kind) {
    case 'running':
      return [];
    case 'starting':
      return [row({ name: 'sync~spin', color: undefined }, t('Engine is starting…'), words, status)];
    case 'stopped': {
      const icon = { name: 'circle-slash', color: 'list.warningForeground' };
      return [row(icon, t('Engine is stopped'), words, status)];
    }
    case 'recovering': {
      const icon = { name: 'sync~spin', color: 'list.warningForeground' };
      return [row(icon, t('Engine is restarting…'), words, status)];
    }
  }
}

function troubleRow(trouble: Trouble, t: Translate): Row {
  const words = troubleWords(trouble, t);
  return plainRow({
    id: `trouble:${trouble.kind}`,
    kind: 'engine',
    icon: { name: 'warning', color: 'list.warningForeground' },
    label: trouble.kind === 'auditTrail' ? t('Audit trail') : t('Journal of calls'),
    description: t('cannot be written'),
    tooltip: words,
    spoken: words,
    command: { command: commands.showStatus, title: t('Show Status'), args: [] },
  });
}

/** The tier of an entry that does not say one, and of one that cannot be read. */
const plainTier: Tier = 'medium';

/** In the order of the settings; below a row for each tier where there is more than one. */
function serverRows(view: HealthView, t: Translate): readonly Row[] {
  const tierOf = ({ tier = plainTier }: ServerView): Tier => tier;
  const used = tiers.filter((tier) => view.servers.some((server) => tierOf(server) === tier));
  if (used.length < 2) return view.servers.map((server) => serverRow(server, view.alerts, t));
  return used.map((tier) => {
    const servers = view.servers.filter((server) => tierOf(server) === tier);
    return groupRow(tier, servers, view.alerts, t);
  });
}

function groupRow(
  tier: Tier,
  servers: readonly ServerView[],
  alerts: readonly AlertSnapshot[],
  t: Translate,
): Row {
  const label = tierWords(tier, t);
  const unwell = servers.filter(needsAttention).length;
  const description = groupWords(servers.length, unwell, t);
  return plainRow({
    id: `tier:${tier}`,
    kind: 'group',
    icon:
      unwell === 0
        ? { name: 'layers', color: undefined }
        : { name: 'warning', color: 'list.warningForeground' },
    label,
    description,
    tooltip: `${label}: ${description}`,
    spoken: `${label}, ${description}`,
    isOpen: true,
    children: servers.map((server) => serverRow(server, alerts, t)),
  });
}

function groupWords(count: number, unwell: number, t: Translate): string {
  return unwell === 0
    ? counted(t, count, 'one server', '{0} servers')
    : counted(t, unwell, '1 of {1} needs attention', '{0} of {1} need attention', count);
}

function tierWords(tier: Tier, t: Translate): string {
  switch (tier) {
    case 'critical':
      return t('Critical tier');
    case 'high':
      return t('High tier');
    case 'medium':
      return t('Medium tier');
    default:
      return assertNever(tier);
  }
}

function serverRow(view: ServerView, alerts: readonly AlertSnapshot[], t: Translate): Row {
  const { name, health, snapshot } = view;
  const parts = [healthWords(view, t), ...(snapshot === undefined ? [] : glance(snapshot, alerts, t))];
  const description = parts.join(' · ');
  return plainRow({
    id: `server:${name}`,
    kind: kindOf(view),
    icon: healthIcon(health),
    label: name,
    description,
    actions: snapshot === undefined ? [] : rowActions(snapshot),
    tooltip: snapshot === undefined ? `${name}: ${description}` : tooltipOf(snapshot, t),
    spoken: `${name}, ${parts.join(', ')}`,
    server: name,
    command: health === 'invalid' ? openSettings(`${settingsPrefix}.servers`, t) : undefined,
    children: detailRows(view, alerts, t),
  });
}

function kindOf({ health }: ServerView): Row['kind'] {
  if (health === 'disabled') return 'serverDisabled';
  return health === 'invalid' ? 'serverInvalid' : 'server';
}

/** What is worth knowing of it without opening it, beside its health. */
function glance(snapshot: ServerSnapshot, alerts: readonly AlertSnapshot[], t: Translate): readonly string[] {
  const { id, latency, nextAttemptAt } = snapshot;
  const parts: string[] = [];
  const { length } = alertsOf(id, alerts);
  if (length > 0) parts.push(counted(t, length, 'one alert', '{0} alerts'));
  if (nextAttemptAt !== undefined) parts.push(t('next attempt {0}', clockTime(nextAttemptAt, t)));
  else if (latency !== undefined) parts.push(duration(latency.p50Ms, t));
  if (tellsBreaker(snapshot)) parts.push(t('breaker {0}', breakerWords(snapshot, t)));
  return parts;
}

function rowActions(snapshot: ServerSnapshot): Row['actions'] {
  const actions = offeredActions(snapshot);
  return snapshot.needsInput === undefined ? actions : [...actions, 'enterInput'];
}

function tooltipOf(snapshot: ServerSnapshot, t: Translate): string {
  const { diagnosis } = snapshot;
  const lines = [stateSentence(snapshot, t)];
  if (diagnosis !== undefined) lines.push(causeSentence(diagnosis, t));
  const others = [queueWords(snapshot, t), suspicionWords(snapshot, t)];
  return [...lines, ...others.filter((line) => line !== undefined)].join('\n');
}

/** All of our settings begin with it, and there is little room in a row. */
const ownPrefix = `${settingsPrefix}.`;

function problemRow(problem: SettingsProblem, t: Translate): Row {
  return plainRow({
    id: `problem:${problem.path}:${problem.message}`,
    kind: 'problem',
    icon: { name: 'warning', color: 'list.warningForeground' },
    label: problem.path.startsWith(ownPrefix) ? problem.path.slice(ownPrefix.length) : problem.path,
    description: problem.message,
    tooltip: `${problem.path} ${problem.message}`,
    spoken: t('Setting {0} {1}', problem.path, problem.message),
    command: openSettings(settingOf(problem), t),
  });
}

/** The setting that a person would change: a problem may also lie in a file that one of ours names, or in the environment. */
export function settingOf({ path }: SettingsProblem): string {
  if (path.startsWith(ownPrefix)) return path.split('.').slice(0, 2).join('.');
  return path.startsWith('environment.') ? `${ownPrefix}connection` : `${ownPrefix}connectionFile`;
}
