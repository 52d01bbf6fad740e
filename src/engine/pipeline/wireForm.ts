import { memberRange, splice, type ByteRange } from '../../shared/protocol/frameScanner.ts';

/**
 * A client's request as a server gets it that several clients share: with an id, and a progress token, that no other of
 * its clients uses. Everything else is byte for byte what the client wrote.
 */
export interface WireForm {
  /** The id, and the progress token where the client gave one: canonical JSON text, unique within the engine. */
  readonly id: string;
  readonly line: Uint8Array;
}

const whole = (line: Uint8Array): ByteRange => ({ start: 0, end: line.length });

/** Where the progress token of a request stands; `params` is the range of its parameters. */
export function progressTokenRange(line: Uint8Array, params: ByteRange | undefined): ByteRange | undefined {
  const meta = params === undefined ? undefined : memberRange(line, params, '_meta');
  return meta === undefined ? undefined : memberRange(line, meta, 'progressToken');
}

/** `line` with `id` in the place of its id and of its progress token. */
export function wireFormOf(line: Uint8Array, id: string): WireForm {
  const idRange = memberRange(line, whole(line), 'id');
  const token = progressTokenRange(line, memberRange(line, whole(line), 'params'));
  const places = [idRange, token].filter((range) => range !== undefined);
  // The last one first, so that the places before it stay where they are.
  places.sort((a, b) => b.start - a.start);
  return { id, line: places.reduce((bytes, range) => splice(bytes, range, id), line) };
}

/** A client's `notifications/cancelled` as the server gets it, which knows the request by the id `id`. */
export function cancellationOf(line: Uint8Array, id: string): Uint8Array {
  const params = memberRange(line, whole(line), 'params');
  const range = params === undefined ? undefined : memberRange(line, params, 'requestId');
  return range === undefined ? line : splice(line, range, id);
}
