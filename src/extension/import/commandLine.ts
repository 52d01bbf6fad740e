import type { Translate } from '../translate.ts';

/** A command line as a person types it, taken apart. Nothing is ever run through a shell (requirements R14). */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
  /** From assignments before the command: `TOKEN=x npx server`. */
  readonly env: Readonly<Record<string, string>>;
}

/** What is said of something that was typed: an error keeps the wizard from going on, a warning does not. */
export interface Remark {
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

/** Words, with quotes taken off; `undefined` when a quote is not closed. On Windows a backslash is a part of a path. */
export function splitWords(text: string, platform: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const next = text[at + 1] ?? '';
    const isEscape =
      character === '\\' && quote !== "'" && (platform === 'win32' ? next === '"' : /["'\\\s]/.test(next));
    if (isEscape) {
      word = (word ?? '') + next;
      at += 1;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** `undefined` when there is no command in it. */
export function readCommandLine(text: string, platform: string): CommandLine | undefined {
  const words = splitWords(text, platform);
  if (words === undefined) return undefined;
  const env: Record<string, string> = {};
  let start = 0;
  for (; start < words.length; start += 1) {
    const [, name, value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[start] ?? '') ?? [];
    if (name === undefined || name === '__proto__') break;
    env[name] = value;
  }
  const [command, ...args] = words.slice(start);
  return command === undefined || command === '' ? undefined : { command, args, env };
}

/** What is wrong with a command line, or may be. `isFound` looks for the program; where it does not, the engine may find it on the login shell's PATH. */
export async function remarkOnCommandLine(
  text: string,
  platform: string,
  isFound: (command: string) => Promise<boolean>,
  t: Translate,
): Promise<Remark | undefined> {
  if (text.trim() === '')
    return { severity: 'error', message: t('Enter the command that starts the server.') };
  if (splitWords(text, platform) === undefined)
    return { severity: 'error', message: t('A quotation mark is not closed.') };
  const line = readCommandLine(text, platform);
  if (line === undefined)
    return { severity: 'error', message: t('Enter the command that starts the server.') };
  const shell = line.args.find((word) => /^(?:[|&;]+|[12]?>+.*|<)$/.test(word));
  if (shell !== undefined)
    return {
      severity: 'warning',
      message: t('No shell reads this: "{0}" is handed to the program as it is.', shell),
    };
  if (line.command.includes('${') || (await isFound(line.command))) return undefined;
  return {
    severity: 'warning',
    message: t(
      '"{0}" was not found on the PATH of VS Code. It is looked for on that of your login shell when the server starts.',
      line.command,
    ),
  };
}

/** Where a program of this name would be; the first that is there is the one that is started. A pure function. */
export function placesOf(
  command: string,
  surroundings: {
    readonly platform: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly folder: string | undefined;
  },
): readonly string[] {
  const { platform, env, folder } = surroundings;
  const isWindows = platform === 'win32';
  const separator = isWindows ? '\\' : '/';
  const extensions = isWindows ? ['', ...(env['PATHEXT'] ?? '.COM;.EXE;.BAT;.CMD').split(';')] : [''];
  const endings = (path: string): string[] => extensions.map((extension) => path + extension);
  const isPath = command.includes('/') || (isWindows && command.includes('\\'));
  if (isPath) {
    const isAbsolute = isWindows ? /^(?:[A-Za-z]:[\\/]|[\\/]{2})/.test(command) : command.startsWith('/');
    if (isAbsolute) return endings(command);
    return folder === undefined ? [] : endings(folder + separator + command);
  }
  const path = Object.entries(env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  return path
    .split(isWindows ? ';' : ':')
    .filter((entry) => entry !== '')
    .flatMap((entry) => endings(entry + separator + command));
}
