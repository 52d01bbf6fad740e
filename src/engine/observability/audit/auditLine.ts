import { hash } from 'node:crypto';

/**
 * One line of the audit trail (requirements R11.5):
 *
 *     {"seq":12,"prev":"<hash of line 11>","at":…,"type":"…",…,"hash":"<hash of this line>"}
 *
 * The hash is the SHA-256 of the line's bytes up to, and without, `,"hash":"`, in lower-case hexadecimal. Every byte of a line is so covered: by its
 * hash, or by having to be exactly what stands here.
 */

export const NO_HASH = '0'.repeat(64);
const HASH_MARK = ',"hash":"';
/** Characters behind what is hashed: the mark, the hash, and `"}`. */
const TAIL_LENGTH = HASH_MARK.length + 64 + 2;
/** Of a line. Ours are shorter; a longer one is none. */
export const MAX_LINE_BYTES = 65_536;

/** Bytes beside the body: braces, number, both hashes and the line end. */
const AROUND_BYTES = 256;

export interface SealedLine {
  readonly text: string;
  readonly hash: string;
}

/** `body`: the members after `prev`, without braces, beginning with `"at":`. */
export function sealLine(seq: number, prev: string, body: string): SealedLine {
  const seal = new LineSeal(seq - 1, prev);
  seal.add(Buffer.from(body));
  return { text: seal.bytes.toString(), hash: seal.hash };
}

/** Lines that follow each other, as they go to the file. */
export class LineSeal {
  #bytes = Buffer.allocUnsafeSlow(AROUND_BYTES);
  #length = 0;
  /** Of the last line. */
  seq: number;
  hash: string;

  constructor(seq: number, hash: string) {
    this.seq = seq;
    this.hash = hash;
  }

  /** Goes on behind a line, with nothing. */
  reset(seq: number, hash: string): void {
    this.#length = 0;
    this.seq = seq;
    this.hash = hash;
  }

  /** Until the next `reset`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(body: Uint8Array): void {
    const from = this.#length;
    this.#makeRoom(body.length + AROUND_BYTES);
    this.seq += 1;
    let at = from + this.#bytes.write(`{"seq":${this.seq},"prev":"${this.hash}",`, from, 'latin1');
    this.#bytes.set(body, at);
    at += body.length;
    this.hash = hash('sha256', this.#bytes.subarray(from, at), 'hex');
    this.#length = at + this.#bytes.write(`${HASH_MARK}${this.hash}"}\n`, at, 'latin1');
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + bytes));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

export interface AuditLine {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly type: string;
}

const beginning = /^\{"seq":([1-9]\d{0,15}),"prev":"([\da-f]{64})","at":\d{1,16},"type":"([A-Za-z]{1,32})"/;
const end = /^,"hash":"([\da-f]{64})"\}$/;

/** Reads one line, without its line end. `undefined`: it is not as it was written. */
export function readLine(line: Buffer): AuditLine | undefined {
  if (line.length > MAX_LINE_BYTES || line.length <= TAIL_LENGTH) return undefined;
  const hashed = line.length - TAIL_LENGTH;
  const [, own] = end.exec(line.toString('latin1', hashed)) ?? [];
  const [, seq, prev, type] = beginning.exec(line.toString('latin1', 0, Math.min(hashed, 160))) ?? [];
  if (own === undefined || seq === undefined || prev === undefined || type === undefined) return undefined;
  if (hash('sha256', line.subarray(0, hashed), 'hex') !== own) return undefined;
  return { seq: Number(seq), prev, hash: own, type };
}

/** What a line says beyond its place, of the few kinds that the chain itself depends on. */
export function membersOfLine(line: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(line.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
