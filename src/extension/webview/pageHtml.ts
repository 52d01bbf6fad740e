import type { PageWords } from '../../shared/protocol/dashboardMessages.ts';
import type { Translate } from '../translate.ts';

export interface PageParts {
  /** Fresh for each page. */
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  /** BCP 47, as the editor tells it. */
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
    windowStart: t('5 min ago'),
    windowEnd: t('now'),
    noCallsLately: t('no calls in the last 5 minutes'),
    loading: t('Loading…'),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
