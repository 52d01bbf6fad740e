import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import spawn from 'cross-spawn';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Fault } from '../../shared/model/fault.ts';
import { RedactedStream, Redactor } from '../../shared/redaction/redactor.ts';
import { LineSplitter } from '../../shared/protocol/lineSplitter.ts';
import { exitFault } from '../recovery/diagnosis/exitFault.ts';
import type { Guardian } from './guardian.ts';
import { LineWriter } from './lineWriter.ts';
import { StderrGate } from './stderrGate.ts';
import {
  defaultStopGrace,
  type OutgoingRequest,
  type StopGrace,
  type Transport,
  type TransportListener,
  type Verdict,
} from './transport.ts';

export interface ServerProcessOptions {
  readonly server: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** The environment to look for the command in when PATH does not have it; `undefined`: there is no other. */
  readonly otherEnv?: (() => Promise<Record<string, string> | undefined>) | undefined;
  readonly clock: Clock;
  /** Knows the secrets that must not be told of it; by default only those that are known by their form. */
  readonly redactor?: Redactor;
  /** Told of its group while it may have to be ended by others. */
  readonly guardian: Pick<Guardian, 'add' | 'remove'>;
  /** Called before each write to its stdin: completes the records of the calls in it. */
  readonly beforeWrite: () => void;
  /** Longest line on stdout; a longer one is dropped. */
  readonly maxLineBytes: number;
}

/** How a process ended. */
interface ProcessEnd {
  readonly kind: 'spawnFailed' | 'exited' | 'left';
  /** errno of a failed spawn, e.g. `ENOENT`. */
  readonly errno?: string | undefined;
  /** Why the spawn failed, as the rest of a sentence. */
  readonly why?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
}

/** What may wait for a server that does not read. */
const MAX_UNREAD_BYTES = 67_108_864;
/** What is kept of its stderr, to find out why it ended. */
const TAIL_LENGTH = 4_096;
/** After an exit the last output is waited for, in case another process holds the pipe open. */
const DRAIN_MS = 50;
/** After SIGKILL. One that does not go even then (it waits for a disk, or belongs to another user, as with `sudo`) is left behind. */
const LEAVE_MS = 5_000;

/**
 * One run of a stdio server: spawned in its own process group, watched by the guardian, stopped as a whole tree.
 */
export class ServerProcess implements Transport {
  readonly requestsAreIndependent = false;
  readonly collectsRequests = true;
  readonly #options: ServerProcessOptions;
  readonly #listener: TransportListener;
  /** Absent when the system refused at once. */
  #child: ChildProcess | undefined;
  #input: LineWriter | undefined;
  /** Its command was not found, and another environment is being asked for. */
  #notFound: ProcessEnd | undefined;
  #lookedElsewhere = false;
  #end: ProcessEnd | undefined;
  #exit: ProcessEnd | undefined;
  #drain: Disposable | undefined;
  #stopping: Promise<void> | undefined;
  #output = '';
  #wasUp = false;
  readonly #stderr: StderrGate;
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #redactor: Redactor;

