import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { processStartTime } from '../state/processIdentity.ts';

/**
 * Outlives the engine, and when the engine dies by whatever means ends the process groups of its servers. It holds
 * the reading end of a pipe; the pipe closes with the engine, even on SIGKILL.
 *
 * As a shell it costs 0.2 MB (measured; Node costs 11 MB). On Windows, where there are no process groups, the
 * engine's own program is run in guardian mode and ends the trees.
 */

/**
 * `+ PGID STARTTIME` adds, `- PGID` removes. A group whose leader's number now belongs to a process with another
 * start time was reused by a stranger and is left alone. A leader that is gone is no such sign: its number cannot be
 * given away while its group has members.
 */
const SHELL_GUARD = `
trap '' HUP INT TERM PIPE
groups=''
while read -r op pgid start; do
  case "$op" in
    +) groups="$groups $pgid:$start" ;;
    -) rest=''; for g in $groups; do [ "\${g%%:*}" = "$pgid" ] || rest="$rest $g"; done; groups="$rest" ;;
  esac
done
same() {
  start="\${1#*:}"
  [ -n "$start" ] && [ -r "/proc/\${1%%:*}/stat" ] || return 0
  stat=$(cat "/proc/\${1%%:*}/stat" 2>/dev/null) || return 0
  set -- \${stat##*) }
  [ "\${20}" = "$start" ]
}
alive=''
for g in $groups; do same "$g" && alive="$alive \${g%%:*}"; done
[ -n "$alive" ] || exit 0
for p in $alive; do kill -s TERM -- "-$p" 2>/dev/null; done
sleep 1
for p in $alive; do kill -s KILL -- "-$p" 2>/dev/null; done
`;

/** A shell that ends at once must not become a loop of forks. */
const RESTART_DELAY_MS = 1_000;
/** A system that starts no more processes is asked again after this. */
const REFUSED_DELAY_MS = 10_000;

/** Servers get a second between SIGTERM and SIGKILL, to write what they hold. */
export class Guardian {
  readonly #clock: Clock;
  readonly #log: (text: string) => void;
  readonly #groups = new Map<number, string>();
  #child: ChildProcess | undefined;
  #disposed = false;
  #restarts = 0;
  #restart: Disposable | undefined;

  constructor(clock: Clock, log: (text: string) => void) {
    this.#clock = clock;
    this.#log = log;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Watches over the process group (on Windows: the tree) led by `pid`. */
  add(pid: number): void {
    const start = processStartTime(pid) ?? '';
    this.#groups.set(pid, start);
    this.#tell(`+ ${pid} ${start}\n`);
  }

  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#tell(`- ${pid}\n`);
  }

  /** Lets the guardian go; it ends whatever is still registered. */
  dispose(): void {
    this.#disposed = true;
    this.#restart?.dispose();
    this.#child?.stdin?.end();
    this.#child?.unref();
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(line);
  }

  #start(): void {
    const options = {
      stdio: ['pipe', 'ignore', 'ignore'] as ['pipe', 'ignore', 'ignore'],
      detached: true,
      windowsHide: true,
    };
    let child: ChildProcess;
    try {
      child =
        process.platform === 'win32'
          ? spawn(process.execPath, [process.argv[1] ?? '', '--guardian'], options)
          : spawn('/bin/sh', ['-c', SHELL_GUARD, 'mcp-lifeline-guardian'], options);
    } catch (error) {
      // Out of memory, say: this engine must not end for it.
      this.#onRefused(error);
      return;
    }
    this.#child = child;
    child.once('error', (error) => {
      if (child.pid === undefined) this.#onRefused(error);
    });
    // The engine must be able to end while the guardian waits for its end.
    child.unref();
    child.stdin?.on('error', () => undefined); // its exit is reported below
    child.once('exit', () => {
      if (this.#child !== child) return;
      this.#again('the guardian ended and is started again', this.#restarts === 0 ? 0 : RESTART_DELAY_MS);
    });
  }

  #onRefused(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#again(`the guardian could not be started: ${why}`, REFUSED_DELAY_MS);
  }

  #again(why: string, inMs: number): void {
    if (this.#disposed) return;
    this.#log(why);
    this.#restart = this.#clock.setTimer(inMs, () => {
      this.#restarts += 1;
      this.#start();
      for (const [pid, start] of this.#groups) this.#tell(`+ ${pid} ${start}\n`);
    });
  }
}

/** The guardian's own program where there is no shell for it (Windows): `engine --guardian`. */
export function runGuardian(): void {
  const pids = new Set<string>();
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [op, pid] = line.split(' ');
      if (pid === undefined || !/^\d+$/.test(pid)) continue;
      if (op === '+') pids.add(pid);
      else if (op === '-') pids.delete(pid);
    }
  });
  process.stdin.once('close', () => {
    for (const pid of pids) {
      const killer = spawn('taskkill', ['/T', '/F', '/PID', pid], { stdio: 'ignore', windowsHide: true });
      killer.on('error', () => undefined); // nothing else can be done from here
    }
  });
}
