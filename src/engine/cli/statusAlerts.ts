import type { AlertSnapshot } from '../../shared/model/snapshot.ts';
import { durationText } from './durationText.ts';
import type { StatusLine, StatusSection } from './statusSections.ts';

/** What the lines of the server, or of the engine, tell already. */
const toldElsewhere: ReadonlySet<string> = new Set([
  'crashLoop',
  'needsSignIn',
  'breakerOpen',
  'auditTrail',
  'journal',
]);

/** The alerts that fire (requirements R11.3): which, of what, and for how long. */
export const alertSection: StatusSection = {
  ofAll: ({ alerts = [] }, now) => alerts.map((alert) => alertLine(alert, now)),
};

function alertLine(alert: AlertSnapshot, now: number): StatusLine {
  const { rule, server, subject, severity, sentence, since, isFlapping } = alert;
  const about = [server ?? 'engine', ...(subject === undefined ? [] : [subject])].join(', ');
  const head = `alert ${rule} (${about}) for ${durationText(Math.max(0, now - since))}`;
  const isSaid = !isFlapping && toldElsewhere.has(rule);
  return { text: isSaid ? head : `${head}: ${sentence}`, colour: severity === 'error' ? 'red' : 'yellow' };
}
