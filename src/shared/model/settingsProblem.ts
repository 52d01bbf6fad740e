import type { Redactor } from '../redaction/redactor.ts';
import type { SettingsProblem } from './snapshot.ts';

/** What a snapshot holds of problems. Apart from the schema, so that who only makes some need not load it. */
export const MAX_PROBLEMS = 1_000;
export const MAX_PROBLEM_PATH = 512;
export const MAX_PROBLEM_MESSAGE = 1_000;

/**
 * Problems cut to what a snapshot holds: keys in settings are as long as somebody wants, and so are their places. Without secrets: what stands in the
 * wrong place may be one.
 */
export function fitProblems(
  problems: readonly SettingsProblem[],
  redactor?: Pick<Redactor, 'redact'>,
): SettingsProblem[] {
  const cut = (words: string, max: number): string => {
    const open = redactor?.redact(words) ?? words;
    return open.length <= max ? open : `${open.slice(0, max - 1)}…`;
  };
  return problems.slice(0, MAX_PROBLEMS).map(({ path, message }) => ({
    path: cut(path, MAX_PROBLEM_PATH),
    message: cut(message, MAX_PROBLEM_MESSAGE),
  }));
}
