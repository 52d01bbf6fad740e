import type { AttachedSession } from '../../servers/serverRuntime.ts';
import type { Connection, ConnectionClient } from '../../upstream/connection.ts';
import type { Launch } from '../../upstream/launch.ts';

/** What a slot's connection tells, passed on to what all sessions share. */
export interface SlotOwner {
  onInitialized(result: string, line: Uint8Array): void;
  onReady(slot: SharedSlot, launch: Launch): void;
  onServerMessage(slot: SharedSlot, line: Uint8Array, about: string | undefined): void;
  onListChanged(list: string, line: Uint8Array, launch: Launch): void;
  onProgress(token: string, progress: number): boolean;
  onStateChanged(slot: SharedSlot): void;
  onConfigurationChanged(): void;
}

/** One connection of a shared server. It stands in the server's list in place of its sessions, so that it counts once. */
export class SharedSlot implements AttachedSession, ConnectionClient {
  readonly isClient = false;
  readonly promiseBroken = false;
  readonly connection: Connection;
  /** Calls that are here, or on their way here. */
  openCalls = 0;
  /** Of the state that its present launch was started with. */
  stateVersion = 0;
  readonly #owner: SlotOwner;

  /** `connect` makes the connection, or takes one over, for the slot as its client. */
  constructor(owner: SlotOwner, connect: (client: ConnectionClient) => Connection) {
    this.#owner = owner;
    this.connection = connect(this);
    this.connection.onDidChange(() => owner.onStateChanged(this));
  }

  onConfigurationChanged(): void {
    this.#owner.onConfigurationChanged();
  }

  onInitialized(result: string, line: Uint8Array): void {
    this.#owner.onInitialized(result, line);
  }

  onReady(launch: Launch): void {
    this.#owner.onReady(this, launch);
  }

  onClientMessage(line: Uint8Array, about?: string): void {
    this.#owner.onServerMessage(this, line, about);
  }

  onListChanged(list: string, line: Uint8Array, launch: Launch): void {
    this.#owner.onListChanged(list, line, launch);
  }

  onServerRequests(): void {
    // Counted for each session apart, where its messages are routed.
  }

  onProgress(token: string, progress: number): boolean {
    return this.#owner.onProgress(token, progress);
  }
}
