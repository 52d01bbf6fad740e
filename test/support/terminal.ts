import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { enginePath, until } from './testEngine.ts';

/** The program on a terminal of its own (`script` of util-linux), and what it has written there. */
export class Terminal {
  readonly #child: ChildProcess;
  text = '';
  readonly exited: Promise<number | null>;

  constructor(
    args: readonly string[],
    { columns, rows, env, cwd }: { columns: number; rows: number; env: NodeJS.ProcessEnv; cwd: string },
  ) {
    const program = [process.execPath, enginePath, ...args].map((word) => `'${word}'`).join(' ');
    const command = `stty cols ${columns} rows ${rows}; exec ${program}`;
    this.#child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
      env: { ...env, TERM: 'xterm-256color' },
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    this.exited = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** Pages as they were drawn, without what is not text. */
  get pages(): string[] {
    return this.text
      .split('\u001b[?2026h')
      .slice(1)
      .map((page) => stripVTControlCharacters(page.split('\u001b[?2026l')[0] ?? ''));
  }

  /** Types keys. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  until(what: string, wanted: (terminal: this) => boolean): Promise<void> {
    return until(what, () => wanted(this), 30_000).then(() => undefined);
  }

  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }
}
