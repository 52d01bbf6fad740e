import { formsOf } from './secretForms.ts';
import { isSecretValue, MIN_SECRET } from './secretValues.ts';
import { REDACTED, redactKeyBlocks, redactWellKnown } from './wellKnown.ts';

/** Forms of secrets that are looked for; the oldest go when there are more. */
const MAX_FORMS = 20_000;
/** Of a longer one the beginning is looked for, and its rest goes with it. */
const MAX_COMPARED = 1_024;
/** Of a secret that is cut at the end, or at the beginning, of a text. A shorter piece tells nothing. */
const MIN_PIECE = 4;
/** Of texts that come again and again, such as those of a snapshot. */
const MAX_REMEMBERED = 500;
const MAX_REMEMBERED_LENGTH = 8_192;

/** Where a text was cut, so that a secret may have lost its other half. */
export interface Cut {
  readonly start?: boolean;
  readonly end?: boolean;
}

/**
 * Takes secrets out of texts (requirements R14.4): those it was told of, in the forms of `formsOf`, and those that are known by their
 * form. One for the whole engine: a secret of one server may turn up in the words of another.
 *
 * Known ones are found in one pass over the text, whatever their number (Karp and Rabin 1987: a rolling hash over the first characters, then
 * a comparison of at most 1,024).
 */
export class Redactor {
  readonly #forms = new Set<string>();
  #spared: ReadonlySet<string> = new Set();
  /** By the hash of the first characters: longest first. */
  #candidates = new Map<number, string[]>();
  /** A bit for each hash, so that most positions cost no look-up. */
  readonly #filter = new Uint8Array(8_192);
  #isIndexed = true;
  readonly #remembered = new Map<string, string>();

