import type { Translate } from './translate.ts';

/**
 * What the engine says, in the user's language.
 *
 * The engine speaks English: its sentences also go into logs, to other clients and to models. Where people read them in the editor, they are looked up in
 * this book of phrases (`said` in `translate.ts`), sentence by sentence; what servers and systems say themselves, and what is not in the book, stays as it is. A test has the
 * engine say its sentences, and finds those that the book does not know any more (decision 0087).
 */

/** `{0}`, `{1}` … are what differs: names, numbers, and clauses. Longer ones stand before those that they begin with. */
const sentences: readonly string[] = [
  'The connection was lost.',
  'It is being started again.',
  'It is being connected to again.',
  'It keeps failing and is tried again at long intervals.',
  'It keeps failing.',
  'It needs a sign-in.',
  'It is disabled in the settings.',
  'Its settings cannot be used.',
  'It is disabled, or its settings cannot be used.',
  'It is isolated by hand; rejoin it to use it again.',
  'It is healthy and was left alone.',
  'It is just being started and was left alone.',
  'Nobody uses it now; it is started when it is needed.',
  'It was started afresh and answers.',
  'No failure is known.',
  'Its last output: {0}',
  'It said: "{0}".',
  'The MCP server "{0}" could not be started: {1}.',
  'The MCP server "{0}" ended unexpectedly ({1}): {2}.',
  'The MCP server "{0}" ended unexpectedly ({1}).',
  'The MCP server "{0}" did not finish its start within {1} s: it has not answered {2}.',
  'The MCP server "{0}" was gone before it could be written to.',
  'The MCP server "{0}" needs the value of {1}.',
  'It waits for the value of {0}, which the editor asks for.',
  'The MCP server "{0}" ({1}) cannot be reached: {2}.',
  'The MCP server "{0}" ({1}) could not be connected to in time ({2}).',
  'The connection to the MCP server "{0}" ({1}) was closed before its answer was complete ({2}).',
  'The MCP server "{0}" answered {1}: {2}.',
  'The MCP server "{0}" answered {1}; it is not available for now.',
  'The MCP server "{0}" {1}, and was given up.',
  'The MCP server "{0}" was restarted by hand while the call was under way.',
  'The MCP server "{0}" did not answer {1} within {2} s.',
  'It could not be started: {0}.',
  'It ended unexpectedly ({0}): {1}.',
  'It ended unexpectedly ({0}).',
  'It did not finish its start within {0} s: it has not answered {1}.',
  'It answered {0}: {1}.',
  'It ({0}) cannot be reached: {1}.',
  'Check "command", "cwd" and PATH in its settings.',
  'Check "url" in its settings.',
  'Check "url" in its settings, and whether it runs.',
  'Check "url" in its settings, and whether the server runs.',
  'Check "url" in its settings, the network and the VPN.',
  'Check "url" and "headers" in its settings.',
  'Wait, or call it less often.',
  'Wait: it is tried again.',
  'Ask its operators when it lasts.',
  'Check "headers" in its settings.',
  'Sign in, or check "headers" in its settings.',
  'Check what its credentials allow, and "headers" in its settings.',
  'Check that "command" and "args" in its settings start an MCP server that speaks on stdin and stdout.',
  'Check that its settings start an MCP server, and whether it waits for something.',
  'Check that "command" and "args" start an MCP server that goes on running.',
  'Check the keys and tokens in its "env" or "headers".',
  'Check its "args" and "env", and its own configuration file.',
  'Check that the service it needs runs and can be reached from here.',
  'Free the port, or give the server another one in its settings.',
  'Allow it more memory (Node: "--max-old-space-size", Java: "-Xmx"), or give it less to hold.',
  'Ask it for less at a time, or allow it more memory (Node: "--max-old-space-size", Java: "-Xmx").',
  'Install what is missing where the server runs, then restart it.',
  'Install the command, or write its full path into "command" or "args".',
  'Allow the file to be executed, and check that it was made for this system.',
  'Restart it; when it happens again, read its output.',
  'When nobody ended it by hand, look at the memory of this machine, or of its container.',
  'Read its output in the log, and start it by hand in a terminal to see more.',
  'Nothing: it is started again.',
  'Nothing: it is connected to again.',
  'Nothing: the session is made again.',
  'When it happens often, read its output.',
  'When it happens often, check the network.',
  "Look into the server's own log.",
  'Report it to the makers of the server: its output is no MCP.',
  'Use "MCP Lifeline: Enter Input Value".',
  'Another session already runs this server, and most likely holds the port.',
  'Set "lifeline": { "instances": "single" } in its settings, so that all sessions use one process.',
  'Port {0} is held by {1}.',
  'It was left by an earlier run of this server: "Free the Port" ends it.',
  'It is this server itself, running for another client.',
  'If it allows only one at a time, set "lifeline.instances" to "single" in its entry.',
  'It is the server "{0}".',
  'It is no process of this server.',
  'It answers, but since a restart it lacks what it had before: {0}.',
  'Since a restart it answers with nothing what it answered before: {0}.',
  'It answers, but its own health check fails.',
  'The watched value "{0}" is {1}, above its threshold of {2}.',
  'The watched value "{0}" is {1}, below its threshold of {2}.',
];

