import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/base/clock.ts';
import { listMembers } from '../../shared/protocol/answers.ts';
import { isSameList, toolHints, type Catalogue } from '../catalogue/catalogue.ts';
import { compareLists, type Stability } from '../catalogue/stability.ts';
import { describeMissing, missingNames, namesOf, type Names } from '../catalogue/shrinkage.ts';
import { fetchList, listsOf, type FetchedList } from '../catalogue/fetchLists.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Launch } from '../upstream/launch.ts';

/** Who is told what a keeper learns. */
export interface CatalogueListener {
  /** Once of each launch that it has told its tools, before any of them changed. */
  onToolsKnown?(launch: Launch): void;
  /** Of each start after the first: how much of what the server offers is as it was. */
  onRelisted?(stability: Stability): void;
}

/** Keeps the catalogue of one session's server up to date: after each start, and when a list changed. */
export class CatalogueKeeper {
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #key: () => string;
  readonly #log: (text: string) => void;
  readonly #listener: CatalogueListener;
  /** It has seen a start: the next one is a restart of the same session. */
  #hasStarted = false;
  #initialize: Record<string, unknown> = {};
  /** Refreshes of single lists so far, and by member the number of the last one. */
  #refreshes = 0;
  readonly #refreshed = new Map<string, number>();

  constructor(
    clock: Clock,
    runtime: ServerRuntime,
    key: () => string,
    log: (text: string) => void,
    listener: CatalogueListener = {},
  ) {
    this.#clock = clock;
    this.#listener = listener;
    this.#log = log;
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
    const announced = new Set<string>();
    for (const [member, refresh] of this.#refreshed) {
      const newer = now[member];
      if (refresh <= began || newer === undefined) continue;
      lists[member] = newer;
      announced.add(member);
    }
    const missing = this.#compare(before, lists, announced);
    if (this.#hasStarted && before !== undefined) {
      const untold = methods.filter((method) => !fetched.includes(method));
      const unknown = new Set([...announced, ...untold.map((method) => listMembers.get(method) ?? '')]);
      this.#noteStability(before.lists, lists, unknown);
    }
    this.#hasStarted = true;
    this.#save(key, { lists, missing });
    if (before === undefined) return [];
    return fetched.filter((method) => {
      const member = listMembers.get(method) ?? '';
      return !isSameList(before.lists[member], lists[member] ?? []);
    });
  }

  /** Of a further start: how stable the catalogue is (requirements R11.6). Of the lists in `unknown` nothing is known, or the server has told itself. */
  #noteStability(before: Catalogue['lists'], after: Catalogue['lists'], unknown: ReadonlySet<string>): void {
    const members = new Set([...Object.keys(before), ...Object.keys(after)]);
    this.#listener.onRelisted?.(
      compareLists(
        before,
        after,
        [...members].filter((member) => !unknown.has(member)),
      ),
    );
  }

  /**
   * What this start has not brought back (requirements R5.10). A new session's process is compared with what the one before had come up
   * with; one that was restarted, with all that its client had.
   */
  #compare(
    before: Catalogue | undefined,
    lists: Catalogue['lists'],
    announced: ReadonlySet<string>,
  ): Names | undefined {
    if (before === undefined) return undefined;
    const missing: Record<string, readonly string[]> = {};
    for (const [member, items] of Object.entries(before.lists)) {
      if (announced.has(member)) continue; // a change that the server has told of itself
      const initially = this.#hasStarted ? undefined : before.startedWith?.[member];
      const known = [...(initially ?? namesOf(member, items)), ...(before.missing?.[member] ?? [])];
      const names = missingNames(known, namesOf(member, lists[member] ?? []));
      if (names.length > 0) missing[member] = names;
    }
    const told = describeMissing(missing, (member) => lists[member]?.length ?? 0);
    const isNews = !isDeepStrictEqual(missing, before.missing ?? {});
    if (isNews) this.#log(told === undefined ? 'it offers again what was missing' : told.sentence);
    return told === undefined ? undefined : missing;
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
      this.#noteChange(key, member, items);
    }
    return sizeBytes;
  }

  async #fetch(launch: Launch, method: string): Promise<FetchedList | undefined> {
    const { toolChanges } = launch;
    // It is counted, but does not wait: a session's start or change of its lists does.
    this.#runtime.limiter.force();
    const fetched = await fetchList(launch, method);
    // A list that was overtaken by a change says nothing of the tools any more.
    const isCurrent = method === 'tools/list' && launch.toolChanges === toolChanges;
    if (fetched === undefined || !isCurrent) return fetched;
    const isFirst = launch.toolHints === undefined && toolChanges === 0;
    launch.toolHints = toolHints(fetched.items);
    if (isFirst) this.#listener.onToolsKnown?.(launch);
    return fetched;
  }

  /** The server has announced this change itself, so nothing of that list is missing. */
  #noteChange(key: string, member: string, items: unknown[]): void {
    const before = this.#runtime.catalogue(key);
    const lists = before?.lists ?? {};
    const { [member]: accepted, ...missing } = before?.missing ?? {};
    if (accepted === undefined && isSameList(lists[member], items)) return;
    const startedWith = {
      ...before?.startedWith,
      [member]: before?.startedWith?.[member] ?? namesOf(member, lists[member] ?? []),
    };
    this.#save(key, { lists: { ...lists, [member]: items }, missing, startedWith });
  }

  #save(
    key: string,
    {
      lists,
      missing = {},
      startedWith,
    }: { lists: Catalogue['lists']; missing?: Names | undefined; startedWith?: Names },
  ): void {
    this.#runtime.saveCatalogue({
      version: 1,
      server: this.#runtime.name,
      key,
      initialize: this.#initialize,
      lists,
      savedAt: this.#clock.wallNow(),
      ...(Object.keys(missing).length === 0 ? {} : { missing: missing as Record<string, string[]> }),
      ...(startedWith === undefined ? {} : { startedWith: startedWith as Record<string, string[]> }),
    });
  }
}
