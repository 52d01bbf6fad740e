import { commands } from '../../shared/contributions.ts';
import { assertNever } from '../../shared/base/assertNever.ts';
import type { AlertSnapshot, ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { WatchedSnapshot } from '../../shared/model/watched.ts';
import { causeSentence, degradedBeside, degradedSentence, rateWords } from '../health/conditions.ts';
import type { ServerView } from '../health/healthView.ts';
import { uptimeWords, watchedWords } from '../health/measureWords.ts';
import { breakerWords, callWords, latencyWords, stateSentence, type Icon } from '../health/words.ts';
import { alertWords } from '../notifications/alertWords.ts';
import { clockTime, counted, languageOf } from '../figures.ts';
import { said, type Translate } from '../translate.ts';
import { fixesOf } from './fixes.ts';
import { plainRow, type Row, type RowCommand } from './row.ts';

/** What the engine tells of one server, a row each: first what is wrong and what can be done, then its connection, then its figures. */
export function detailRows(view: ServerView, alerts: readonly AlertSnapshot[], t: Translate): readonly Row[] {
  const { snapshot } = view;
  if (snapshot === undefined) return [];
  const list = new DetailList(view.name, t);
  addAlerts(list, snapshot, alerts);
  addTrouble(list, view, snapshot);
  addConnection(list, view, snapshot);
  addFigures(list, snapshot);
  return list.rows;
}

class DetailList {
  readonly rows: Row[] = [];
  readonly t: Translate;
  readonly #server: string;

  constructor(server: string, t: Translate) {
    this.#server = server;
    this.t = t;
  }

  get showLog(): RowCommand {
    return { command: commands.showLog, title: this.t('Show Log'), args: [this.#server] };
  }

  get openDashboard(): RowCommand {
    return { command: commands.openDashboard, title: this.t('Open Dashboard'), args: [] };
  }

  add(
    key: string,
    label: string,
    description: string,
    { icon, kind = 'detail', command }: { icon: string | Icon; kind?: Row['kind']; command?: RowCommand },
  ): void {
    const words = description === '' ? label : `${label}: ${description}`;
    this.rows.push(
      plainRow({
        id: `detail:${this.#server}:${key}`,
        kind,
        icon: typeof icon === 'string' ? { name: icon, color: undefined } : icon,
        label,
        description,
        tooltip: words,
        spoken: words,
        server: this.#server,
        command,
      }),
    );
  }
}

const warning: Icon = { name: 'warning', color: 'list.warningForeground' };

/** Alerts that the server's state does not tell already. */
const toldByState: ReadonlySet<string> = new Set(['crashLoop', 'needsSignIn', 'breakerOpen']);

/** The alerts of a server that say something beside its state. */
export function alertsOf(name: string, alerts: readonly AlertSnapshot[]): readonly AlertSnapshot[] {
  return alerts.filter(
    ({ server, rule, isFlapping }) => server === name && (isFlapping || !toldByState.has(rule)),
  );
}

function addAlerts(list: DetailList, snapshot: ServerSnapshot, alerts: readonly AlertSnapshot[]): void {
  const { t } = list;
  for (const alert of alertsOf(snapshot.id, alerts)) {
    const { rule, subject = '', isFlapping, count } = alert;
    const words = alertWords(alert, snapshot, t);
    const description = isFlapping
      ? counted(t, count, 'comes and goes, once by now: {1}', 'comes and goes, {0} times by now: {1}', words)
      : words;
    list.add(`alert:${rule}:${subject}`, t('Alert'), description, { icon: 'bell', command: list.showLog });
  }
}

function addTrouble(list: DetailList, view: ServerView, snapshot: ServerSnapshot): void {
  const { t } = list;
  const { diagnosis, nextAttemptAt, lastError } = snapshot;
  if (view.health !== 'healthy' || snapshot.lastCallFailed === true)
    list.add('state', t('State'), stateSentence(snapshot, t), { icon: 'info' });
  if (diagnosis !== undefined) {
    const sentence = withoutName(diagnosis.sentence, view.name, t);
    const words = causeSentence({ ...diagnosis, sentence }, t);
    list.add('cause', t('Cause'), words, { icon: 'question', command: list.showLog });
  }
  const degraded = degradedBeside(snapshot);
  if (degraded !== undefined)
    list.add('degraded', t('Not as before'), degradedSentence(degraded, t), { icon: warning });
  if (snapshot.promiseBroken) {
    const words = t('its tools are not those that were listed while it was down');
    list.add('promise', t('Changed'), words, { icon: warning });
  }
  if (lastError !== undefined) {
    const words = `${clockTime(lastError.at, t)} · ${said(withoutName(lastError.message, view.name, t), t)}`;
    list.add('error', t('Last error'), words, { icon: 'error', command: list.showLog });
  }
  for (const { key, ...command } of fixesOf(view, t))
    list.add(`fix:${key}`, t('Fix: {0}', command.title), '', {
      icon: 'lightbulb',
      kind: 'fix',
      command,
    });
  if (nextAttemptAt !== undefined)
    list.add('next', t('Next attempt'), clockTime(nextAttemptAt, t), { icon: 'history' });
}

/** The row stands below the name, and there is little room. The sentence itself where it is translated only with the name. */
function withoutName(sentence: string, server: string, t: Translate): string {
  const subject = `The MCP server "${server}" `;
  if (!sentence.startsWith(subject)) return sentence;
  const short = `It ${sentence.slice(subject.length)}`;
  return languageOf(t) === 'en' || said(short, t) !== short ? short : sentence;
}

function addConnection(list: DetailList, view: ServerView, snapshot: ServerSnapshot): void {
  const { t } = list;
  const { endpoint, metrics, pids, pool, rate } = snapshot;
  list.add('connection', t('Connection'), connectionWords(view, snapshot, t), { icon: 'plug' });
  const { uptime } = metrics;
  if (uptime?.ratio !== undefined)
    list.add('uptime', t('Uptime'), uptimeWords(uptime.ratio, uptime.downMs, t), { icon: 'pulse' });
  if (endpoint !== undefined) list.add('endpoint', t('Address in use'), endpoint, { icon: 'globe' });
  if (pids.length > 0) list.add('pids', t('Processes'), pids.join(', '), { icon: 'server-process' });
  list.add('sessions', t('Sessions'), String(snapshot.sessions), { icon: 'account' });
  list.add('breaker', t('Breaker'), breakerWords(snapshot, t), { icon: 'shield' });
  const { available, max, limit = max } = pool;
  const places = t('{0} of {1} in use', Math.max(0, limit - available), limit);
  const words = limit < max ? `${places} (${t('{0} at most', max)})` : places;
  list.add('pool', t('Places'), words, { icon: 'layout' });
  list.add('queue', t('Queue'), waitingWords(snapshot, t), { icon: 'list-ordered' });
  if (rate !== undefined)
    list.add('rate', t('Rate limit'), rateWords(snapshot, t) ?? '', { icon: 'dashboard' });
}

function addFigures(list: DetailList, snapshot: ServerSnapshot): void {
  const { t } = list;
  const { catalogue, latency, metrics, watched = [] } = snapshot;
  list.add('tools', t('Tools'), toolWords(catalogue, t), { icon: 'tools' });
  if (latency !== undefined) {
    list.add('latency', t('Latency'), latencyWords(latency, t), {
      icon: 'graph-line',
      command: list.openDashboard,
    });
  }
  list.add('calls', t('Calls'), callWords(snapshot, t), { icon: 'arrow-swap', command: list.openDashboard });
  list.add('restarts', t('Restarts'), String(metrics.restarts), { icon: 'refresh' });
  for (const watch of watched)
    list.add(`watched:${watch.name}`, watch.name, watchedWords(watch, t), {
      icon: watchedIcon(watch),
      command: list.openDashboard,
    });
}

function watchedIcon({ state }: WatchedSnapshot): string | Icon {
  if (state === 'below' || state === 'above') return { name: 'error', color: 'list.errorForeground' };
  return state === 'missed' ? warning : 'eye';
}

function toolWords(catalogue: ServerSnapshot['catalogue'], t: Translate): string {
  if (catalogue === undefined) return t('not known yet');
  const { tools, serverTitle } = catalogue;
  return serverTitle === undefined ? String(tools) : `${tools} · ${serverTitle}`;
}

/** In one or two words how it is connected, by what, and since when. */
function connectionWords({ transport }: ServerView, snapshot: ServerSnapshot, t: Translate): string {
  const { state, since } = snapshot;
  const parts = [stateWords(state, t)];
  if (transport !== undefined) parts.push(transport === 'http' ? 'HTTP' : 'stdio');
  // Also of yesterday: a server may be connected for days.
  parts.push(t('since {0}', dateAndTime(since, t)));
  return parts.join(' · ');
}

function dateAndTime(wallMs: number, t: Translate): string {
  const language = languageOf(t);
  const style = { dateStyle: 'short', timeStyle: 'short' } as const;
  return new Date(wallMs).toLocaleString(language === 'en' ? undefined : language, style);
}

function stateWords(state: ServerSnapshot['state'], t: Translate): string {
  switch (state) {
    case 'idle':
      return t('not connected');
    case 'connecting':
      return t('connecting');
    case 'initializing':
      return t('in the handshake');
    case 'probing':
      return t('being checked');
    case 'ready':
      return t('connected');
    case 'suspect':
      return t('not answering on time');
    case 'broken':
      return t('lost');
    case 'recovering':
      return t('being restored');
    case 'crashLoop':
      return t('keeps failing');
    case 'needsSignIn':
      return t('refused');
    case 'isolated':
      return t('isolated');
    case 'stopped':
      return t('stopped');
    default:
      return assertNever(state);
  }
}

/** How many calls wait, and for what. */
export function waitingWords({ metrics, pool, rate }: ServerSnapshot, t: Translate): string {
  const forPlace = pool.queued ?? 0;
  const forRate = rate?.queued ?? 0;
  const known = forPlace + forRate + metrics.waiting;
  const all = Math.max(metrics.queueDepth ?? 0, known);
  if (all === 0) return t('empty');
  const reasons: string[] = [];
  if (metrics.waiting > 0) reasons.push(t('{0} for the connection', metrics.waiting));
  if (forPlace > 0) reasons.push(t('{0} for a place', forPlace));
  if (forRate > 0) reasons.push(t('{0} for the rate limit', forRate));
  if (all > known) reasons.push(t('{0} before a retry', all - known));
  return `${t('{0} waiting', all)}: ${reasons.join(', ')}`;
}
