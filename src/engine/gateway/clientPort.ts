import type { Socket } from 'node:net';
import { LineBatch, writePieces } from '../../shared/protocol/lineBatch.ts';

/** Where a session's messages to its client go. */
export interface ClientPort {
  /**
   * The answer to the client's request `id` (canonical JSON text; `null` for one that could not be read). `flushed` is called when it has
   * been handed to the kernel: from then on it reaches the client even if the engine is killed.
   */
  answer(id: string, message: Uint8Array | string, flushed?: () => void): void;
  /** A notification or request of the server. `about` is the client's request (canonical id) that it belongs to, where that is known. */
  send(message: Uint8Array | string, about?: string): void;
  /** A line for the bridge itself; handed to the kernel before this returns, unless the bridge reads too slowly. */
  control(line: string): void;
  /** Bytes that wait because the client reads too slowly. */
  readonly waitingBytes: number;
  /** Calls back once, when nothing waits any more. */
  onceDrained(action: () => void): void;
  /** Stops and resumes reading what the client sends. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** A bridge's socket: all messages of one turn of the event loop leave in one write. */
export class BridgePort implements ClientPort {
  readonly #socket: Socket;
  readonly #batch = new LineBatch();
  #flushed: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength + this.#batch.sizeBytes;
  }

  answer(_id: string, message: Uint8Array | string, flushed?: () => void): void {
    this.#enqueue(message, flushed);
  }

  send(message: Uint8Array | string): void {
    this.#enqueue(message, undefined);
  }

  #enqueue(message: Uint8Array | string, flushed: (() => void) | undefined): void {
    if (this.#socket.destroyed) return;
    if (this.#batch.isEmpty) process.nextTick(() => this.#flush());
    this.#batch.add(typeof message === 'string' ? Buffer.from(message) : message);
    if (flushed !== undefined) this.#flushed.push(flushed);
  }

  control(line: string): void {
    this.#flush();
    if (!this.#socket.destroyed) this.#socket.write(`${line}\n`);
  }

  #flush(): void {
    if (this.#batch.isEmpty) return;
    const pieces = this.#batch.take();
    const flushed = this.#flushed;
    this.#flushed = [];
    const socket = this.#socket;
    if (socket.destroyed) return;
    const done =
      flushed.length === 0
        ? undefined
        : (error?: Error | null): void => {
            if (error === null || error === undefined) for (const action of flushed) action();
          };
    writePieces(socket, pieces, done);
  }

  onceDrained(action: () => void): void {
    this.#socket.once('drain', action);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}
