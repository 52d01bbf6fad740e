import type { Socket } from 'node:net';

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

const LINE_FEED = Buffer.from('\n');
/** Below this, messages of one turn are joined into one write. */
const JOIN_BELOW_BYTES = 65_536;

/** A bridge's socket: all messages of one turn of the event loop leave in one write. */
export class BridgePort implements ClientPort {
  readonly #socket: Socket;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushed: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength + this.#queuedBytes;
  }

  answer(_id: string, message: Uint8Array | string, flushed?: () => void): void {
    this.#enqueue(message, flushed);
  }

  send(message: Uint8Array | string): void {
    this.#enqueue(message, undefined);
  }

  #enqueue(message: Uint8Array | string, flushed: (() => void) | undefined): void {
    if (this.#socket.destroyed) return;
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    if (this.#queue.length === 0) process.nextTick(() => this.#flush());
    this.#queue.push(bytes, LINE_FEED);
    this.#queuedBytes += bytes.length + 1;
    if (flushed !== undefined) this.#flushed.push(flushed);
  }

  control(line: string): void {
    this.#flush();
    if (!this.#socket.destroyed) this.#socket.write(`${line}\n`);
  }

  #flush(): void {
    const queue = this.#queue;
    const flushed = this.#flushed;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#flushed = [];
    this.#queuedBytes = 0;
    if (queue.length === 0 || this.#socket.destroyed) return;
    const done =
      flushed.length === 0
        ? undefined
        : (error?: Error | null): void => {
            if (error === null || error === undefined) for (const action of flushed) action();
          };
    if (bytes < JOIN_BELOW_BYTES) {
      this.#socket.write(Buffer.concat(queue), done);
      return;
    }
    this.#socket.cork();
    for (const [index, part] of queue.entries())
      this.#socket.write(part, index === queue.length - 1 ? done : undefined);
    this.#socket.uncork();
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
