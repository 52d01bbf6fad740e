import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { basename, delimiter } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import type { Guardian } from './guardian.ts';

export interface LoginShellOptions {
  readonly clock: Clock;
  readonly environment: NodeJS.ProcessEnv;
  /** Ends the shell's group when the engine is killed meanwhile. */
  readonly guardian: Pick<Guardian, 'add' | 'remove'>;
  readonly log: (text: string) => void;
}

/** A profile that asks or waits must not hold a server back for longer. */
const LIMIT_MS = 10_000;
/** After the shell's end its output is waited for. */
const DRAIN_MS = 500;
const MAX_OUTPUT_BYTES = 4_194_304;
const MAX_VARIABLES = 5_000;

/**
 * The environment that the user's login shell makes (requirements R1.8). An editor that was started from a desktop has not run the user's
 * profiles, and lacks what they put on PATH (nvm, pyenv, Homebrew). Asked once, when a command is not found; not on Windows, where there is no such shell.
 */
export class LoginShell {
  readonly #options: LoginShellOptions;
  #environment: Promise<NodeJS.ProcessEnv | undefined> | undefined;

  constructor(options: LoginShellOptions) {
    this.#options = options;
  }

  /** `undefined` when there is none, or it does not tell within 10 s. Never rejects; one answer for the engine's life. */
  environment(): Promise<NodeJS.ProcessEnv | undefined> {
    this.#environment ??= this.#ask();
    return this.#environment;
  }

  async #ask(): Promise<NodeJS.ProcessEnv | undefined> {
    const shell = process.platform === 'win32' ? undefined : shellOf(this.#options.environment);
    if (shell === undefined) return undefined;
    const mark = randomBytes(16).toString('hex');
    // `spawn` throws for most errors instead of emitting: a path through a file, no handles left.
    const output = await this.#run(shell, mark).catch(() => '');
    const found = parseMarked(output, mark);
    const what = `the environment of the login shell (${shell})`;
    this.#options.log(found === undefined ? `${what} could not be read` : `${what} was read`);
    return found;
  }

  /** What the shell and its profiles print; empty when it could not be started, or took too long. */
  #run(shell: string, mark: string): Promise<string> {
    const { clock, environment, guardian } = this.#options;
    return new Promise((resolve) => {
      const child: ChildProcess = spawn(shell, argumentsFor(shell, mark), {
        // Profiles look at the second one, by an old agreement, and leave out what is only for terminals.
        env: { ...environment, ELECTRON_RUN_AS_NODE: '1', VSCODE_RESOLVING_ENVIRONMENT: '1' },
        // A profile that asks gets no answer; a group of its own has no terminal to take.
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      });
      const { pid } = child;
      if (pid !== undefined) guardian.add(pid);
      let text = '';
      const finish = (result: string): void => {
        timer.dispose();
        child.stdout?.destroy();
        if (pid !== undefined) guardian.remove(pid);
        resolve(result);
      };
      const giveUp = (): void => {
        try {
          if (pid !== undefined) process.kill(-pid, 'SIGKILL');
        } catch {
          // gone
        }
        finish('');
      };
      const timer = clock.setTimer(LIMIT_MS, giveUp);
      child.once('error', () => finish(''));
      // Without handles left there is none.
      child.stdout?.setEncoding('utf8');
      child.stdout?.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_OUTPUT_BYTES) giveUp();
        else if (text.indexOf(mark) !== text.lastIndexOf(mark)) finish(text);
      });
      child.stdout?.on('error', () => undefined); // its end is told below
      // What a profile has started in the background may hold the pipe open for ever.
      child.once('exit', () => clock.setTimer(DRAIN_MS, () => finish(text)));
      child.once('close', () => finish(text));
    });
  }
}

function shellOf(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment['SHELL'];
  if (named !== undefined && named !== '') return named;
  try {
    return userInfo().shell ?? undefined;
  } catch {
    return undefined; // a user without an entry, as in some containers
  }
}

/** How a shell is told to be a login shell and to run our own Node, which prints its environment between two marks. */
function argumentsFor(shell: string, mark: string): string[] {
  const script = `process.stdout.write("${mark}" + JSON.stringify(process.env) + "${mark}")`;
  const name = basename(shell);
  if (/^(?:pwsh|powershell)(?:-preview)?$/.test(name)) {
    const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
    return [
      '-Login',
      '-Command',
      `& ${quoted(process.execPath)} -e ${quoted(script.replaceAll('"', '\\"'))}`,
    ];
  }
  const program = `'${process.execPath.replaceAll("'", String.raw`'\''`)}'`;
  const command = `${name === 'nu' ? '^' : ''}${program} -e '${script}'`;
  // csh takes `-l` only as its sole argument; `-i` makes it read .cshrc.
  return /^t?csh$/.test(name) ? ['-ic', command] : ['-i', '-l', '-c', command];
}

/** What stands between the marks; around it profiles may print anything. */
export function parseMarked(output: string, mark: string): NodeJS.ProcessEnv | undefined {
  const start = output.indexOf(mark);
  const end = start < 0 ? -1 : output.indexOf(mark, start + mark.length);
  if (end < 0) return undefined;
  try {
    const value: unknown = JSON.parse(output.slice(start + mark.length, end));
    if (typeof value !== 'object' || value === null) return undefined;
    const entries = Object.entries(value).slice(0, MAX_VARIABLES);
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return undefined; // no JSON: something else printed the mark
  }
}

/** The own environment, completed by the shell's: its PATH comes first, and what the own one lacks is added. */
export function withLoginShell(own: NodeJS.ProcessEnv, shell: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folders = [shell['PATH'], own['PATH']].flatMap((path) => (path ?? '').split(delimiter));
  const path = [...new Set(folders.filter((folder) => folder !== ''))].join(delimiter);
  return { ...shell, ...own, PATH: path };
}