/** Parts of sentences, where they stand for a `{0}`. */
const clauses: readonly string[] = [
  'its command "{0}" was not found, neither as a file nor on PATH, nor on that of your login shell',
  'its command "{0}" was not found, neither as a file nor on PATH',
  'its command "{0}" may not be executed',
  'the system refused to start "{0}" ({1})',
  'exit code {0}',
  'signal {0}',
  'it was killed, by somebody or by the system (as when memory runs out)',
  'somebody ended it',
  'it crashed in its own code or in a library',
  'it gave up by itself (abort)',
  'the system forbade it something it needs',
  'a command that it needs was not found',
  'a command that it needs may not be executed',
  'a command that it needs may not be executed ("{0}")',
  'a library that it needs was not found',
  'the port it listens on is in use',
  'port {0} is in use',
  'it ran out of memory',
  'a module, library or package that it needs was not found',
  'a module, library or package that it needs was not found ("{0}")',
  'a command or file that it needs was not found',
  'a command or file that it needs was not found ("{0}")',
  'it speaks of credentials that are missing or refused',
  'it speaks of settings that are missing or wrong',
  'it could not reach a service that it needs',
  'it wrote to a pipe that was closed',
  'its working folder "{0}" is no folder',
  'a ping',
  'the input {0}',
  'the inputs {0}',
  '{0} and others',
  'nothing listens there ({0})',
  'its name is not known ({0})',
  'there is no way to it ({0})',
  'it did not accept the request',
  'it needs a sign-in or a token',
  'it does not allow this',
  'it does not know the session any more',
  'it asks for fewer calls',
  'it met an error of its own, of which its log may tell more',
  'check "url" in its settings',
  'had nothing to do, was silent for {0} s, and answered no ping',
  'answered neither a call in its time nor a ping after it',
  'could not be reached any more',
  'did not answer after the machine slept or its network changed',
  'process {0}',
  '"{0}" (process {1})',
  '1 tool ({0})',
  'the only tool ({0})',
  'all {0} tools ({1})',
  '{0} tools ({1})',
  '1 prompt ({0})',
  'the only prompt ({0})',
  'all {0} prompts ({1})',
  '{0} prompts ({1})',
  '1 resource ({0})',
  'the only resource ({0})',
  'all {0} resources ({1})',
  '{0} resources ({1})',
];

/** Every text of the book, for the test that looks for their translations. */
export const phraseTexts: readonly string[] = [...sentences, ...clauses];

interface Phrase {
  readonly text: string;
  readonly pattern: RegExp;
}

/** In quotation marks there is a name; at the end of a phrase, what somebody else said, to the end of the text. */
function compile(text: string, end: string): Phrase {
  const parts = text.split(/\{\d\}/);
  const source = parts.reduce((before, part, index) => {
    const escaped = part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    if (index === 0) return escaped;
    const isQuoted = parts[index - 1]?.endsWith('"') === true && part.startsWith('"');
    const isLast = index === parts.length - 1 && part === '';
    return `${before}(${isQuoted ? '[^"]*' : isLast ? '[^]*' : '[^]+?'})${escaped}`;
  }, '');
  return { text, pattern: new RegExp(`${source}${end}`, 'y') };
}

let book: { readonly sentences: readonly Phrase[]; readonly clauses: readonly Phrase[] } | undefined;

function phrases(): NonNullable<typeof book> {
  book ??= {
    sentences: sentences.map((text) => compile(text, String.raw`(?=\s|$)`)),
    clauses: clauses.map((text) => compile(text, '$')),
  };
  return book;
}

/** More texts than a window shows at a time. */
const MAX_KNOWN = 500;

/** Looks up what the engine says, in the language of `t`. What it has looked up is kept: the same text is shown again and again. */
export function bookOfPhrases(t: Translate): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= MAX_KNOWN) known.clear();
    const words = inWords(text, t);
    known.set(text, words);
    return words;
  };
}

function inWords(text: string, t: Translate): string {
  const parts: string[] = [];
  let at = 0;
  while (at < text.length) {
    const found = match(phrases().sentences, text, at, t);
    // What is not known is taken over to the end of its sentence.
    const end = found?.end ?? endOfSentence(text, at);
    parts.push(found?.words ?? text.slice(at, end));
    const rest = /\s*/y;
    rest.lastIndex = end;
    const space = rest.exec(text)?.[0] ?? '';
    parts.push(space);
    at = end + space.length;
  }
  return parts.join('');
}

function match(
  among: readonly Phrase[],
  text: string,
  at: number,
  t: Translate,
): { readonly words: string; readonly end: number } | undefined {
  for (const { text: phrase, pattern } of among) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) continue;
    const args = found.slice(1).map((part) => clauseOf(part, t));
    return { words: t(phrase, ...args), end: at + found[0].length };
  }
  return undefined;
}

/** Several are separated by semicolons. */
function clauseOf(text: string, t: Translate): string {
  return text
    .split('; ')
    .map((part) => match(phrases().clauses, part, 0, t)?.words ?? part)
    .join('; ');
}

function endOfSentence(text: string, from: number): number {
  const end = /[.!?…](?=\s)/g;
  end.lastIndex = from;
  const found = end.exec(text);
  return found === null ? text.length : found.index + 1;
}
