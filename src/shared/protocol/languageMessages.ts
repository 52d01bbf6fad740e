import * as z from 'zod/mini';

/**
 * What the engine's language features say beside LSP's own words (requirements R12.5). The engine tells what it has found by codes and
 * arguments; the extension puts them into the user's language (decision 0072).
 */

const text = (max: number) => z.string().check(z.maxLength(max));

/** A document that is larger is not looked at, in characters. */
export const MAX_DOCUMENT_LENGTH = 1_048_576;
/** Findings of one document, at most. */
export const MAX_FINDINGS = 200;
export const MAX_FINDING_TEXT = 1_000;

export const findingCodes = [
  /** Arguments: the command. */
  'commandMissing',
  /** The port, and the other server. */
  'portCollision',
  /** The name of the variable, header or option. */
  'plainSecret',
  /** The host. */
  'insecureUrl',
  /** The other server of the same document. */
  'nameClash',
  /** The server of the settings. */
  'nameTaken',
  /** The input's id. */
  'undefinedInput',
  /** The member, and what the parser of the settings says of it (English, decision 0008). */
  'badValue',
] as const;
export type FindingCode = (typeof findingCodes)[number];

export const fixCodes = [
  /** The name. */
  'useInput',
  /** The id. */
  'addInput',
  'useHttps',
  /** The new name. */
  'rename',
  /** The new port. */
  'usePort',
] as const;
export type FixCode = (typeof fixCodes)[number];

const wordsSchema = z.object({
  code: z.enum([...findingCodes, ...fixCodes]),
  args: z.array(text(MAX_FINDING_TEXT)).check(z.maxLength(4)),
});
/** `data` of a diagnostic and of a code action. */
export type CodedWords = z.infer<typeof wordsSchema>;

const placeSchema = z.object({
  server: text(256),
  /** Run by this extension; else an entry of an `mcp.json`, which VS Code runs itself. */
  isOurs: z.boolean(),
});
/** `data` of a code lens, and what a hover has beside its standard members. */
export type ServerPlace = z.infer<typeof placeSchema>;

/** `undefined` for anything else: it is not ours, or from an engine of another version. */
export function parseCodedWords(value: unknown): CodedWords | undefined {
  const read = wordsSchema.safeParse(value);
  return read.success ? read.data : undefined;
}

export function parseServerPlace(value: unknown): ServerPlace | undefined {
  const read = placeSchema.safeParse(value);
  return read.success ? read.data : undefined;
}
