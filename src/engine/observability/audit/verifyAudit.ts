import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { auditFiles, firstSeqOf, readHead, type Torn } from './auditFolder.ts';
import { MAX_LINE_BYTES, membersOfLine, NO_HASH, readLine, type AuditLine } from './auditLine.ts';

const CHUNK_BYTES = 1_048_576;
const MAX_NOTES = 100;

/** What is wrong with the first broken line. `truncated`: the end is gone, in the middle of a line or behind one. */
export type BreakKind = 'changed' | 'missing' | 'swapped' | 'truncated';

export interface Break {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly kind: BreakKind;
  readonly message: string;
}

export interface Verdict {
  readonly files: readonly string[];
  readonly lines: number;
  /** The numbers of the first and the last line; 0: there is none. */
  readonly first: number;
  readonly last: number;
  readonly broken?: Break;
  /** What the chain itself tells: kills, gaps, files that were removed to make room. */
  readonly notes: readonly string[];
}

interface Place {
  readonly file: string;
  readonly line: number;
}

/** Lines that are no lines; the engine may have left them when it was killed. */
interface Suspect extends Place {
  bytes: Buffer;
}

class Chain {
  readonly notes: string[] = [];
  broken: Break | undefined;
  lines = 0;
  first = 0;
  last: AuditLine | undefined;
  lastPlace: Place | undefined;
  /** Since which line the chain is to be kept, by its own latest word. */
  oldest = 1;
  #suspect: Suspect | undefined;
  readonly #head: ReturnType<typeof readHead>;

  constructor(head: ReturnType<typeof readHead>) {
    this.#head = head;
  }

