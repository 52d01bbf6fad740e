import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/base/clock.ts';
import { listMembers } from '../../shared/protocol/answers.ts';
import { toolHints, type Catalogue } from '../catalogue/catalogue.ts';
import { fetchList, listsOf } from '../catalogue/fetchLists.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Launch } from '../upstream/launch.ts';

/** Keeps the catalogue of one session's server up to date: after each start, and when a list changed. */
export class CatalogueKeeper {
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #key: () => string;
  #initialize: Record<string, unknown> = {};

  constructor(clock: Clock, runtime: ServerRuntime, key: () => string) {
    this.#clock = clock;
    this.#runtime = runtime;
    this.#key = key;
  }

  noteInitialize(result: string): void {
    this.#initialize = JSON.parse(result) as Record<string, unknown>;
  }

  /** Fetches every list the server has. Answers the lists that differ from those remembered, if any were. */
  async refreshAll(launch: Launch): Promise<string[]> {
    const before = this.#runtime.catalogue(this.#key());
    const methods = listsOf(this.#initialize['capabilities']);
    const lists: Record<string, unknown[]> = {};
    const fetched: string[] = [];
    for (const method of methods) {
      const member = listMembers.get(method) ?? '';
      const items = await this.#fetch(launch, method);
      // A list that was not given now is remembered as it was.
      const kept = items ?? before?.lists[member];
      if (kept !== undefined) lists[member] = kept;
      if (items !== undefined) fetched.push(method);
    }
    // A server that died meanwhile has not told everything.
    if (launch.hasEnded) return [];
    this.#save(lists);
    if (before === undefined) return [];
    return fetched.filter((method) => {
      const member = listMembers.get(method) ?? '';
      return !isDeepStrictEqual(before.lists[member], lists[member]);
    });
  }

  /** Fetches one list anew, and what belongs to it. */
  async refresh(launch: Launch, method: string): Promise<void> {
    const methods = method === 'resources/list' ? ['resources/list', 'resources/templates/list'] : [method];
    for (const one of methods) {
      const items = await this.#fetch(launch, one);
      const member = listMembers.get(one);
      if (items === undefined || member === undefined) continue;
      const lists = this.#runtime.catalogue(this.#key())?.lists ?? {};
      if (!isDeepStrictEqual(lists[member], items)) this.#save({ ...lists, [member]: items });
    }
  }

  async #fetch(launch: Launch, method: string): Promise<unknown[] | undefined> {
    const items = await fetchList(launch, method);
    if (items !== undefined && method === 'tools/list') launch.toolHints = toolHints(items);
    return items;
  }

  #save(lists: Catalogue['lists']): void {
    const server = this.#runtime.name;
    const savedAt = this.#clock.wallNow();
    this.#runtime.saveCatalogue({
      version: 1,
      server,
      key: this.#key(),
      initialize: this.#initialize,
      lists,
      savedAt,
    });
  }
}