  /** Names that are told to people in any case: a password that is one of them hides nothing. What looks like a key is no name. */
  spare(names: Iterable<string>): void {
    this.#spared = new Set([...names].filter((name) => !isSecretValue('', name)));
    for (const name of this.#spared) for (const form of formsOf(name)) this.#forms.delete(form);
    this.learn([]);
  }

  /** From now on these are secrets too. They stay so: what runs with them may outlive the settings they came from. */
  learn(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      for (const form of secret.length < MIN_SECRET || this.#spared.has(secret) ? [] : formsOf(secret)) {
        // Moved to the end, so that what is in the settings now is the last to go.
        this.#forms.delete(form);
        this.#forms.add(form);
      }
    }
    for (const form of this.#forms) {
      if (this.#forms.size <= MAX_FORMS) break;
      this.#forms.delete(form);
    }
    this.#remembered.clear();
    this.#isIndexed = false;
  }

  #index(): void {
    this.#isIndexed = true;
    this.#filter.fill(0);
    this.#candidates = new Map();
    for (const form of this.#forms) {
      const hash = hashOf(form, 0);
      this.#filter[(hash >>> 3) & 8_191] = (this.#filter[(hash >>> 3) & 8_191] ?? 0) | (1 << (hash & 7));
      const others = this.#candidates.get(hash);
      if (others === undefined) this.#candidates.set(hash, [form]);
      else others.push(form);
    }
    for (const forms of this.#candidates.values()) forms.sort((one, other) => other.length - one.length);
  }

  /** The text without secrets. */
  redact(text: string): string {
    if (text.length < MIN_SECRET) return text;
    if (text.length > MAX_REMEMBERED_LENGTH) return this.#redact(text);
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const redacted = this.#redact(text);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(text, redacted);
    return redacted;
  }

  #redact(text: string): string {
    return redactWellKnown(redactKeyBlocks(this.#redactKnown(text), 0).text);
  }

  /** The same for a text that was cut out of a longer one: also without what half a secret is left at the cut. */
  redactCut(text: string, cut: Cut): string {
    return this.redact(this.#withoutPieces(text, cut));
  }

  /** For a piece of a text that goes on. */
  redactKnown(text: string, cut: Cut): string {
    return this.#redactKnown(this.#withoutPieces(text, cut));
  }

  #redactKnown(text: string): string {
    if (this.#forms.size === 0 || text.length < MIN_SECRET) return text;
    if (!this.#isIndexed) this.#index();
    let out = '';
    let done = 0;
    let coveredTo = 0;
    let hash = hashOf(text, 0);
    const last = text.length - MIN_SECRET;
    for (let at = 0; at <= last; at += 1) {
      if (at > 0) hash = rolled(hash, text.charCodeAt(at - 1), text.charCodeAt(at + MIN_SECRET - 1));
      if (((this.#filter[(hash >>> 3) & 8_191] ?? 0) & (1 << (hash & 7))) === 0) continue;
      const end = this.#matchAt(text, at, { hash, coveredTo });
      if (end <= coveredTo) continue;
      // Two that overlap are one.
      if (at > coveredTo || coveredTo === 0) {
        out += coveredTo === 0 ? '' : REDACTED;
        out += text.slice(done, at);
      }
      coveredTo = end;
      done = end;
    }
    return coveredTo === 0 ? text : `${out}${REDACTED}${text.slice(done)}`;
  }

  /** Where a secret ends that begins here; 0 when none does that reaches further than `coveredTo`. */
  #matchAt(text: string, at: number, { hash, coveredTo }: { hash: number; coveredTo: number }): number {
    for (const form of this.#candidates.get(hash) ?? []) {
      if (at + form.length <= coveredTo) return 0; // the others are no longer
      if (form.length <= MAX_COMPARED) {
        if (text.startsWith(form, at)) return at + form.length;
        continue;
      }
      if (!text.startsWith(form.slice(0, MAX_COMPARED), at)) continue;
      let length = MAX_COMPARED;
      // Within another one it is not followed any further: a text of one character would be compared with itself again and again.
      while (
        at >= coveredTo &&
        length < form.length &&
        text.charCodeAt(at + length) === form.charCodeAt(length)
      )
        length += 1;
      return at + length;
    }
    return 0;
  }

  #withoutPieces(text: string, { start = false, end = false }: Cut): string {
    let from = 0;
    let to = text.length;
    for (const form of this.#forms) {
      const most = Math.min(form.length - 1, MAX_COMPARED, text.length);
      if (start) from = Math.max(from, pieceAtStart(text, form, most));
      if (end) to = Math.min(to, text.length - pieceAtEnd(text, form, most));
    }
    if (from === 0 && to === text.length) return text;
    const middle = to > from ? text.slice(from, to) : '';
    return `${from > 0 ? REDACTED : ''}${middle}${to < text.length ? REDACTED : ''}`;
  }
}

/** How long the end of the secret is that the text begins with. */
function pieceAtStart(text: string, form: string, most: number): number {
  const first = text.charCodeAt(0);
  for (let length = most; length >= MIN_PIECE; length -= 1)
    if (form.charCodeAt(form.length - length) === first && text.startsWith(form.slice(-length)))
      return length;
  return 0;
}

/** How long the beginning of the secret is that the text ends with. */
function pieceAtEnd(text: string, form: string, most: number): number {
  const last = text.charCodeAt(text.length - 1);
  for (let length = most; length >= MIN_PIECE; length -= 1)
    if (form.charCodeAt(length - 1) === last && text.endsWith(form.slice(0, length))) return length;
  return 0;
}

const FACTOR = 0x01000193;
/** The factor to the power of the window, for the character that leaves it. */
const LEAVING = Array.from({ length: MIN_SECRET }).reduce<number>((power) => Math.imul(power, FACTOR), 1);

function hashOf(text: string, at: number): number {
  let hash = 0;
  for (let offset = 0; offset < MIN_SECRET; offset += 1)
    hash = (Math.imul(hash, FACTOR) + text.charCodeAt(at + offset)) | 0;
  return hash;
}

function rolled(hash: number, leaves: number, comes: number): number {
  return (Math.imul(hash, FACTOR) + comes - Math.imul(leaves, LEAVING)) | 0;
}

/** Takes secrets out of a text that comes in pieces, each of whole lines unless it is said to be cut. */
export class RedactedStream {
  readonly #redactor: Redactor;
  /** How much of what comes next may belong to a private key that has begun. */
  #inside = 0;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  next(text: string, cut: Cut = {}): string {
    const { text: open, inside } = redactKeyBlocks(this.#redactor.redactKnown(text, cut), this.#inside);
    this.#inside = inside;
    return redactWellKnown(open);
  }
}
