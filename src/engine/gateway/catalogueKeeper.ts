import type { Clock } from '../../shared/base/clock.ts';
import { listMembers } from '../../shared/protocol/answers.ts';
import { isSameList, toolHints, type Catalogue } from '../catalogue/catalogue.ts';
import { fetchList, listsOf, type FetchedList } from '../catalogue/fetchLists.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Launch } from '../upstream/launch.ts';

/** Keeps the catalogue of one session's server up to date: after each start, and when a list changed. */
export class CatalogueKeeper {
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #key: () => string;
  #initialize: Record<string, unknown> = {};
  /** Refreshes of single lists so far, and by member the number of the last one. */
  #refreshes = 0;
  readonly #refreshed = new Map<string, number>();

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
    const key = this.#key();
    const before = this.#runtime.catalogue(key);
    const methods = listsOf(this.#initialize['capabilities']);
    const began = this.#refreshes;
    const lists: Record<string, unknown[]> = {};
    const fetched: string[] = [];
    for (const method of methods) {
      const member = listMembers.get(method) ?? '';
      const items = (await this.#fetch(launch, method))?.items;
      // A list that was not given now is remembered as it was.
      const kept = items ?? before?.lists[member];
      if (kept !== undefined) lists[member] = kept;
      if (items !== undefined) fetched.push(method);
    }
    // A server that died meanwhile has not told everything.
    if (launch.hasEnded) return [];
    // A list that was refreshed meanwhile, because it changed, is newer than ours.
    const now = this.#runtime.catalogue(key)?.lists ?? {};
    for (const [member, refresh] of this.#refreshed) {
      const newer = now[member];
      if (refresh > began && newer !== undefined) lists[member] = newer;
    }
    this.#save(key, lists);
    if (before === undefined) return [];
    return fetched.filter((method) => {
      const member = listMembers.get(method) ?? '';
      return !isSameList(before.lists[member], lists[member] ?? []);
    });
  }

  /** Fetches one list anew, and what belongs to it. Answers how many bytes that took. */
  async refresh(launch: Launch, method: string): Promise<number> {
    let sizeBytes = 0;
    const key = this.#key();
    const methods = method === 'resources/list' ? ['resources/list', 'resources/templates/list'] : [method];
    for (const one of methods) {
      const fetched = await this.#fetch(launch, one);
      const items = fetched?.items;
      sizeBytes += fetched?.sizeBytes ?? 0;
      const member = listMembers.get(one);
      if (items === undefined || member === undefined || launch.hasEnded) continue;
      this.#refreshes += 1;
      this.#refreshed.set(member, this.#refreshes);
      const lists = this.#runtime.catalogue(key)?.lists ?? {};
      if (!isSameList(lists[member], items)) this.#save(key, { ...lists, [member]: items });
    }
    return sizeBytes;
  }

  async #fetch(launch: Launch, method: string): Promise<FetchedList | undefined> {
    const { toolChanges } = launch;
    const fetched = await fetchList(launch, method);
    // A list that was overtaken by a change says nothing of the tools any more.
    const isCurrent = method === 'tools/list' && launch.toolChanges === toolChanges;
    if (fetched !== undefined && isCurrent) launch.toolHints = toolHints(fetched.items);
    return fetched;
  }

  #save(key: string, lists: Catalogue['lists']): void {
    const server = this.#runtime.name;
    const savedAt = this.#clock.wallNow();
    this.#runtime.saveCatalogue({
      version: 1,
      server,
      key,
      initialize: this.#initialize,
      lists,
      savedAt,
    });
  }
}
