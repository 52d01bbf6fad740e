import { isDeepStrictEqual } from 'node:util';
import { isSameList, type Catalogue } from './catalogue.ts';
import { itemsByName } from './shrinkage.ts';

/** How much of what was offered before or is offered now is as it was. */
export interface Stability {
  /** Items that are there before and after, and say the same: a tool whose schema or description has changed is not the same. */
  readonly unchanged: number;
  /** Items that are there before or after, each counted once by its name. */
  readonly all: number;
}

/**
 * Compares what a server listed before a reconnect with what it lists after it, in the lists `members` (requirements R11.6): `unchanged / all` is the Jaccard
 * similarity of both, an item that has changed counting once in the union and not in the intersection. An item without a name says nothing.
 */
export function compareLists(
  before: Catalogue['lists'],
  after: Catalogue['lists'],
  members: Iterable<string>,
): Stability {
  let unchanged = 0;
  let all = 0;
  for (const member of members) {
    const [former = [], present = []] = [before[member], after[member]];
    const was = itemsByName(member, former);
    const is = itemsByName(member, present);
    // Nearly always the whole answer.
    const isSame = isSameList(former, present);
    all += was.size;
    for (const [name, item] of is) {
      if (!was.has(name)) all += 1;
      else if (isSame || isDeepStrictEqual(was.get(name), item)) unchanged += 1;
    }
  }
  return { unchanged, all };
}
