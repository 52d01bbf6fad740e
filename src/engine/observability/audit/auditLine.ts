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

export interface SealedLine {
  readonly text: string;
  readonly hash: string;
}

/** `body`: the members after `prev`, without braces, beginning with `"at":`. */
export function sealLine(seq: number, prev: string, body: string): SealedLine {
  const open = `{"seq":${seq},"prev":"${prev}",${body}`;
  const own = hash('sha256', open, 'hex');
  return { text: `${open}${HASH_MARK}${own}"}\n`, hash: own };
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
