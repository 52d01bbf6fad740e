import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MAX_LINE_BYTES, NO_HASH, readLine } from './auditLine.ts';

/** Where the chain ended when it was last brought to the disk: without it lines that are cut off at the end would not be missed. */
export const HEAD_FILE = 'head.json';
const FILE_NAME = /^audit-(\d{12})\.jsonl$/;
const MAX_HEAD_BYTES = 4_096;

/** The file that begins with line `seq`. */
export function auditFileName(seq: number): string {
  return `audit-${String(seq).padStart(12, '0')}.jsonl`;
}

export function firstSeqOf(file: string): number {
  return Number(FILE_NAME.exec(basename(file))?.[1] ?? NaN);
}

/** The files of a chain, in its order. */
export function auditFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .map((name) => join(folder, name));
}

export interface Head {
  readonly seq: number;
  readonly hash: string;
  /** How long the trail is to be kept when nobody goes on with it, by its own settings. */
  readonly keepDays?: number;
}

/** `'unreadable'`: there is something else in its place. */
export function readHead(folder: string): Head | 'unreadable' | undefined {
  const file = join(folder, HEAD_FILE);
  try {
    if (statSync(file).size > MAX_HEAD_BYTES) return 'unreadable';
    const read = JSON.parse(readFileSync(file, 'utf8')) as {
      seq?: unknown;
      hash?: unknown;
      keepDays?: unknown;
    };
    const { seq, hash: own, keepDays } = read;
    const isHead = Number.isSafeInteger(seq) && typeof own === 'string' && /^[\da-f]{64}$/.test(own);
    if (!isHead) return 'unreadable';
    return { seq: seq as number, hash: own, ...(typeof keepDays === 'number' ? { keepDays } : {}) };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'unreadable';
  }
}

/** What stands behind the last whole line of a file. */
export interface Torn {
  readonly bytes: number;
  readonly sha256: string;
}

/** The end of the chain, as an engine finds it that goes on with it. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
  /** Of the last line; `undefined`: there is no line yet. */
  readonly type: string | undefined;
  readonly file: string | undefined;
  readonly sizeBytes: number;
  readonly torn: Torn | undefined;
  /** The next line begins behind the last byte. */
  readonly endsLine: boolean;
}

const nothing: ChainEnd = {
  seq: 0,
  hash: NO_HASH,
  type: undefined,
  file: undefined,
  sizeBytes: 0,
  torn: undefined,
  endsLine: true,
};

/** Reads how the chain ends. Throws what the system says. */
export function readChainEnd(folder: string): ChainEnd {
  const files = auditFiles(folder);
  const last = files.at(-1);
  if (last === undefined) return nothing;
  const found = lastLineOf(last);
  // A file that was just begun: its own first line was cut, or never came.
  const before = files.length > 1 ? lastLineOf(files.at(-2) ?? last) : undefined;
  const line = found.line ?? before?.line;
  return {
    seq: line?.seq ?? 0,
    hash: line?.hash ?? NO_HASH,
    type: line?.type,
    file: last,
    sizeBytes: found.sizeBytes,
    torn: found.torn,
    endsLine: found.endsLine,
  };
}

function lastLineOf(file: string): {
  readonly line: ReturnType<typeof readLine>;
  readonly sizeBytes: number;
  readonly torn: Torn | undefined;
  readonly endsLine: boolean;
} {
  const fd = openSync(file, 'r');
  try {
    const sizeBytes = fstatSync(fd).size;
    // Two lines, so that a whole one is in it wherever the last one was cut.
    const tail = Buffer.alloc(Math.min(sizeBytes, 2 * MAX_LINE_BYTES + 2));
    readSync(fd, tail, 0, tail.length, sizeBytes - tail.length);
    let end = tail.lastIndexOf(0x0a) + 1;
    let line: ReturnType<typeof readLine>;
    const isWhole = end === tail.length;
    while (end > 0 && line === undefined) {
      const start = end < 2 ? 0 : tail.lastIndexOf(0x0a, end - 2) + 1;
      line = readLine(tail.subarray(start, end - 1));
      if (line === undefined) end = start;
    }
    // Going on from somewhere else would break the chain for good.
    if (line === undefined && sizeBytes > tail.length)
      throw new Error(`the end of ${basename(file)} is no audit trail`);
    const rest = tail.subarray(end);
    const bytes = isWhole && rest.length > 0 ? rest.subarray(0, -1) : rest;
    const torn =
      rest.length === 0 ? undefined : { bytes: bytes.length, sha256: hash('sha256', bytes, 'hex') };
    return { line, sizeBytes, torn, endsLine: isWhole };
  } finally {
    closeSync(fd);
  }
}

/** The first line of the chain that is kept. */
export function oldestSeq(folder: string): number {
  const [first] = auditFiles(folder);
  return first === undefined ? 1 : firstSeqOf(first);
}