  constructor(options: ServerProcessOptions, listener: TransportListener) {
    this.#options = options;
    this.#listener = listener;
    this.#redactor = options.redactor ?? new Redactor();
    const redacted = new RedactedStream(this.#redactor);
    this.#stderr = new StderrGate({
      clock: options.clock,
      redact: (text, cut) => redacted.next(text, cut),
      onText: (text) => {
        this.#output = (this.#output + text).slice(-TAIL_LENGTH);
        listener.onStderr(text);
      },
      holdReading: (hold) => {
        if (hold) this.#child?.stderr?.pause();
        else this.#child?.stderr?.resume();
      },
    });
    this.#start(options.env);
  }

  #start(env: Record<string, string>): void {
    const child = this.#spawn(env);
    this.#child = child;
    if (child === undefined) return;
    if (child.pid !== undefined) this.#options.guardian.add(child.pid);
    this.#listen(child);
  }

  /** For most errors `spawn` throws instead of emitting: a folder that is a file, too long a command, too large an environment. */
  #spawn(env: Record<string, string>): ChildProcess | undefined {
    const { command, args, cwd } = this.#options;
    try {
      // cross-spawn quotes for cmd.exe where the command is a .cmd or .bat; elsewhere it is spawn, without a shell.
      return spawn(command, [...args], {
        cwd,
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Told later, as the other failures are: the caller is still putting this process into its place.
      process.nextTick(() => this.#onSpawnFailed(code));
      return undefined;
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined || this.#exit !== undefined;
  }

  pauseReading(): void {
    this.#child?.stdout?.pause();
  }

  resumeReading(): void {
    this.#child?.stdout?.resume();
  }

  #listen(child: ChildProcess): void {
    child.once('spawn', () => this.#listener.onOpened());
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) this.#onSpawnFailed(error.code);
    });
    const splitter = new LineSplitter(this.#options.maxLineBytes, (size, head, tail) =>
      this.#listener.onTooLongLine(size, head, tail),
    );
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = splitter.push(chunk);
      if (lines.length > 0 && this.#end === undefined) this.#listener.onLines(lines);
    });
    // Each is followed by the end of the stream, and of the process, which are told.
    child.stdout?.on('error', () => undefined);
    child.stderr?.on('error', () => undefined);
    child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    if (child.stdin !== null) {
      child.stdin.on('error', () => undefined); // each write has its own verdict; the end is told by exit
      this.#input = new LineWriter(child.stdin, {
        isOver: () => this.hasEnded,
        beforeWrite: this.#options.beforeWrite,
      });
    }
    child.once('exit', (code, signal) => {
      this.#exit = { kind: 'exited', exitCode: code ?? undefined, signal: signal ?? undefined };
      // What it had still said is read, even if it was made to wait.
      child.stdout?.resume();
      child.stderr?.resume();
      // An answer written just before the exit still counts; a grandchild may hold the pipe open, so not for long.
      this.#drain = this.#options.clock.setTimer(DRAIN_MS, () => this.#finishExit());
    });
    child.once('close', () => this.#finishExit());
  }

  #onSpawnFailed(errno: string | undefined): void {
    const failure = this.#spawnFailure(errno);
    const { otherEnv, command } = this.#options;
    const isName = !/[\\/]/.test(command);
    if (failure.errno !== 'ENOENT' || !isName || otherEnv === undefined || this.#lookedElsewhere) {
      this.#finish(failure);
      return;
    }
    this.#lookedElsewhere = true;
    this.#notFound = failure;
    void otherEnv().then((env) => {
      if (this.#end !== undefined) return; // stopped meanwhile
      this.#notFound = undefined;
      if (env === undefined) this.#finish(failure);
      else this.#start(env);
    });
  }

  #spawnFailure(errno: string | undefined): ProcessEnd {
    const { cwd } = this.#options;
    // The system says ENOENT of a missing folder too.
    return isFolder(cwd)
      ? { kind: 'spawnFailed', errno, why: this.#whySpawnFailed(errno) }
      : { kind: 'spawnFailed', errno: 'ENOTDIR', why: `its working folder "${cwd}" is no folder` };
  }

  #whySpawnFailed(errno: string | undefined): string {
    // A whole command line is written there now and then.
    const command = this.#redactor.redact(this.#options.command);
    if (errno === 'ENOENT')
      return `its command "${command.slice(0, 200)}" was not found, neither as a file nor on PATH${this.#lookedElsewhere ? ', nor on that of your login shell' : ''}`;
    if (errno === 'EACCES') return `its command "${command}" may not be executed`;
    return `the system refused to start "${command.slice(0, 200)}" (${errno ?? 'unknown error'})`;
  }

  #finishExit(): void {
    if (this.#exit !== undefined) this.#finish(this.#exit);
  }

  #finish(end: ProcessEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#drain?.dispose();
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
    this.#child?.stdin?.destroy();
    this.#stderr.end(); // its last words, before its end is told
    // What the leader started must not outlive it: it would hold ports and locks against the next start.
    this.#endRest();
    this.#ended.resolve(undefined);
    this.#listener.onEnd(this.#endFault(end));
  }

  /** How its end is told. */
  #endFault(end: ProcessEnd): Fault {
    const { server } = this.#options;
    if (end.kind === 'spawnFailed') {
      const text = `The MCP server "${server}" could not be started: ${end.why ?? 'the system refused'}. Check "command", "cwd" and PATH in its settings.`;
      return new Fault('spawnFailed', text, { server, cause: { code: end.errno } });
    }
    if (end.kind === 'left') {
      const text = `The MCP server "${server}" could not be ended, and its process (${this.pid ?? 'unknown'}) was left behind. End it by hand.`;
      return new Fault('exited', text, { server });
    }
    // One that was asked to end says what it likes on its way out.
    const output = this.#stopping === undefined ? this.#output : '';
    const exit = { code: end.exitCode, signal: end.signal };
    return exitFault({ server, exit, output, wasUp: this.#wasUp });
  }

  #endRest(): void {
    const { pid } = this;
    if (pid === undefined) return;
    const { clock, guardian } = this.#options;
    if (!this.#signalGroup('SIGTERM')) {
      guardian.remove(pid);
      return;
    }
    clock.setTimer(1_000, () => {
      this.#signalGroup('SIGKILL');
      guardian.remove(pid);
    });
  }

  /** Answers whether there was anything to signal. */
  #signalGroup(signal: 'SIGTERM' | 'SIGKILL'): boolean {
    const { pid } = this;
    if (pid === undefined) return false;
    if (process.platform === 'win32') {
      if (this.#exit !== undefined) return false;
      const killer = spawn('taskkill', ['/T', '/F', '/PID', String(pid)], {
        stdio: 'ignore',
        windowsHide: true,
      });
      killer.on('error', () => undefined); // without it the process is left to its closed input
      return true;
    }
    try {
      process.kill(-pid, signal);
      return true;
    } catch {
      return false; // nobody is left in the group
    }
  }

  request(request: OutgoingRequest, settled: (verdict: Verdict) => void): void {
    this.#send(request.line, settled);
  }

  notify(message: Uint8Array | string, settled?: (verdict: Verdict) => void): void {
    this.#send(message, settled);
  }

  #send(line: Uint8Array | string, settled?: (verdict: Verdict) => void): void {
    if (this.#input === undefined) settled?.({ kind: 'broken', delivered: 'no' });
    else this.#input.write(line, settled);
  }

  get isFull(): boolean {
    return (this.#input?.waitingBytes ?? 0) > MAX_UNREAD_BYTES;
  }

  release(): void {
    // a pipe holds nothing for a request
  }

  useProtocol(): void {
    // lines look the same in every version
  }

  listen(): void {
    // The server speaks when it likes; but now its handshake is done.
    this.#wasUp = true;
  }

  /** Stops the whole tree: end of input, then SIGTERM, then SIGKILL. Resolves when the process has ended, or cannot be ended. */
  stop(grace: StopGrace = defaultStopGrace): Promise<void> {
    this.#stopping ??= this.#stop(grace);
    return this.#stopping;
  }

  async #stop(grace: StopGrace): Promise<void> {
    if (this.#end !== undefined) return;
    const { clock } = this.#options;
    if (this.#notFound !== undefined) {
      this.#finish(this.#notFound);
      return;
    }
    this.#input?.flush();
    this.#child?.stdin?.end();
    if (await this.#endsWithin(clock, grace.politeMs)) return;
    if (process.platform !== 'win32') {
      this.#signalGroup('SIGTERM');
      if (await this.#endsWithin(clock, grace.firmMs)) return;
    }
    this.#signalGroup('SIGKILL');
    if (await this.#endsWithin(clock, LEAVE_MS)) return;
    // Whoever waits for its end, calls and the next launch among them, must not wait for ever.
    this.#finish({ kind: 'left' });
  }

  #endsWithin(clock: Clock, ms: number): Promise<boolean> {
    if (this.#end !== undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = clock.setTimer(ms, () => resolve(false));
      void this.#ended.promise.then(() => {
        timer.dispose();
        resolve(true);
      });
    });
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // not there, or not to be looked at
  }
}
