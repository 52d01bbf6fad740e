import {
  canonicalId,
  memberRange,
  scanFrame,
  splice,
  stringMember,
  textOf,
  type Frame,
} from '../../../shared/protocol/frameScanner.ts';
import { isLoud } from './logLevels.ts';
import type { OpenCall, OpenCalls } from './openCalls.ts';
import type { SharedMember } from './sharedMember.ts';
import type { SharedSlot } from './sharedSlot.ts';
import { subscribersOf, type SharedState } from './sharedState.ts';
import { whoIsAsked } from './whoIsAsked.ts';

type Entry = OpenCall<SharedMember, SharedSlot>;
type Request = Extract<Frame, { kind: 'request' }>;
type Notification = Extract<Frame, { kind: 'notification' }>;

/** A request of the server that no client can be asked: what it is answered with. */
export interface Refused {
  /** Canonical JSON text. */
  readonly id: string;
  readonly why: string;
  /** JSON text; absent where the answer is an error. */
  readonly result?: string;
}

/** Finds the session, or the sessions, that a message of a shared server is for. */
export class MessageRouter {
  readonly #server: string;
  readonly #calls: OpenCalls<SharedMember, SharedSlot>;
  readonly #sessions: {
    /** The one that used the server last at the end. */
    readonly members: () => readonly SharedMember[];
    readonly told: () => SharedState;
  };

  constructor(
    server: string,
    calls: OpenCalls<SharedMember, SharedSlot>,
    sessions: { readonly members: () => readonly SharedMember[]; readonly told: () => SharedState },
  ) {
    this.#server = server;
    this.#calls = calls;
    this.#sessions = sessions;
  }

  /** `about`: the request (as the server knows it) that the message belongs to, where the transport tells. */
  route(slot: SharedSlot, line: Uint8Array, about: string | undefined): Refused | undefined {
    const frame = scanFrame(line);
    const entry = about === undefined ? undefined : this.#calls.find(about);
    if (frame.kind === 'request') return this.#ask(slot, line, frame, entry);
    if (frame.kind === 'notification') this.#tell(line, frame, entry);
    return undefined;
  }

  #ask(slot: SharedSlot, line: Uint8Array, frame: Request, about: Entry | undefined): Refused | undefined {
    const { id, method } = frame;
    const asked = whoIsAsked<SharedMember, Entry>({
      method,
      about,
      open: this.#calls.writtenTo(slot.connection.currentLaunch),
      members: this.#sessions.members(),
      hasCapability: (member, capability) => member.hasCapability(capability),
    });
    if (asked === undefined) {
      if (method === 'ping') return { id, why: '', result: '{}' };
      return { id, why: `No client of "${this.#server}" can be asked for ${method} now` };
    }
    const { member, entry } = asked;
    member.asked.add(id);
    member.client.onClientMessage(line, entry?.call.id);
    member.client.onServerRequests(member.asked.size);
    return undefined;
  }

  #tell(line: Uint8Array, frame: Notification, about: Entry | undefined): void {
    const { params } = frame;
    switch (frame.method) {
      case 'notifications/progress':
        this.#tellProgress(line, params);
        return;
      case 'notifications/cancelled':
        this.#tellCancelled(line, params);
        return;
      case 'notifications/message': {
        const level = params === undefined ? undefined : stringMember(line, params, 'level');
        const { logLevel: told } = this.#sessions.told();
        for (const member of this.#concerned(about))
          if (isLoud(level, member.logLevel, told)) member.tell(line, about?.call.id);
        return;
      }
      case 'notifications/resources/updated': {
        const uri = params === undefined ? undefined : stringMember(line, params, 'uri');
        const members = subscribersOf(uri, this.#sessions.members(), (member) => member.subscriptions);
        for (const member of members) member.tell(line);
        return;
      }
      default:
        for (const member of this.#concerned(about)) member.tell(line, about?.call.id);
    }
  }

  #concerned(about: Entry | undefined): readonly SharedMember[] {
    return about === undefined ? this.#sessions.members() : [about.member];
  }

  /** To whom it belongs, with that client's own token. What nobody waits for is dropped. */
  #tellProgress(line: Uint8Array, params: Notification['params']): void {
    const range = params === undefined ? undefined : memberRange(line, params, 'progressToken');
    const entry = range === undefined ? undefined : this.#calls.findByToken(canonicalId(textOf(line, range)));
    if (range === undefined || entry?.call.progressToken === undefined) return;
    entry.member.tell(splice(line, range, entry.call.progressToken), entry.call.id);
  }

  /** Only whoever was asked may stop asking. */
  #tellCancelled(line: Uint8Array, params: Notification['params']): void {
    const range = params === undefined ? undefined : memberRange(line, params, 'requestId');
    const id = range === undefined ? undefined : canonicalId(textOf(line, range));
    for (const member of this.#sessions.members()) {
      if (id === undefined || !member.asked.delete(id)) continue;
      member.client.onClientMessage(line);
      member.client.onServerRequests(member.asked.size);
    }
  }
}