  /** `bytes` without the line end. Answers false at the first break. */
  take(bytes: Buffer, place: Place): boolean {
    const line = readLine(bytes);
    if (line === undefined) {
      const before = this.#suspect;
      if (before === undefined) this.#suspect = { ...place, bytes: Buffer.from(bytes) };
      else if (before.bytes.length + bytes.length > 2 * MAX_LINE_BYTES) return this.#breakAt(before);
      else before.bytes = Buffer.concat([before.bytes, Buffer.from('\n'), bytes]);
      return true;
    }
    if (!this.#follows(line, place)) return false;
    if (this.#suspect !== undefined || special.has(line.type)) {
      if (!this.#read(line, membersOfLine(bytes), place)) return false;
    }
    if (typeof this.#head === 'object' && this.#head.seq === line.seq && this.#head.hash !== line.hash)
      return this.break(place, 'changed', `line ${line.seq} is another one than was brought to the disk`);
    this.lines += 1;
    if (this.last === undefined) this.first = line.seq;
    this.last = line;
    this.lastPlace = place;
    return true;
  }

  #follows(line: AuditLine, place: Place): boolean {
    const expected = this.last === undefined ? undefined : this.last.seq + 1;
    // What was no line before it explains more than that a line is missing.
    if (this.#suspect !== undefined && line.type !== 'resumed') return this.#breakAtSuspect();
    if (expected === undefined) {
      if (line.seq === 1 && line.prev !== NO_HASH)
        return this.break(place, 'changed', 'the first line has one before it');
      return true;
    }
    if (line.seq > expected) {
      const gone = line.seq - expected;
      return this.break(
        place,
        'missing',
        `${gone === 1 ? `line ${expected} is` : `lines ${expected} to ${line.seq - 1} are`} missing before it`,
      );
    }
    if (line.seq < expected)
      return this.break(place, 'swapped', `it is line ${line.seq}, where line ${expected} should be`);
    if (line.prev !== this.last?.hash)
      return this.break(
        place,
        'changed',
        'it does not belong to the line before it: one of them was replaced',
      );
    return true;
  }

  #read(line: AuditLine, members: Record<string, unknown>, place: Place): boolean {
    const { oldest, torn, missing, after, lost, why } = members;
    if (typeof oldest === 'number') this.oldest = oldest;
    const suspect = this.#suspect;
    this.#suspect = undefined;
    if (suspect !== undefined) {
      const stated = torn as Partial<Torn> | undefined;
      const { bytes } = suspect;
      if (stated?.bytes !== bytes.length || stated.sha256 !== hash('sha256', bytes, 'hex'))
        return this.#breakAt(suspect);
      this.#note(
        suspect,
        `a line that was cut when the engine was killed (${bytes.length} bytes); the next one says so`,
      );
    } else if (torn !== undefined && (torn as Torn).bytes > 0)
      return this.break(place, 'changed', 'the cut line that it speaks of is not before it');
    if (missing !== undefined) {
      const { seq } = missing as { seq?: unknown };
      return this.break(
        place,
        'truncated',
        `lines up to ${String(seq)} had been written and were gone when the engine went on here`,
      );
    }
    if (line.type === 'start' && after === 'killed')
      this.#note(place, 'the engine before did not stop by itself');
    if (line.type === 'gap')
      this.#note(place, `${String(lost)} records were lost, because the disk took none (${String(why)})`);
    if (line.type === 'off') this.#note(place, 'the audit trail was turned off');
    return true;
  }

  /** `rest`: bytes behind the last line end. */
  end(rest: Buffer, place: Place, isLast: boolean): boolean {
    if (rest.length === 0) return true;
    if (!isLast) {
      if (this.#suspect !== undefined) return this.#breakAtSuspect();
      return this.break(place, 'truncated', 'it is cut, and has no line end');
    }
    if (this.#suspect !== undefined) return this.#breakAtSuspect();
    return this.break(
      place,
      'truncated',
      'it is cut, and has no line end: the engine was killed while it wrote it, or is writing it, or somebody cut it',
    );
  }

  finish(files: readonly string[], { isWhole, isEnd }: { isWhole: boolean; isEnd: boolean }): void {
    if (this.broken !== undefined) return;
    if (this.#suspect !== undefined) {
      this.#breakAtSuspect();
      return;
    }
    const place = this.lastPlace ?? { file: files.at(-1) ?? '', line: 0 };
    const last = files.at(-1) ?? place.file;
    // Of a file that is empty now the first line is missing.
    const next = { file: last, line: last === place.file ? place.line + 1 : 1 };
    const seq = this.last?.seq ?? 0;
    if (typeof this.#head === 'object' && this.#head.seq > seq) {
      this.break(next, 'truncated', `the end is missing: line ${this.#head.seq} had been written`);
      return;
    }
    if (isWhole && this.first > this.oldest) {
      this.break(
        { file: files[0] ?? '', line: 1 },
        'missing',
        `lines ${this.oldest} to ${this.first - 1} are missing before it`,
      );
      return;
    }
    if (this.first > 1 && isWhole)
      this.#note(
        { file: files[0] ?? '', line: 1 },
        `the files before line ${this.first} were removed to make room`,
      );
    if (this.#head === undefined && seq > 0 && isEnd)
      this.#note(place, 'there is no head.json: lines that are missing at the end would not be noticed');
    if (this.#head === 'unreadable') this.break(place, 'changed', 'head.json beside it cannot be read');
  }

  break(place: Place, kind: BreakKind, message: string): false {
    this.broken ??= { file: place.file, line: place.line, kind, message };
    return false;
  }

  #breakAtSuspect(): false {
    return this.#suspect === undefined ? false : this.#breakAt(this.#suspect);
  }

  #breakAt(place: Place): false {
    return this.break(place, 'changed', 'it is not as it was written');
  }

  #note(place: Place, text: string): void {
    if (this.notes.length < MAX_NOTES) this.notes.push(`${place.file}:${place.line}: ${text}`);
  }
}

const special = new Set(['file', 'resumed', 'start', 'gap', 'off']);

/**
 * Verifies the chain in a folder, and stops at the first broken line.
 * Throws what the system says of a file that cannot be read.
 */
export async function verifyFolder(folder: string): Promise<Verdict> {
  return verify(auditFiles(folder), true);
}

/** The same for some files of a chain: what was before them is taken on trust. */
export async function verifyFiles(paths: readonly string[]): Promise<Verdict> {
  return verify(paths, false);
}

async function verify(paths: readonly string[], isWhole: boolean): Promise<Verdict> {
  const files = [...paths].sort((one, other) => (firstSeqOf(one) || 0) - (firstSeqOf(other) || 0));
  const last = files.at(-1);
  // Before the lines: an engine that runs goes on meanwhile.
  const isEnd = isWhole || (last !== undefined && auditFiles(dirname(last)).at(-1) === last);
  const chain = new Chain(last !== undefined && isEnd ? readHead(dirname(last)) : undefined);
  for (const file of files) if (!(await verifyFile(file, chain, file === last))) break;
  chain.finish(files, { isWhole, isEnd });
  const { broken, lines, first, notes } = chain;
  const found = broken?.kind === 'missing' ? await swapped(files, broken, chain.last?.seq ?? 0) : broken;
  return {
    files,
    lines,
    first,
    last: chain.last?.seq ?? 0,
    ...(found === undefined ? {} : { broken: found }),
    notes,
  };
}

async function verifyFile(file: string, chain: Chain, isLast: boolean): Promise<boolean> {
  let number = 0;
  let rest = await eachLine(file, (line) => {
    number += 1;
    return chain.take(line, { file, line: number });
  });
  if (rest === undefined) return false;
  // Of a file as long as a line may be nothing else can be said.
  if (rest.length > MAX_LINE_BYTES) rest = rest.subarray(0, MAX_LINE_BYTES);
  return chain.end(rest, { file, line: number + 1 }, isLast);
}

/** Reads lines until `use` answers false; then answers nothing, else what stands behind the last line end. */
async function eachLine(file: string, use: (line: Buffer) => boolean): Promise<Buffer | undefined> {
  const handle = await open(file, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return rest;
      const text =
        rest.length === 0
          ? chunk.subarray(0, bytesRead)
          : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let start = 0;
      for (let at = text.indexOf(0x0a); at >= 0; at = text.indexOf(0x0a, start)) {
        if (!use(text.subarray(start, at))) return undefined;
        start = at + 1;
      }
      // Copied: the chunk is read into again. Of a line without end no more is kept than is needed to see that it is none.
      rest = Buffer.from(text.subarray(start, start + 2 * MAX_LINE_BYTES));
    }
  } finally {
    await handle.close();
  }
}

/** A line that is missing where it should be may stand somewhere else. */
async function swapped(files: readonly string[], broken: Break, lastSeq: number): Promise<Break> {
  const wanted = Buffer.from(`{"seq":${lastSeq + 1},"prev":"`);
  for (const file of files) {
    let number = 0;
    let found = 0;
    await eachLine(file, (line) => {
      number += 1;
      if (line.subarray(0, wanted.length).equals(wanted) && readLine(line) !== undefined) found = number;
      return found === 0;
    });
    if (found > 0)
      return {
        ...broken,
        kind: 'swapped',
        message: `line ${lastSeq + 1} should be here and stands in ${file}:${found}`,
      };
  }
  return broken;
}
