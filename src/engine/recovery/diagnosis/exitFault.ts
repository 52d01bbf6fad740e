import { Fault, type ExitStatus, type FaultCode } from '../../../shared/model/fault.ts';
import type { OutputCause } from './outputPatterns.ts';
import { readOutput, type OutputFinding } from './readOutput.ts';

export interface ProcessExit {
  readonly server: string;
  readonly exit: ExitStatus;
  /** The end of what it wrote to stderr. */
  readonly output: string;
  /** It had done the handshake: whatever ended it then, its start was none of it. */
  readonly wasUp: boolean;
}

const codes: Readonly<Partial<Record<OutputCause, FaultCode>>> = {
  portInUse: 'portInUse',
  dependencyMissing: 'dependencyMissing',
  outOfMemory: 'outOfMemory',
  brokenPipe: 'brokenPipe',
};
/** Whoever ends a process from outside does so whatever it wrote before. */
const fromOutside: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']);
/** Of a process that was up only the last lines count: it may have written of other troubles long before. */
const LAST_LINES = 40;
/** What ends a process at work; the others are the troubles of single calls, until they stop a start. */
const endsWork: ReadonlySet<OutputCause> = new Set([
  'portInUse',
  'outOfMemory',
  'dependencyMissing',
  'brokenPipe',
]);

/** What the output tells about this end. */
export function findingOf({ exit, output, wasUp }: Omit<ProcessExit, 'server'>): OutputFinding | undefined {
  if (output === '' || (exit.signal !== undefined && fromOutside.has(exit.signal))) return undefined;
  if (!wasUp) return readOutput(output);
  const finding = readOutput(output.split('\n').slice(-LAST_LINES).join('\n'));
  return finding !== undefined && endsWork.has(finding.cause) ? finding : undefined;
}

/** What a process that was up is still said to have ended by; the others speak of starts, which do not count against the breaker. */
const alsoWhenUp: ReadonlySet<FaultCode> = new Set(['outOfMemory', 'brokenPipe']);

/** Windows' status of a process whose libraries could not be loaded. */
const DLL_NOT_FOUND = 0xc0_00_01_35;
const DLL_ENTRY_NOT_FOUND = 0xc0_00_01_39;

/** What the exit status alone tells, as the rest of a sentence (POSIX shells: 126, 127, 128 + signal). */
export function wordsOfExit({ code, signal }: ExitStatus): string | undefined {
  if (signal === 'SIGKILL' || code === 137)
    return 'it was killed, by somebody or by the system (as when memory runs out)';
  if (signal === 'SIGTERM' || code === 143 || signal === 'SIGINT' || code === 130 || signal === 'SIGHUP')
    return 'somebody ended it';
  if (signal === 'SIGSEGV' || code === 139 || code === 0xc0_00_00_05)
    return 'it crashed in its own code or in a library';
  if (signal === 'SIGABRT' || code === 134) return 'it gave up by itself (abort)';
  if (signal === 'SIGSYS') return 'the system forbade it something it needs';
  if (code === 127 || code === 9009) return 'a command that it needs was not found';
  if (code === 126) return 'a command that it needs may not be executed';
  if (code === DLL_NOT_FOUND || code === DLL_ENTRY_NOT_FOUND) return 'a library that it needs was not found';
  return undefined;
}

/** What the output tells, as the rest of a sentence. */
export function wordsOfFinding({ cause, missing, port }: OutputFinding): string {
  const name = missing === undefined ? '' : ` ("${missing.slice(0, 200)}")`;
  switch (cause) {
    case 'portInUse':
      return `${port === undefined ? 'the port it listens on' : `port ${port}`} is in use`;
    case 'outOfMemory':
      return 'it ran out of memory';
    case 'dependencyMissing':
      return `a module, library or package that it needs was not found${name}`;
    case 'commandMissing':
      return `a command or file that it needs was not found${name}`;
    case 'notExecutable':
      return `a command that it needs may not be executed${name}`;
    case 'badCredentials':
      return 'it speaks of credentials that are missing or refused';
    case 'badConfiguration':
      return 'it speaks of settings that are missing or wrong';
    case 'unreachable':
      return 'it could not reach a service that it needs';
    case 'brokenPipe':
      return 'it wrote to a pipe that was closed';
  }
}

/** How the end of a process is told, with the code that its output and its exit status give it (requirements R2.3, R5.5). */
export function exitFault({ server, exit, output, wasUp }: ProcessExit): Fault {
  const how = exit.signal === undefined ? `exit code ${exit.code ?? 'unknown'}` : `signal ${exit.signal}`;
  const finding = findingOf({ exit, output, wasUp });
  const told = finding === undefined ? undefined : codes[finding.cause];
  const ofExit =
    exit.code === DLL_NOT_FOUND || exit.code === DLL_ENTRY_NOT_FOUND ? 'dependencyMissing' : 'exited';
  const code = told ?? ofExit;
  const why = finding === undefined ? wordsOfExit(exit) : wordsOfFinding(finding);
  const text = `The MCP server "${server}" ended unexpectedly (${how})${why === undefined ? '' : `: ${why}`}.`;
  return new Fault(wasUp && !alsoWhenUp.has(code) ? 'exited' : code, text, { server, exit });
}
