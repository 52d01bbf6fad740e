import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/base/clock.ts';
import { listMembers } from '../../shared/protocol/answers.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { fetchList, listsOf } from '../catalogue/fetchLists.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Launch } from '../upstream/launch.ts';

/** Keeps the catalogue of one session's server up to date: after each start, and when a list changed. */
export class CatalogueKeeper {
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #key: () => string;
  #initialize: Record<string, unknown> = {};
  /** By list: the running refresh, and the number of refreshes asked for so far. */
  readonly #refreshing = new Map<string, Promise<void>>();
  readonly #asked = new Map<string, number>();

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
    const lists: Record<string, unknown[]> = {};
    for (const method of listsOf(this.#initialize['capabilities'])) {
      const items = await fetchList(launch, method);
      const member = listMembers[method];
      if (member !== undefined && items !== undefined) lists[member] = items;
    }
    if (Object.keys(lists).length === 0 && before !== undefined && launch.hasEnded) return [];
    this.#save(lists);
    if (before === undefined) return [];
    const changed = Object.entries(listMembers).filter(
      ([, member]) => lists[member] !== undefined && !isDeepStrictEqual(before.lists[member], lists[member]),
    );
    return [...new Set(changed.map(([method]) => method))];
  }

  /** Fetches one list anew. Requests for the same list are merged: one running, at most one queued. */
  refresh(launch: Launch, method: string): Promise<void> {
    this.#asked.set(method, (this.#asked.get(method) ?? 0) + 1);
    let running = this.#refreshing.get(method);
    if (running === undefined) {
      running = this.#refreshUntilCurrent(launch, method).finally(() => this.#refreshing.delete(method));
      this.#refreshing.set(method, running);
    }
    return running;
  }

  async #refreshUntilCurrent(launch: Launch, method: string): Promise<void> {
    const methods = method === 'resources/list' ? ['resources/list', 'resources/templates/list'] : [method];
    for (let seen = 0; seen !== this.#asked.get(method) && !launch.hasEnded;) {
      seen = this.#asked.get(method) ?? 0;
      for (const one of methods) {
        const items = await fetchList(launch, one);
        const member = listMembers[one];
        if (items === undefined || member === undefined) continue;
        const lists = this.#runtime.catalogue(this.#key())?.lists ?? {};
        this.#save({ ...lists, [member]: items });
      }
    }
    this.#asked.delete(method);
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
