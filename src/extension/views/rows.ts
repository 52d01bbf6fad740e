import { settingsPrefix } from '../../shared/contributions.ts';
import type { AlertSnapshot, SettingsProblem, ServerSnapshot } from '../../shared/model/snapshot.ts';
import {
  causeSentence,
  degradedBeside,
  degradedSentence,
  offeredActions,
  queueWords,
  rateWords,
  suspicionWords,
  tellsBreaker,
  type ActionId,
} from '../health/conditions.ts';
import { canRun, type HealthView, type ServerView, type Trouble } from '../health/healthView.ts';
import {
  breakerWords,
  callWords,
  engineWords,
  healthIcon,
  healthWords,
  stateSentence,
  troubleWords,
  type Icon,
  latencyWords,
} from '../health/words.ts';
import { alertWords } from '../notifications/alertWords.ts';
import { clockTime, counted, duration } from '../figures.ts';
import type { Translate } from '../translate.ts';

/** One row of the servers tree, as data. Two equal rows look the same. */
export interface Row {
  /** The same for the same thing, whatever it says just now. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly icon: Icon | undefined;
  readonly tooltip: string;
  /** What a screen reader says. */
  readonly spoken: string;
  /** Decides which actions the row offers (`when` clauses of the manifest). */
  readonly kind: 'server' | 'serverDisabled' | 'detail' | 'problem' | 'engine';
  /** What makes sense to do with the server now, beside what can always be done. */
  readonly actions: readonly (ActionId | 'enterInput')[];
  /** The server that the row's actions are about. */
  readonly server: string | undefined;
  /** The setting that the row is about. */
  readonly setting: string | undefined;
  readonly children: readonly Row[];
}

/** The rows of the tree. Empty, so that the welcome text shows, when there is nothing to tell. */
export function buildRows(view: HealthView, t: Translate): readonly Row[] {
  const servers = view.servers.map((server) => serverRow(server, view.alerts, t));
  const problems = view.problems.map((problem) => problemRow(problem, t));
  const troubles = view.troubles.map((trouble) => troubleRow(trouble, t));
  if (servers.length === 0 && problems.length === 0) return [];
  return [...stateRows(view, t), ...troubles, ...servers, ...problems];
}

function stateRows(view: HealthView, t: Translate): Row[] {
  const row = (icon: Icon, label: string, tooltip: string): Row =>
    plainRow({ id: 'engine', kind: 'engine', icon, label, tooltip, spoken: tooltip });
  if (!view.trusted) {
    const tooltip = t('Restricted Mode. VS Code starts no servers until this workspace is trusted.');
    return [row({ name: 'shield', color: 'list.warningForeground' }, t('Restricted Mode'), tooltip)];
  }
  const words = engineWords(view.engine, t);
  switch (view.engine.kind) {
    case 'running':
      return [];
    case 'starting':
      return [row({ name: 'sync~spin', color: undefined }, t('Engine is starting…'), words)];
    case 'stopped':
      return [row({ name: 'circle-slash', color: 'list.warningForeground' }, t('Engine is stopped'), words)];
    case 'recovering':
      return [row({ name: 'sync~spin', color: 'list.warningForeground' }, t('Engine is restarting…'), words)];
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
  });
}

/** Alerts that the server's state does not tell already. */
const toldByState: ReadonlySet<string> = new Set(['crashLoop', 'needsSignIn', 'breakerOpen']);

function alertRow(alert: AlertSnapshot, snapshot: ServerSnapshot, t: Translate): Row {
  const { rule, subject = '', isFlapping, count } = alert;
  const words = alertWords(alert, snapshot, t);
  const description = isFlapping
    ? counted(t, count, 'comes and goes, once by now: {1}', 'comes and goes, {0} times by now: {1}', words)
    : words;
  return plainRow({
    id: `detail:${snapshot.id}:alert:${rule}:${subject}`,
    kind: 'detail',
    icon: { name: 'bell', color: undefined },
    label: t('Alert'),
    description,
    tooltip: `${t('Alert')}: ${description}`,
    spoken: `${t('Alert')}: ${description}`,
    server: snapshot.id,
  });
}

/** How many alerts come and go just now: a badge, where each time a notification would be one too many. */
export function flappingCount({ alerts }: HealthView): number {
  return alerts.filter(({ isFlapping }) => isFlapping).length;
}

function serverRow(view: ServerView, alerts: readonly AlertSnapshot[], t: Translate): Row {
  const { name, health, snapshot } = view;
  const parts = [healthWords(view, t)];
  if (snapshot?.latency !== undefined) parts.push(duration(snapshot.latency.p50Ms, t));
  if (snapshot !== undefined && tellsBreaker(snapshot)) {
    parts.push(t('breaker {0}', breakerWords(snapshot, t)));
  }
  const description = parts.join(' · ');
  return plainRow({
    id: `server:${name}`,
    kind: canRun(health) ? 'server' : 'serverDisabled',
    icon: healthIcon(health),
    label: name,
    description,
    actions: snapshot === undefined ? [] : rowActions(snapshot),
    tooltip: snapshot === undefined ? description : tooltipOf(snapshot, t),
    spoken: `${name}, ${parts.join(', ')}`,
    server: name,
    children:
      snapshot === undefined ? [] : [...alertRows(snapshot, alerts, t), ...details(name, snapshot, t)],
  });
}

