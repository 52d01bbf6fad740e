import { parseArgs, type ParseArgsConfig } from 'node:util';
import { redactWellKnown } from '../../shared/redaction/wellKnown.ts';

/** Exit codes of the program. */
export const exitCodes = {
  well: 0,
  unhealthy: 1,
  wrongUsage: 2,
  noEngine: 3,
} as const;

/** Something that the person who typed the command has to change; told without a stack. */
export class UsageError extends Error {
  readonly exitCode = exitCodes.wrongUsage;
}

/** There is no engine to talk to; told without a stack. */
export class NoEngineError extends Error {
  readonly exitCode = exitCodes.noEngine;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Node repeats an unknown option twice, with dashes that hide the beginning of a token that was written there by mistake. */
function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, dashes = '', name] = /^Unknown option '(-+)(.*?)'(?:\.|$)/s.exec(text) ?? [];
  return name === undefined ? text : `There is no option "${dashes}${redactWellKnown(name)}".`;
}

/** Parses a command's arguments; throws a `UsageError` that says what is wrong. */
export function readArguments<T extends Options>(args: readonly string[], options: T, maxPositionals = 0) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: maxPositionals > 0, strict: true });
  } catch (error) {
    throw new UsageError(wordsOf(error));
  }
  if (parsed.positionals.length > maxPositionals)
    throw new UsageError(`Unexpected argument ${JSON.stringify(parsed.positionals[maxPositionals])}.`);
  return parsed;
}
