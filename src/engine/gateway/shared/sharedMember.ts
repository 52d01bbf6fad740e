import { Emitter, type Event } from '../../../shared/base/emitter.ts';
import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import type { Frame } from '../../../shared/protocol/frameScanner.ts';
import type { Call } from '../../pipeline/call.ts';
import type { ClientHello, Launch } from '../../upstream/launch.ts';
import type { ServerLink, SharingClient } from '../../upstream/serverLink.ts';
import type { SharedUpstream } from './sharedUpstream.ts';

/** One session's share in a server: what the session sees as its connection. */
export class SharedMember implements ServerLink {
  readonly client: SharingClient;
  /** Nobody's reading is stopped for one client that is slow. */
  readonly currentLaunch = undefined;
  /** Ids of the server's requests that the client has not answered. */
  readonly asked = new Set<string>();
  readonly #upstream: SharedUpstream;
  readonly #capabilities: Readonly<Record<string, unknown>>;
  readonly #changed: Emitter<ConnectionState>;
  #hello: ClientHello | undefined;
  #leftOut = 0;
  #hasLeft = false;

  constructor(
    upstream: SharedUpstream,
    client: SharingClient,
    initialize: string,
    onListenerError: (error: unknown) => void,
  ) {
    this.#upstream = upstream;
    this.client = client;
    this.#capabilities = capabilitiesOf(initialize);
    this.#changed = new Emitter(onListenerError);
  }

  get onDidChange(): Event<ConnectionState> {
    return this.#changed.event;
  }

  get state(): ConnectionState {
    return this.#hasLeft ? 'stopped' : this.#upstream.state;
  }

  get diagnosis(): string {
    return this.#upstream.diagnosis;
  }

  get isFirstStart(): boolean {
    return !this.#hasLeft && this.#upstream.isFirstStart;
  }

  get usableLaunch(): Launch | undefined {
    return this.#hasLeft ? undefined : this.#upstream.usableLaunch;
  }

  get logLevel(): string | undefined {
    return this.#hello?.logLevel;
  }

  get subscriptions(): readonly string[] {
    return this.#hello?.subscriptions ?? [];
  }

  /** Messages that it missed because it read too slowly. */
  get leftOut(): number {
    return this.#leftOut;
  }

  hasCapability(name: string): boolean {
    return this.#capabilities[name] !== undefined;
  }

  /** What nobody asked for, and is left out when the client reads too slowly. */
  tell(line: Uint8Array, about?: string): void {
    if (this.client.isBehind) this.#leftOut += 1;
    else this.client.onClientMessage(line, about);
  }

  /** The state of the server has changed. */
  noteState(state: ConnectionState): void {
    this.#changed.fire(state);
  }

  setHello(hello: ClientHello): void {
    const isRestored = this.#hello === undefined;
    this.#hello = hello;
    if (!this.#hasLeft) this.#upstream.onSessionStateChanged(isRestored);
  }

  open(): void {
    if (!this.#hasLeft) this.#upstream.open();
  }

  whenUsable(call: Call): Promise<Launch> {
    return this.#upstream.whenUsable(call, this);
  }

  suspect(call?: Call): void {
    this.#upstream.suspect(call);
  }

  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): boolean {
    return this.#upstream.answer(line, frame, this);
  }

  notify(line: Uint8Array): void {
    if (!this.#hasLeft) this.#upstream.notify(line, this);
  }

  /** Whether another session wants what this one does not want any more. */
  isWantedByOthers(uri: string): boolean {
    return this.#upstream.isWantedByOthers(uri, this);
  }

  async stop(forGood = true): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const left = this.#upstream.leave(this, forGood);
    this.#changed.fire('stopped');
    this.#changed.dispose();
    await left;
  }
}

function capabilitiesOf(initialize: string): Readonly<Record<string, unknown>> {
  try {
    const { capabilities } = JSON.parse(initialize) as { capabilities?: unknown };
    if (typeof capabilities === 'object' && capabilities !== null)
      return capabilities as Record<string, unknown>;
  } catch {
    // parameters that are not JSON declare nothing
  }
  return {};
}
