import type { Node } from 'jsonc-parser';
import { REDACTED, redactWellKnown } from '../../shared/redaction/wellKnown.ts';
import { secretsIn, secretsOfValue } from '../../shared/redaction/secretValues.ts';
import { itemsOf, memberOf, membersOf, textOf } from './lifelineDocument.ts';

/** A text of an entry that holds secrets. */
export interface SecretText {
  readonly node: Node;
  /** The variable, header or option that it is the value of. */
  readonly name: string;
  /** The secrets, as they stand in it; none is a part of another. */
  readonly parts: readonly string[];
}

const variables = /\$\{[^{}]*\}/g;

/** Every secret that stands in the open in `env`, `headers`, `args` and `url` of an entry. */
export function secretTexts(entry: Node): readonly SecretText[] {
  const found: SecretText[] = [];
  const add = (node: Node, name: string, candidates: readonly string[]): void => {
    const parts = smallest(String(node.value), [...candidates, ...wellKnownIn(String(node.value))]);
    if (parts.length > 0) found.push({ node, name, parts });
  };
  for (const list of ['env', 'headers'])
    for (const { name, value } of membersOf(memberOf(entry, list)))
      if (value !== undefined && textOf(value) !== undefined)
        add(value, name, secretsUnder(name, String(value.value)));
  const url = memberOf(entry, 'url');
  if (url !== undefined && textOf(url) !== undefined) add(url, 'url', secretsUnder('', String(url.value)));
  const args = itemsOf(memberOf(entry, 'args'));
  const open = args.map((item) => (textOf(item) ?? '').replace(variables, ''));
  for (const [index, node] of args.entries()) {
    if (textOf(node) === undefined) continue;
    const before = open[index - 1] ?? '';
    // Beside the one before it only, so that what is secret in one place is not found in others.
    const own = secretsIn([before, open[index]]).filter((secret) => !before.includes(secret));
    add(node, optionName(open[index] ?? '', before), own);
  }
  return found;
}

/** What is left beside a variable is a scheme ("ApiKey"), unless it looks like a secret by itself. */
function secretsUnder(name: string, value: string): string[] {
  const open = value.replace(variables, '');
  return secretsOfValue(open === value ? name : '', open.trim());
}

function optionName(own: string, before: string): string {
  const assigned = /^-{0,2}([A-Za-z][\w.-]{0,127})[=:]/.exec(own)?.[1];
  return assigned ?? /^--?([A-Za-z][\w-]{0,127})$/.exec(before)?.[1] ?? 'secret';
}

/** A token that is known by its form. */
function wellKnownIn(value: string): string[] {
  const redacted = redactWellKnown(value.replace(variables, ''));
  const [before = '', after, ...more] = redacted.split(REDACTED);
  if (after === undefined || more.length > 0 || !value.startsWith(before) || !value.endsWith(after))
    return [];
  const secret = value.slice(before.length, value.length - after.length);
  return secret === '' || secret.includes('${') ? [] : [secret];
}

function smallest(value: string, candidates: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const part of [...new Set(candidates)].sort((a, b) => a.length - b.length))
    if (value.includes(part) && !kept.some((other) => part.includes(other))) kept.push(part);
  return kept;
}
