import type { Event } from '../../shared/base/emitter.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { Frame } from '../../shared/protocol/frameScanner.ts';
import type { Call } from '../pipeline/call.ts';
import type { ConnectionClient } from './connection.ts';
import type { ClientHello, Launch } from './launch.ts';

/** What a session has of its server: a connection of its own, or a share in one. */
export interface ServerLink {
  readonly state: ConnectionState;
  readonly onDidChange: Event<ConnectionState>;
  readonly diagnosis: string;
  /** The first start is under way; deadlines stand still meanwhile. */
  readonly isFirstStart: boolean;
  /** A launch that calls may be written to now. */
  readonly usableLaunch: Launch | undefined;
  /** The launch that a client which reads too slowly makes wait; absent where other clients would wait with it. */
  readonly currentLaunch: Launch | undefined;
  /** What the client's session is made of; must precede `open`. */
  setHello(hello: ClientHello): void;
  /** Starts the server unless it is started, or planned to be, already. */
  open(): void;
  /** Resolves with the launch that a call may be written to; rejects with the call's fault when nothing can be waited for. */
  whenUsable(call: Call): Promise<Launch>;
  /** The call passed its deadline: probes decide whether the server is slow or gone. */
  suspect(call?: Call): void;
  /** Passes the client's answer on; false when nobody waits for it. */
  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): boolean;
  /** Passes a notification of the client on. */
  notify(line: Uint8Array): void;
  /** Whether another session wants what this one has subscribed to; absent where there is no other. */
  isWantedByOthers?(uri: string): boolean;
  /** The session needs it no more. `forGood`: its client is gone; otherwise the engine stops. Resolves when what is ended by that has ended. */
  stop(forGood?: boolean): Promise<void>;
}

/** One of several sessions that share a server. */
export interface SharingClient extends Pick<
  ConnectionClient,
  'onInitialized' | 'onClientMessage' | 'onServerRequests' | 'onProgress'
> {
  /** It reads too slowly: what it did not ask for is left out, because making the server wait would make the others wait. */
  readonly isBehind: boolean;
  /** The server's process has told for the first time what its tools are. */
  onToolsKnown(launch: Launch): void;
}

/** A server that all its sessions share (decision 23). */
export interface SharedServer {
  /** What the server has been told in `initialize`, JSON text: the parameters of the client that started it. */
  readonly initialize: string;
  /** One more session; `initialize` are its own parameters. */
  join(client: SharingClient, initialize: string): ServerLink;
  /** Ends it for all; resolves when its processes are gone. */
  end(): Promise<void>;
}
