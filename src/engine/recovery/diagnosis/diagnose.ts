import type { Fault, FaultCode } from '../../../shared/model/fault.ts';
import type { CrashCause, Diagnosis } from '../../../shared/model/snapshot.ts';
import type { OutputCause } from './outputPatterns.ts';
import { findingOf } from './exitFault.ts';
import type { OutputFinding } from './readOutput.ts';

export interface FailureEvidence {
  /** What ended the last launch. */
  readonly fault: Fault;
  /** The end of what its process wrote to stderr; empty for a remote server. */
  readonly output: string;
  /** It had been ready. */
  readonly wasUp: boolean;
}

const MAX_SENTENCE = 4_000;

const causesOfOutput: Readonly<Partial<Record<OutputCause, CrashCause>>> = {
  portInUse: 'portInUse',
  outOfMemory: 'outOfMemory',
  dependencyMissing: 'dependencyMissing',
  commandMissing: 'commandMissing',
  notExecutable: 'commandMissing',
  badCredentials: 'badCredentials',
  badConfiguration: 'badConfiguration',
};

const causesOfCode: Readonly<Partial<Record<FaultCode, CrashCause>>> = {
  spawnFailed: 'commandMissing',
  portInUse: 'portInUse',
  dependencyMissing: 'dependencyMissing',
  outOfMemory: 'outOfMemory',
  startTimeout: 'startTimeout',
  authRequired: 'badCredentials',
  forbidden: 'badCredentials',
  exited: 'crash',
  brokenPipe: 'crash',
};

const adviceOfOutput: Readonly<Record<OutputCause, string>> = {
  portInUse: 'Free the port, or give the server another one in its settings.',
  outOfMemory: 'Allow it more memory (Node: "--max-old-space-size", Java: "-Xmx"), or give it less to hold.',
  dependencyMissing: 'Install what is missing where the server runs, then restart it.',
  commandMissing: 'Install the command, or write its full path into "command" or "args".',
  notExecutable: 'Allow the file to be executed, and check that it was made for this system.',
  badCredentials: 'Check the keys and tokens in its "env" or "headers".',
  badConfiguration: 'Check its "args" and "env", and its own configuration file.',
  unreachable: 'Check that the service it needs runs and can be reached from here.',
  brokenPipe: 'Restart it; when it happens again, read its output.',
};

/** Advice by exit status, where the output tells nothing. */
function adviceOfExit({ exit }: Fault): string | undefined {
  if (exit === undefined) return undefined;
  const { code, signal } = exit;
  if (signal === 'SIGKILL' || code === 137)
    return 'When nobody ended it by hand, look at the memory of this machine, or of its container.';
  if (code === 127 || code === 9009) return adviceOfOutput.commandMissing;
  if (code === 126) return adviceOfOutput.notExecutable;
  if (code === 0) return 'Check that "command" and "args" start an MCP server that goes on running.';
  return 'Read its output in the log, and start it by hand in a terminal to see more.';
}

function causeOfExit({ exit }: Fault): CrashCause | undefined {
  return exit?.code === 127 || exit?.code === 126 || exit?.code === 9009 ? 'commandMissing' : undefined;
}

/** A missing working folder is none of the command's. */
function isFolderMissing({ code, cause }: Fault): boolean {
  return code === 'spawnFailed' && (cause as { readonly code?: unknown } | undefined)?.code === 'ENOTDIR';
}

/** Names why a server keeps failing, and what a person can do (requirements R5.5). Pure: who holds a port is looked up elsewhere. */
export function diagnose({ fault, output, wasUp }: FailureEvidence): Diagnosis {
  // Without an exit status it was we who ended it: for a start that took too long its output may tell why.
  const exit = fault.exit ?? (wasUp ? undefined : {});
  const finding = exit === undefined ? undefined : findingOf({ exit, output, wasUp });
  const ofOutput = finding === undefined ? undefined : causesOfOutput[finding.cause];
  const cause =
    ofOutput ??
    (isFolderMissing(fault) ? 'badConfiguration' : undefined) ??
    causeOfExit(fault) ??
    causesOfCode[fault.code] ??
    'unknown';
  return {
    cause,
    sentence: sentenceOf(fault, finding),
    advice:
      (finding === undefined ? adviceOfExit(fault) : adviceOfOutput[finding.cause]) ?? fault.traits.advice,
    ...(finding?.port === undefined ? {} : { port: finding.port }),
  };
}

function sentenceOf(fault: Fault, finding: OutputFinding | undefined): string {
  const said = finding === undefined ? '' : ` It said: "${finding.line}".`;
  return `${fault.message}${said}`.slice(0, MAX_SENTENCE);
}
