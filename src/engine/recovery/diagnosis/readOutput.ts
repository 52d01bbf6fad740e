import { outputPatterns, precision, type OutputCause } from './outputPatterns.ts';
import { portInText } from './portInText.ts';

/** What a server's last output says about why it ended. */
export interface OutputFinding {
  readonly cause: OutputCause;
  /** The line that says so, trimmed. */
  readonly line: string;
  /** The name of what is missing: a module, a library, a command. */
  readonly missing?: string;
  /** `portInUse`, where the output names it. */
  readonly port?: number;
}

/** Of the output the end is read. */
const MAX_TEXT = 16_384;
const MAX_LINES = 400;
const MAX_LINE = 1_000;
const MAX_QUOTE = 300;
/** How far from the error its details stand: Node prints `port: 3000` below the stack. */
const DETAIL_LINES = 16;

/** A log line that is no error; what it tells did not end the program. */
const harmless: readonly RegExp[] = [
  // "INFO: …", "12:00:01 [WARN] …", "npm warn …"
  /^[\d\s:.,TZ+/\-[\]()|]{0,50}(?:npm )?\b(?:warn(?:ing)?|info|debug|trace|notice)\b/i,
  // Python's logging: "2026-01-01 12:00:00,123 - name - INFO - …"; logfmt: "level=info"
  /^[\d\s:.,TZ+/\-[\]()|]{4,50}[\w.]{0,60}[\s:-]{1,3}(?:WARNING|WARN|INFO|DEBUG|NOTICE)\b/,
  /\b(?:level|severity)["']?[=:] ?["']?(?:warn|info|debug|trace)/i,
  /\b(?:\w{0,40}Warning:|DeprecationWarning\b|: warning:)/,
  /\b(?:ignored|ignoring|falling back|skipping|skipped|retrying|will retry)\b/i,
];
const isHarmless = (line: string): boolean => harmless.some((pattern) => pattern.test(line));
/** A stack frame names files, and a file may be called after anything. */
const isFrame = (line: string): boolean => /^\s*(?:at |File "|\d+: |goroutine |-> )/.test(line);
const tellsAddress = (line: string): boolean =>
  /^\s*port: \d|\bfailed to (?:bind|listen|start)\b|\bbind(?:ing)? (?:to|on|error|failed)\b/i.test(line);

/**
 * Reads the end of what a server wrote to stderr. Never throws; bounded in time, whatever the text. Only ever given the output of a process
 * that ended or did not start: what a server answers is none of its business (a tool that reports "Broken pipe" has worked).
 */
export function readOutput(output: string): OutputFinding | undefined {
  const lines = output
    .slice(-MAX_TEXT)
    .split(/\r\n|\r|\n/)
    .slice(-MAX_LINES)
    .map((line) => line.slice(0, MAX_LINE).trimEnd());
  let found: { readonly finding: OutputFinding; readonly at: number } | undefined;
  for (const [at, line] of lines.entries()) {
    const finding = readLine(line);
    if (finding === undefined) continue;
    if (found === undefined || isBetter(finding, found.finding)) found = { finding, at };
  }
  if (found === undefined) return undefined;
  const { finding, at } = found;
  return finding.cause === 'portInUse' && finding.port === undefined
    ? withPort(finding, portNear(lines, at))
    : finding;
}

/** As telling or more; of equals the later one, unless it tells less of the same. */
function isBetter(next: OutputFinding, last: OutputFinding): boolean {
  const gain = precision[next.cause] - precision[last.cause];
  if (gain !== 0 || next.cause !== last.cause) return gain >= 0;
  const knows = (finding: OutputFinding): boolean =>
    finding.missing !== undefined || finding.port !== undefined;
  return knows(next) || !knows(last);
}

function readLine(line: string): OutputFinding | undefined {
  if (line.trim() === '' || isFrame(line) || isHarmless(line)) return undefined;
  for (const { cause, pattern } of outputPatterns) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const missing = match.groups?.['what'] ?? match.groups?.['what2'];
    const finding: OutputFinding = {
      cause,
      line: line.trim().slice(0, MAX_QUOTE),
      ...(missing === undefined ? {} : { missing: missing.trim() }),
    };
    return cause === 'portInUse' ? withPort(finding, portInText(line)) : finding;
  }
  return undefined;
}

function withPort(finding: OutputFinding, port: number | undefined): OutputFinding {
  return port === undefined ? finding : { ...finding, port };
}

/** The port that a neighbouring line names. */
function portNear(lines: readonly string[], at: number): number | undefined {
  const near = lines.slice(Math.max(0, at - DETAIL_LINES), at + DETAIL_LINES + 1).filter(tellsAddress);
  for (const line of near) {
    const port = portInText(line);
    if (port !== undefined) return port;
  }
  return undefined;
}
