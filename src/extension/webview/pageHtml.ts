import type { PageWords } from '../../shared/protocol/dashboardMessages.ts';
import { eventKinds } from '../../shared/protocol/eventMessages.ts';
import type { Translate } from '../translate.ts';
import { kindWords } from './eventModel.ts';
import { rangeWords } from './historyModel.ts';

export interface PageParts {
  /** Fresh for each page. */
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  /** BCP 47, of the words. */
  readonly language: string;
  readonly title: string;
  readonly words: PageWords;
}

/** The page: empty, with its words. Nothing runs or is loaded but what carries the nonce. */
export function pageHtml({ nonce, script, style, language, title, words }: PageParts): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="stylesheet" nonce="${nonce}" href="${escapeHtml(style)}">
    <title>${escapeHtml(title)}</title>
  </head>
  <body data-words="${escapeHtml(JSON.stringify(words))}" data-title="${escapeHtml(title)}">
    <script nonce="${nonce}" src="${escapeHtml(script)}"></script>
  </body>
</html>
`;
}

export function pageWords(t: Translate): PageWords {
  return {
    servers: t('MCP servers'),
    forceRecovery: t('Force Recovery'),
    forceRecoveryOf: t('Force Recovery: {0}', '{0}'),
    showLog: t('Show Log'),
    showLogOf: t('Show Log: {0}', '{0}'),
    recoverAll: t('Force Recovery of All Servers'),
    latency: t('Latency'),
    windowEnd: t('now'),
    noCallsLately: t('no calls in this time'),
    loading: t('Loading…'),
    state: t('State'),
    breaker: t('Breaker'),
    health: t('Servers by health'),
    alerts: t('Alerts'),
    queue: t('Recovery queue'),
    continuity: t('Continuity in the last hour'),
    range: t('Time shown'),
    ranges: {
      '5m': rangeWords('5m', t),
      '1h': rangeWords('1h', t),
      '24h': rangeWords('24h', t),
      '7d': rangeWords('7d', t),
    },
    legend: {
      usable: t('usable'),
      down: t('down'),
      notInUse: t('not in use'),
      failures: t('failed calls'),
    },
    watched: t('Watched values'),
    table: {
      title: t('Figures as a Table'),
      of: t('Figures as a Table: {0}', '{0}'),
      from: t('From'),
      calls: t('Calls'),
      callsFailed: t('{0}, {1} failed', '{0}', '{1}'),
      downFor: t('down for {0}', '{0}'),
      breaker: {
        open: t('breaker open'),
        halfOpen: t('breaker on trial'),
        isolated: t('isolated by hand'),
      },
    },
    underWay: t('Under way…'),
    loadingHistory: t('Loading the history…'),
    noHistory: t('The engine does not tell the history just now; it is asked again.'),
    loadingEvents: t('Loading the events…'),
    noEventsTold: t('The engine does not tell the events just now; it is asked again.'),
    events: t('Events'),
    allServers: t('All servers'),
    allKinds: t('All kinds'),
    kinds: Object.fromEntries(eventKinds.map((kind) => [kind, kindWords(kind, t)])) as PageWords['kinds'],
    kind: t('Kind'),
    server: t('Server'),
    searchText: t('Search'),
    shownOf: t('{0} of {1}', '{0}', '{1}'),
    showMore: t('Show {0} Older', '{0}'),
    noEvents: t('No such event is remembered.'),
    goToEvents: t('Go to Events'),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
