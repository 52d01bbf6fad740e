import type { AlertSnapshot, Diagnosis } from '../../shared/model/snapshot.ts';
import { actionTitle } from '../health/conditions.ts';
import type { HealthView } from '../health/healthView.ts';
import type { Translate } from '../translate.ts';
import { alertWords, causeTitle } from './alertWords.ts';
import type { Notice, NoticeAction } from './notice.ts';

/** What the buttons of notifications do. */
export interface NoticeActions {
  showLog(server: string | undefined): void;
  forceRecovery(server: string): void;
  freePort(server: string): void;
  openSettings(): void;
  showDetails(): void;
  startEngine(): void;
}

/** Causes that are mended in the server's entry. */
const inSettings: ReadonlySet<Diagnosis['cause']> = new Set([
  'portInUse',
  'commandMissing',
  'dependencyMissing',
  'badCredentials',
  'badConfiguration',
]);

/** What the engine's alerts come to. One that comes and goes is a badge of the view instead. */
export function alertNotices(view: HealthView, actions: NoticeActions, t: Translate): readonly Notice[] {
  // A value that a person has to enter is asked for where it is needed.
  const needsInput = ({ rule, server }: AlertSnapshot): boolean =>
    rule === 'needsSignIn' &&
    view.servers.some(({ name, snapshot }) => name === server && snapshot?.needsInput !== undefined);
  return view.alerts
    .filter((alert) => !alert.isFlapping && !needsInput(alert))
    .map((alert) => noticeOf(alert, view, actions, t));
}

function noticeOf(alert: AlertSnapshot, view: HealthView, actions: NoticeActions, t: Translate): Notice {
  const { rule, server, subject } = alert;
  const snapshot = view.servers.find(({ name }) => name === server)?.snapshot;
  const words = alertWords(alert, snapshot, t);
  return {
    cause: rule,
    server,
    ...(subject === undefined ? {} : { subject }),
    // An error with buttons stays on the screen until somebody clicks it, and this may be over in a minute.
    severity: 'warning',
    message: server === undefined ? t('MCP Lifeline: {0}', words) : t('MCP server "{0}": {1}', server, words),
    title: causeTitle(rule, t),
    actions: actionsFor(alert, snapshot?.diagnosis, actions, t),
  };
}

function actionsFor(
  { rule, server }: AlertSnapshot,
  diagnosis: Diagnosis | undefined,
  actions: NoticeActions,
  t: Translate,
): readonly NoticeAction[] {
  const showLog: NoticeAction = {
    title: t('Show Log'),
    run: () => actions.showLog(server),
    isForLater: true,
  };
  const showDetails: NoticeAction = {
    title: t('Show Details'),
    run: () => actions.showDetails(),
    isForLater: true,
  };
  if (server === undefined) return rule === 'continuity' ? [showDetails] : [showLog];
  const recover: NoticeAction = { title: t('Force Recovery'), run: () => actions.forceRecovery(server) };
  switch (rule) {
    case 'crashLoop':
      return [...fixFor(server, diagnosis, actions, t), recover, showLog];
    case 'needsSignIn':
      return [{ title: t('Fix in Settings'), run: () => actions.openSettings() }, recover, showLog];
    case 'breakerOpen':
    case 'brokenPipes':
      return [recover, showLog];
    case 'watchedValue':
      return [showDetails, showLog];
    default:
      return [showLog];
  }
}

/** What the diagnosis advises, where it can be done from here. */
function fixFor(
  server: string,
  diagnosis: Diagnosis | undefined,
  actions: NoticeActions,
  t: Translate,
): readonly NoticeAction[] {
  if (diagnosis?.holder?.isStale === true)
    return [{ title: actionTitle('freePort', t), run: () => actions.freePort(server) }];
  if (diagnosis === undefined || !inSettings.has(diagnosis.cause)) return [];
  return [{ title: t('Fix in Settings'), run: () => actions.openSettings() }];
}
