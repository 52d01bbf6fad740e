import {
  causeSentence,
  degradedBeside,
  degradedSentence,
  queueWords,
  rateWords,
} from '../health/conditions.ts';
import type { HealthView, ServerView } from '../health/healthView.ts';
import {
  breakerWords,
  callWords,
  engineWords,
  escapeMarkdown,
  healthWords,
  stateSentence,
  latencyWords,
} from '../health/words.ts';
import { healthSentence } from '../status/statusContent.ts';
import { clockTime } from '../figures.ts';
import { said, type Translate } from '../translate.ts';

/** The whole status as a Markdown page, to read and to pass on. It holds no settings and no secrets. */
export function statusReport(view: HealthView, t: Translate): string {
  const lines = [`# MCP Lifeline`, '', escapeMarkdown(healthSentence(view, t)), ''];
  lines.push(escapeMarkdown(engineWords(view.engine, t)), '');
  for (const server of view.servers) lines.push(...serverSection(server, t));
  if (view.problems.length > 0) {
    lines.push(`## ${t('Settings')}`, '');
    for (const { path, message } of view.problems) {
      lines.push(`- \`${path.replace(/`/g, "'")}\` ${escapeMarkdown(message)}`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

function serverSection(server: ServerView, t: Translate): string[] {
  const { snapshot } = server;
  const lines = [`## ${escapeMarkdown(server.name)}`, ''];
  const row = (title: string, value: string): void => {
    lines.push(`| ${title} | ${escapeMarkdown(value)} |`);
  };
  // A table needs a head; what matters most stands in it.
  row(t('State'), healthWords(server, t));
  lines.push(`|:---|:---|`);
  if (snapshot !== undefined) {
    row(t('Meaning'), stateSentence(snapshot, t));
    if (snapshot.diagnosis !== undefined) row(t('Cause'), causeSentence(snapshot.diagnosis, t));
    const degraded = degradedBeside(snapshot);
    if (degraded !== undefined) row(t('Not as before'), degradedSentence(degraded, t));
    row(t('Since'), clockTime(snapshot.since, t));
    if (snapshot.nextAttemptAt !== undefined) row(t('Next attempt'), clockTime(snapshot.nextAttemptAt, t));
    row(t('Breaker'), breakerWords(snapshot, t));
    if (snapshot.latency !== undefined) row(t('Latency'), latencyWords(snapshot.latency, t));
    row(t('Calls'), callWords(snapshot, t));
    const queue = queueWords(snapshot, t);
    if (queue !== undefined) row(t('Queue'), queue);
    const rate = rateWords(snapshot, t);
    if (rate !== undefined) row(t('Rate limit'), rate);
    if (snapshot.endpoint !== undefined) row(t('Address in use'), snapshot.endpoint);
    row(t('Restarts'), String(snapshot.metrics.restarts));
    row(t('Sessions'), String(snapshot.sessions));
    if (snapshot.catalogue !== undefined) row(t('Tools'), String(snapshot.catalogue.tools));
    if (snapshot.lastError !== undefined) {
      row(t('Last error'), `${clockTime(snapshot.lastError.at, t)}: ${said(snapshot.lastError.message, t)}`);
    }
  }
  lines.push('');
  return lines;
}
