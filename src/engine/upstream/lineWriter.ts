import type { Writable } from 'node:stream';
import { LineBatch, writePieces } from '../../shared/protocol/lineBatch.ts';
import type { Verdict } from './transport.ts';

type Settled = (verdict: Verdict) => void;

/**
 * Writes lines to a pipe: all lines of one turn of the event loop leave in one write, because each write wakes the reader up and costs more than all
 * else that is done for a call.
 *
 * A line is known not to be delivered only when nothing was queued in the pipe before its batch, and the pipe refused the batch at once and as a whole; or
 * when, in such a batch, it is the last one: its end stands last, and a line-framed server acts on whole lines (decision 6).
 */
export class LineWriter {
  readonly #pipe: Writable;
  readonly #isOver: () => boolean;
  readonly #beforeWrite: () => void;
  readonly #batch = new LineBatch();
  #settled: (Settled | undefined)[] = [];

  /** `isOver`: nobody reads any more. `beforeWrite` is called before each write. */
  constructor(pipe: Writable, options: { readonly isOver: () => boolean; readonly beforeWrite: () => void }) {
    this.#pipe = pipe;
    this.#isOver = options.isOver;
    this.#beforeWrite = options.beforeWrite;
  }

  /** What has been given and not been taken. */
  get waitingBytes(): number {
    return this.#pipe.writableLength + this.#batch.sizeBytes;
  }

  write(line: Uint8Array | string, settled?: Settled): void {
    if (this.#pipe.destroyed || this.#isOver()) {
      settled?.({ kind: 'broken', delivered: 'no' });
      return;
    }
    if (this.#batch.isEmpty) process.nextTick(() => this.flush());
    this.#batch.add(typeof line === 'string' ? Buffer.from(line) : line);
    this.#settled.push(settled);
  }

  /** Writes now what waits for the end of the turn. */
  flush(): void {
    if (this.#batch.isEmpty) return;
    const pieces = this.#batch.take();
    const settled = this.#settled;
    this.#settled = [];
    const pipe = this.#pipe;
    if (pipe.destroyed || this.#isOver()) {
      for (const tell of settled) tell?.({ kind: 'broken', delivered: 'no' });
      return;
    }
    this.#beforeWrite();
    const wasAlone = pipe.writableLength === 0;
    let isRefused = false;
    const onDone = (error?: Error | null): void => {
      const isWritten = error === null || error === undefined;
      for (const [index, tell] of settled.entries()) {
        if (isWritten) tell?.({ kind: 'written' });
        else {
          const isUndelivered = wasAlone && (isRefused || index === settled.length - 1);
          tell?.({ kind: 'broken', delivered: isUndelivered ? 'no' : 'unknown' });
        }
      }
    };
    writePieces(pipe, pieces, onDone);
    // The system was asked once and took nothing; a write that it took a part of fails later.
    isRefused = pipe.errored !== null;
  }
}
