import { sleep, type Clock } from '../../shared/base/clock.ts';
import { copyOf } from '../../shared/base/copyOf.ts';
import type { Launch } from '../upstream/launch.ts';
import type { CatalogueKeeper } from './catalogueKeeper.ts';

export interface ListFollowerOptions {
  readonly clock: Clock;
  readonly catalogue: CatalogueKeeper;
  /** A message for whoever uses the server. */
  readonly tell: (line: Uint8Array) => void;
  readonly onTrouble: (message: string) => void;
}

/** Between two fetches of a list that keeps changing; for each megabyte of it, because the work on it holds everybody up. */
const LIST_CHANGE_INTERVAL_MS = 1_000;

/** Keeps the catalogue in step with what a server says of its lists, and tells its clients. */
export class ListFollower {
  readonly #options: ListFollowerOptions;
  readonly #following = new Map<Launch, Map<string, { again: boolean }>>();
  /** Aborted when nothing is followed any more, so that nothing waits either. */
  readonly #over = new AbortController();

  constructor(options: ListFollowerOptions) {
    this.#options = options;
  }

  /** A launch is ready: its lists are fetched, and those that differ from the remembered ones announced (requirements R3.2). */
  async onReady(launch: Launch): Promise<void> {
    const changed = await this.#guarded(this.#options.catalogue.refreshAll(launch));
    for (const list of changed ?? []) this.#announce(list);
  }

  #announce(list: string): void {
    const method = `notifications/${list.split('/')[0] ?? ''}/list_changed`;
    this.#options.tell(new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', method })));
  }

  /** `list` is the list's method; `line` the server's notification. */
  onListChanged(list: string, line: Uint8Array, launch: Launch): void {
    const following = this.#following.get(launch)?.get(list);
    if (following === undefined) void this.#follow(list, line, launch);
    else following.again = true;
  }

  /**
   * Stores the list before the client hears of the change: VS Code asks at once, and may ask while the server is gone again. Changes
   * that come meanwhile are one change, and a server that announces one with every list is not asked more than once a second.
   */
  async #follow(list: string, line: Uint8Array, launch: Launch): Promise<void> {
    const { clock, catalogue, tell } = this.#options;
    const lists = this.#following.get(launch) ?? new Map<string, { again: boolean }>();
    this.#following.set(launch, lists);
    const following = { again: true };
    lists.set(list, following);
    const notification = copyOf(line);
    while (following.again && !launch.hasEnded && !this.#over.signal.aborted) {
      following.again = false;
      const sizeBytes = await this.#guarded(catalogue.refresh(launch, list));
      tell(notification);
      const megabytes = Math.ceil((sizeBytes ?? 0) / 1_048_576);
      const pauseMs = LIST_CHANGE_INTERVAL_MS * Math.max(1, megabytes);
      await sleep(clock, pauseMs, this.#over.signal).catch(() => undefined); // over: the loop ends
    }
    lists.delete(list);
    if (lists.size === 0) this.#following.delete(launch);
  }

  /** Work on what a server sent, that nobody waits for: what goes wrong is told, and harms nobody else. */
  async #guarded<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#options.onTrouble(`what the server listed could not be kept: ${text}`);
      return undefined;
    }
  }

  /** Follows no list any more. */
  end(): void {
    this.#over.abort();
  }
}
