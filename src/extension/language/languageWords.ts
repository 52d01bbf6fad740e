import { assertNever } from '../../shared/base/assertNever.ts';
import type { CodedWords } from '../../shared/protocol/languageMessages.ts';
import {
  escapeMarkdown,
  breakerWords,
  callWords,
  engineWords,
  healthIcon,
  healthWords,
  stateSentence,
  latencyWords,
} from '../health/words.ts';
import type { HealthView, ServerView } from '../health/healthView.ts';
import { clockTime } from '../figures.ts';
import { said, type Translate } from '../translate.ts';

/** What the engine has found in a document, or how it is mended, in the user's language (decision 0072). */
export function codedSentence({ code, args }: CodedWords, t: Translate): string {
  const [first = '', second = ''] = args;
  switch (code) {
    case 'commandMissing':
      return t(
        'The command "{0}" was not found, neither as a file nor on PATH. Install it, or write where it is.',
        first,
      );
    case 'portCollision':
      return t(
        '"{1}" names the port {0} too. Only one of them can open it; give one another port.',
        first,
        second,
      );
    case 'plainSecret':
      return t(
        'The value of "{0}" looks like a secret, and stands here in plain text. An input keeps it in the secret storage instead.',
        first,
      );
    case 'insecureUrl':
      return t(
        'What is sent to "{0}" is not encrypted: others on the way can read and change it. Use https:// if the server knows it.',
        first,
      );
    case 'nameClash':
      return t(
        'The name is that of "{0}" but for upper and lower case; VS Code switches one of them off. Give it another name.',
        first,
      );
    case 'nameTaken':
      return t(
        'VS Code switches off one of two servers of the same name, and MCP Lifeline runs a server "{0}" already. Remove one, or give this one another name.',
        first,
      );
    case 'undefinedInput':
      return t('There is no input "{0}" in this file, so the server cannot be started.', first);
    case 'badValue':
      return t('"{0}" {1}.', first, second.replace(/\.$/, ''));
    case 'useInput':
      return t('Ask for "{0}" and Keep It Secret', first);
    case 'addInput':
      return t('Add the Input "{0}"', first);
    case 'useHttps':
      return t('Use https://');
    case 'rename':
      return t('Rename to "{0}"', first);
    case 'usePort':
      return t('Use the Free Port {0}', first);
    default:
      return assertNever(code);
  }
}

/** A server's health for a code lens: it changes only when the state does, so that nothing flickers. */
export function lensTitle(server: ServerView, t: Translate): string {
  return `$(${healthIcon(server.health).name}) ${healthWords(server, t)}`;
}

/** What is known of a server now, as Markdown without links: it is shown before anybody has trusted anything. */
export function serverMarkdown(name: string, view: HealthView, t: Translate): string {
  const server = view.servers.find((other) => other.name === name);
  const title = `**${escapeMarkdown(name)}**`;
  if (server === undefined)
    return [
      title,
      view.trusted
        ? t(
            'MCP Lifeline does not have this entry: another one of that name counts, or it was not saved yet.',
          )
        : t('Restricted Mode. VS Code starts no servers until this workspace is trusted.'),
    ].join('\n\n');
  const { snapshot } = server;
  const lines = [`${title} — ${escapeMarkdown(healthWords(server, t))}`];
  if (snapshot === undefined) {
    if (server.health === 'unknown') lines.push(escapeMarkdown(engineWords(view.engine, t)));
    if (server.health === 'invalid')
      lines.push(t('Its entry cannot be used; the marks in this file say why.'));
    return lines.join('\n\n');
  }
  lines.push(escapeMarkdown(stateSentence(snapshot, t)));
  if (snapshot.diagnosis !== undefined) lines.push(escapeMarkdown(said(snapshot.diagnosis.advice, t)));
  const facts: string[] = [`${t('Breaker')}: ${escapeMarkdown(breakerWords(snapshot, t))}`];
  const { latency, lastError } = snapshot;
  if (latency !== undefined) facts.push(`${t('Latency')}: ${escapeMarkdown(latencyWords(latency, t))}`);
  if (snapshot.metrics.total > 0) facts.push(`${t('Calls')}: ${escapeMarkdown(callWords(snapshot, t))}`);
  if (lastError !== undefined)
    facts.push(
      `${t('Last error')} (${escapeMarkdown(clockTime(lastError.at, t))}): ${escapeMarkdown(cut(said(lastError.message, t)))}`,
    );
  lines.push(facts.map((fact) => `- ${fact}`).join('\n'));
  return lines.join('\n\n');
}

function cut(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 499)}…`;
}

/** The same for an entry of an `mcp.json`, of which nothing is known here. */
export function mcpEntryMarkdown(name: string, canAdopt: boolean, t: Translate): string {
  const lines = [
    `**${escapeMarkdown(name)}**`,
    t('VS Code runs this server itself; MCP Lifeline neither watches nor restarts it.'),
  ];
  if (canAdopt)
    lines.push(
      t('"Run with MCP Lifeline" above its name moves it to the settings, once you have seen what changes.'),
    );
  return lines.join('\n\n');
}