function rowActions(snapshot: ServerSnapshot): Row['actions'] {
  const actions = offeredActions(snapshot);
  return snapshot.needsInput === undefined ? actions : [...actions, 'enterInput'];
}

function alertRows(snapshot: ServerSnapshot, alerts: readonly AlertSnapshot[], t: Translate): Row[] {
  const own = alerts.filter(
    ({ server, rule, isFlapping }) => server === snapshot.id && (isFlapping || !toldByState.has(rule)),
  );
  return own.map((alert) => alertRow(alert, snapshot, t));
}

function tooltipOf(snapshot: ServerSnapshot, t: Translate): string {
  const { diagnosis } = snapshot;
  const lines = [stateSentence(snapshot, t)];
  if (diagnosis !== undefined) lines.push(causeSentence(diagnosis));
  const others = [queueWords(snapshot, t), suspicionWords(snapshot, t)];
  return [...lines, ...others.filter((line) => line !== undefined)].join('\n');
}

function details(server: string, snapshot: ServerSnapshot, t: Translate): Row[] {
  const rows: Row[] = [];
  const add = (key: string, label: string, description: string, icon: string): void => {
    rows.push(
      plainRow({
        id: `detail:${server}:${key}`,
        kind: 'detail',
        icon: { name: icon, color: undefined },
        label,
        description,
        tooltip: `${label}: ${description}`,
        spoken: `${label}: ${description}`,
        server,
      }),
    );
  };
  add('state', t('State'), stateSentence(snapshot, t), 'info');
  if (snapshot.diagnosis !== undefined)
    add('cause', t('Cause'), causeSentence(snapshot.diagnosis), 'question');
  const degraded = degradedBeside(snapshot);
  if (degraded !== undefined) add('degraded', t('Not as before'), degradedSentence(degraded, t), 'warning');
  if (snapshot.nextAttemptAt !== undefined) {
    add('next', t('Next attempt'), clockTime(snapshot.nextAttemptAt, t), 'history');
  }
  add('breaker', t('Breaker'), breakerWords(snapshot, t), 'shield');
  if (snapshot.latency !== undefined) {
    add('latency', t('Latency'), latencyWords(snapshot.latency, t), 'dashboard');
  }
  if (snapshot.lastError !== undefined) {
    const { message, at } = snapshot.lastError;
    add('error', t('Last error'), `${clockTime(at, t)} · ${message}`, 'error');
  }
  add('tools', t('Tools'), toolWords(snapshot, t), 'tools');
  add('calls', t('Calls'), callWords(snapshot, t), 'pulse');
  const queue = queueWords(snapshot, t);
  if (queue !== undefined) add('queue', t('Queue'), queue, 'list-ordered');
  const rate = rateWords(snapshot, t);
  if (rate !== undefined) add('rate', t('Rate limit'), rate, 'watch');
  if (snapshot.endpoint !== undefined) add('endpoint', t('Address in use'), snapshot.endpoint, 'globe');
  add('sessions', t('Sessions'), String(snapshot.sessions), 'plug');
  add('restarts', t('Restarts'), String(snapshot.metrics.restarts), 'refresh');
  if (snapshot.pids.length > 0) add('pids', t('Processes'), snapshot.pids.join(', '), 'server-process');
  return rows;
}

function toolWords(snapshot: ServerSnapshot, t: Translate): string {
  return snapshot.catalogue === undefined ? t('not known yet') : String(snapshot.catalogue.tools);
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
    setting: settingOf(problem),
  });
}

/** The setting that a person would change: a problem may also lie in a file that one of ours names, or in the environment. */
export function settingOf({ path }: SettingsProblem): string {
  if (path.startsWith(ownPrefix)) return path.split('.').slice(0, 2).join('.');
  return path.startsWith('environment.') ? `${ownPrefix}connection` : `${ownPrefix}connectionFile`;
}

function plainRow(
  row: Pick<Row, 'id' | 'kind' | 'icon' | 'label' | 'tooltip' | 'spoken'> & Partial<Row>,
): Row {
  return { description: '', actions: [], server: undefined, setting: undefined, children: [], ...row };
}

/** Which rows have to be drawn again, and whether the list itself changed. */
export interface RowChanges {
  /** Rows came, went or moved: everything is drawn again. */
  readonly isListChanged: boolean;
  /** Ids of top rows whose own words or details differ. */
  readonly changed: readonly string[];
}

export function compareRows(before: readonly Row[], after: readonly Row[]): RowChanges {
  const isListChanged =
    before.length !== after.length || before.some((row, index) => row.id !== after[index]?.id);
  if (isListChanged) return { isListChanged, changed: [] };
  const changed = after
    .filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]))
    .map(({ id }) => id);
  return { isListChanged, changed };
}
