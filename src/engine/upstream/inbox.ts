import { sleep, type Clock } from '../../shared/base/clock.ts';

export interface InboxOptions {
  readonly clock: Clock;
  /** Handles one message; what it answers with is waited for before the next one. May throw. */
  readonly handle: (line: Uint8Array, about: string | undefined) => Promise<unknown> | undefined;
  readonly onError: (error: unknown) => void;
  /** Too much waits here: the server should be read no further, until `false` follows. */
  readonly holdReading: (hold: boolean) => void;
  /** The server is being slowed down; told once in a while. */
  readonly onFlood: () => void;
}

type Entry =
  { readonly line: Uint8Array; readonly about: string | undefined } | { readonly action: () => void };

/** One server's messages are handled for this long, then it is the others' turn. */
const SLICE_MS = 1;
/** A slice with more messages that nobody asked for (notifications, requests, garbage; not answers) is followed by a pause. */
const MAX_UNASKED = 50;
/** With the slice it leaves a server that floods a fifth of the engine's time. */
const PAUSE_MS = 4;
/** The flood is mentioned once in so many pauses. */
const MENTION_EVERY = 1_000;
/** What may wait here before the server itself has to. */
const HOLD_ABOVE_BYTES = 262_144;

/**
 * The messages of one server, handled one by one in their order. A server that floods is made to wait, by not being read: nothing of
 * it is lost, and its neighbours hardly notice (requirements R14.3).
 */
export class Inbox {
  readonly #options: InboxOptions;
  #queue: Entry[] = [];
  #next = 0;
  #bytes = 0;
  #isRunning = false;
  #isHolding = false;
  #unasked = 0;
  #pauses = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  push(lines: readonly Uint8Array[], about: string | undefined): void {
    for (const line of lines) {
      this.#queue.push({ line, about });
      this.#bytes += line.length;
    }
    if (!this.#isHolding && this.#bytes > HOLD_ABOVE_BYTES && this.#isRunning) this.#hold(true);
    if (!this.#isRunning) void this.#run();
  }

  /** Calls back when all that has come so far is handled; at once when nothing waits. */
  afterAll(action: () => void): void {
    if (this.#isRunning) this.#queue.push({ action });
    else action();
  }

  /** The message at hand is one that nobody asked for. */
  countUnasked(): void {
    this.#unasked += 1;
  }

  #hold(hold: boolean): void {
    this.#isHolding = hold;
    this.#options.holdReading(hold);
  }

  async #run(): Promise<void> {
    const { clock, handle, onError } = this.#options;
    this.#isRunning = true;
    let sliceStart = clock.now();
    for (;;) {
      const entry = this.#take();
      if (entry === undefined) break;
      try {
        if ('action' in entry) entry.action();
        else {
          const wait = handle(entry.line, entry.about);
          if (wait !== undefined) await wait;
        }
      } catch (error) {
        onError(error);
      }
      if (clock.now() - sliceStart < SLICE_MS) continue;
      await this.#giveWay();
      sliceStart = clock.now();
    }
    this.#isRunning = false;
    if (this.#isHolding) this.#hold(false);
  }

  #take(): Entry | undefined {
    const entry = this.#queue[this.#next];
    if (entry === undefined) {
      this.#queue = [];
      this.#next = 0;
      return undefined;
    }
    this.#next += 1;
    if ('line' in entry) this.#bytes -= entry.line.length;
    if (this.#next >= 4_096) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    if (this.#isHolding && this.#bytes < HOLD_ABOVE_BYTES / 2) this.#hold(false);
    return entry;
  }

  /** It is the others' turn; a server that floods waits longer for its next one. */
  async #giveWay(): Promise<void> {
    const { clock, onFlood } = this.#options;
    const isFlood = this.#unasked > MAX_UNASKED;
    this.#unasked = 0;
    if (this.#next >= this.#queue.length) return;
    if (!isFlood) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    if (this.#pauses % MENTION_EVERY === 0) onFlood();
    this.#pauses += 1;
    await sleep(clock, PAUSE_MS);
  }
}
