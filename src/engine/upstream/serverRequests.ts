import {
  canonicalId,
  memberRange,
  splice,
  textOf,
  withId,
  type ByteRange,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';

const MAX_OPEN = 1_000;

/**
 * The requests that one launch of a server has open at its client. The client knows them by ids of ours, which no other
 * launch uses, so that its late answer to one launch never reaches another (requirements R3.9).
 */
export class ServerRequests {
  readonly #nextId: () => string;
  /** Our id (canonical JSON text) → the server's own, as it wrote it. */
  readonly #open = new Map<string, string>();

  constructor(nextId: () => string) {
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The request as the client gets it; `undefined` when too many are open. */
  open(line: Uint8Array, frame: Extract<Frame, { kind: 'request' }>): Uint8Array | undefined {
    if (this.#open.size >= MAX_OPEN) return undefined;
    const id = this.#nextId();
    this.#open.set(id, textOf(line, frame.idRange));
    return withId(line, frame.idRange, id);
  }

  /** The client's answer as the server gets it; `undefined` when this launch does not wait for it. */
  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): Uint8Array | undefined {
    const serverId = this.#open.get(frame.id);
    if (serverId === undefined) return undefined;
    this.#open.delete(frame.id);
    return withId(line, frame.idRange, serverId);
  }

  /** The server's `notifications/cancelled` as the client gets it; `undefined` when nothing of that id is open. */
  cancel(line: Uint8Array, params: ByteRange): Uint8Array | undefined {
    const range = memberRange(line, params, 'requestId');
    if (range === undefined) return undefined;
    const serverId = canonicalId(textOf(line, range));
    for (const [id, known] of this.#open) {
      if (canonicalId(known) !== serverId) continue;
      this.#open.delete(id);
      return splice(line, range, id);
    }
    return undefined;
  }

  /** Closes all of them, and tells the client, or it would go on asking a person or a model for nobody. */
  closeAll(client: { onClientMessage(line: Uint8Array): void; onServerRequests(open: number): void }): void {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    for (const id of ids) {
      const params = `{"requestId":${id},"reason":"The MCP server restarted"}`;
      client.onClientMessage(
        new TextEncoder().encode(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`),
      );
    }
    client.onServerRequests(0);
  }
}
