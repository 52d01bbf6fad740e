import type { Transform } from 'node:stream';
import type * as Zlib from 'node:zlib';

/** Bytes decoded at a time. */
const CHUNK_BYTES = 65_536;
/** Hosts of this machine: bytes cost nothing there, and compressing them does. */
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** What is asked for where the way is long. */
export const ACCEPTED_ENCODINGS = 'gzip, br';

/** Whether a server is asked to compress its answers; what it compresses without being asked is decoded all the same. */
export function asksForCompression(url: URL): boolean {
  return !loopback.test(url.hostname);
}

export interface DecoderListener {
  onData(chunk: Uint8Array): void;
  /** More comes in than goes out: what feeds it should wait, until `false` follows. */
  onFull(isFull: boolean): void;
  /** What comes in is not what it should be. Nothing follows. */
  onError(error: Error): void;
}

/** Decodes a body piece by piece, no faster than it is read: how much it becomes is for the reader to judge. */
export class Decoder {
  readonly #stream: Transform;
  readonly #listener: DecoderListener;
  #onEnd: (() => void) | undefined;
  #onDecoded: (() => void) | undefined;
  /** The end of what was compressed has come; what may stand behind it is nothing. */
  #hasEnded = false;
  /** Pieces that are not decoded yet. */
  #pending = 0;

  constructor(stream: Transform, listener: DecoderListener) {
    this.#stream = stream;
    this.#listener = listener;
    stream.on('data', (chunk: Buffer) => {
      listener.onData(chunk);
      this.#tellDecoded();
    });
    stream.on('drain', () => listener.onFull(false));
    stream.on('end', () => {
      this.#hasEnded = true;
      this.#onEnd?.();
    });
    stream.on('error', (error) => listener.onError(error));
  }

  write(chunk: Uint8Array): void {
    this.#pending += 1;
    const hasRoom = this.#stream.write(chunk, () => {
      this.#pending -= 1;
      this.#tellDecoded();
    });
    if (!hasRoom) this.#listener.onFull(true);
  }

  #tellDecoded(): void {
    if (this.#pending > 0 || this.#stream.readableLength > 0) return;
    this.#onDecoded?.();
    this.#onDecoded = undefined;
  }

  /** The rest will not come: `onDecoded` follows when what has come has gone out. */
  cut(onDecoded: () => void): void {
    this.#onDecoded = onDecoded;
    this.#tellDecoded();
  }

  /** Nothing more comes in; `onEnd` follows when all that came has gone out, unless it is broken off in the middle. */
  end(onEnd: () => void): void {
    this.#onEnd = onEnd;
    if (this.#hasEnded) {
      onEnd();
      return;
    }
    // An end that should not be there is an error, with which the library drops what was not read yet.
    this.cut(() => this.#stream.end());
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}

/** What decodes a `Content-Encoding`: `identity` when there is nothing to decode, `undefined` when nothing does. */
export function decodingOf(encoding: string | undefined): 'identity' | (() => Transform) | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
    case 'deflate':
      return () => zlib().createUnzip({ chunkSize: CHUNK_BYTES });
    case 'br':
      return () => zlib().createBrotliDecompress({ chunkSize: CHUNK_BYTES });
    default:
      return undefined;
  }
}

/** Loaded when it is first needed. */
function zlib(): typeof Zlib {
  return process.getBuiltinModule('node:zlib');
}
