import type { ChildProcess } from 'node:child_process';
import spawn from 'cross-spawn';
import type { Clock } from '../../shared/base/clock.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import { withoutQuery } from '../../shared/settings/serverConfig.ts';
import type { Launch } from '../upstream/launch.ts';
import { isObject } from '../upstream/ownRequests.ts';
import type { CheckResult } from './ownCheck.ts';

/** A URL, or a command, that takes longer has failed. */
const CHECK_LIMIT_MS = 5_000;
/** A tool may have something to do. */
const TOOL_LIMIT_MS = 30_000;

/** Of a tool's words. */
const MAX_TOLD = 300;
/** And of them this much is searched for secrets. */
const MAX_READ = 4_096;

const well: CheckResult = { isWell: true };
const failed = (why: string): CheckResult => ({ isWell: false, why });
const unmade = (why: string): CheckResult => ({ isWell: false, why, isUnmade: true });

/** The network of this machine is at fault, or the address: the request went to nobody. */
const noWay: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN']);

/** Where a command is run, and with what. */
export interface CommandPlace {
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** Ends what is left when this engine is killed. */
  readonly guardian: { add(pid: number): void; remove(pid: number): void };
}

/** Calls a tool of the server; `undefined` when it is not known to be read-only, which `onRefused` is told. */
export async function checkByTool(
  launch: Launch,
  check: Extract<HealthCheck, { kind: 'tool' }>,
  onRefused: (why: string) => void,
): Promise<CheckResult> {
  const { tool } = check;
  const { toolHints } = launch;
  if (toolHints === undefined) return undefined; // its list has not come yet
  // It is called again and again, by nobody's wish.
  if (toolHints.get(tool)?.readOnly !== true) {
    const why = toolHints.has(tool) ? 'is not declared read-only by the server' : 'is no tool of the server';
    onRefused(`the tool "${tool}" of its "healthCheck" ${why}; it is checked by ping only`);
    return undefined;
  }
  const params = JSON.stringify({ name: tool, arguments: check.arguments });
  const answer = await launch.request('tools/call', params, TOOL_LIMIT_MS);
  if (answer.kind === 'error') return failed(`The tool "${tool}" failed: ${launch.redact(answer.error)}`);
  if (answer.kind === 'failed')
    return failed(
      answer.fault?.message ?? `The tool "${tool}" did not answer within ${TOOL_LIMIT_MS / 1_000} s.`,
    );
  const isError = isObject(answer.value) && answer.value['isError'] === true;
  return isError
    ? failed(
        `The tool "${tool}" answered with an error: ${launch.redact(textOf(answer.value)).slice(0, MAX_TOLD)}`,
      )
    : well;
}

function textOf(value: unknown): string {
  const content = isObject(value) && Array.isArray(value['content']) ? (value['content'] as unknown[]) : [];
  const [first] = content;
  return isObject(first) && typeof first['text'] === 'string' ? first['text'].slice(0, MAX_READ) : 'no text';
}

/** Asks the user's own URL. */
export async function checkByUrl(clock: Clock, url: string): Promise<CheckResult> {
  // Its query may hold a key, and what is told here is logged and shown.
  const shown = withoutQuery(url);
  const controller = new AbortController();
  const timer = clock.setTimer(CHECK_LIMIT_MS, () => controller.abort());
  try {
    const response = await fetch(url, {
      signal: controller.signal,
      redirect: 'manual',
      headers: { connection: 'close' },
    });
    await response.body?.cancel();
    return response.ok ? well : failed(`${shown} answered ${response.status}.`);
  } catch (error) {
    if (controller.signal.aborted)
      return failed(`${shown} did not answer within ${CHECK_LIMIT_MS / 1_000} s.`);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = `${shown} could not be asked: ${cause instanceof Error ? cause.message : String(cause)}`;
    return noWay.has((cause as NodeJS.ErrnoException).code) ? unmade(why) : failed(why);
  } finally {
    timer.dispose();
  }
}

/** Runs a command without a shell; its whole tree is ended with it, or at the limit. */
export function checkByCommand(
  clock: Clock,
  check: Extract<HealthCheck, { kind: 'command' }>,
  { cwd, env, guardian }: CommandPlace,
): Promise<CheckResult> {
  const { command, args } = check;
  return new Promise((resolve) => {
    const child = (() => {
      try {
        const detached = process.platform !== 'win32';
        return spawn(command, [...args], { cwd, env, stdio: 'ignore', detached, windowsHide: true });
      } catch (error) {
        resolve(unmade(`"${command}" could not be started: ${String(error)}`));
        return undefined;
      }
    })();
    if (child === undefined) return;
    const { pid } = child;
    if (pid !== undefined) guardian.add(pid);
    let isOver = false;
    const finish = (result: CheckResult): void => {
      if (isOver) return; // its end is told once more when it was ended at the limit
      isOver = true;
      timer.dispose();
      if (pid !== undefined) {
        // Windows has no groups, and gives the number of a process that has ended to the next one.
        if (process.platform !== 'win32' || !hasEnded(child)) endTree(pid);
        guardian.remove(pid);
      }
      resolve(result);
    };
    const timer = clock.setTimer(CHECK_LIMIT_MS, () =>
      finish(failed(`"${command}" did not end within ${CHECK_LIMIT_MS / 1_000} s.`)),
    );
    child.once('error', (error) => finish(unmade(`"${command}" could not be started: ${error.message}`)));
    child.once('exit', (code, signal) =>
      finish(
        code === 0 ? well : failed(`"${command}" ended with ${signal ?? `exit code ${code ?? 'unknown'}`}.`),
      ),
    );
  });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function endTree(pid: number): void {
  if (process.platform === 'win32') {
    const killer = spawn('taskkill', ['/T', '/F', '/PID', String(pid)], {
      stdio: 'ignore',
      windowsHide: true,
    });
    killer.on('error', () => undefined); // it has ended by itself
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left in the group
  }
}
