import { addMember } from '../../../shared/protocol/insert.ts';
import { findMembers, parseString, splice, type ByteRange } from '../../../shared/protocol/frameScanner.ts';

/**
 * Trace context in MCP messages: `traceparent`, `tracestate` and `baggage` stand unprefixed in `params._meta` (MCP SEP-414), in the form of the HTTP
 * headers of these names (W3C Trace Context, level 2 where it says more than level 1; W3C Baggage).
 */
export interface TraceContext {
  /** 32 hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all of them 0. */
  readonly spanId: string;
  /** Bit 0: recorded; bit 1: the trace id is random. Others have no meaning yet and are not passed on (W3C Trace Context §3.2.2.5). */
  readonly flags: number;
}

const SAMPLED = 1;
const KNOWN_FLAGS = 3;
const LENGTH = 55;
/** Longer ones are no traceparent of any version to come. */
const MAX_LENGTH = 512;
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTraceId = '0'.repeat(32);
const noSpanId = '0'.repeat(16);

/** Printable ASCII, as a header has it. W3C: at least 512 characters of a tracestate should be passed on, and 8,192 bytes of baggage. */
const MAX_TRACESTATE = 512;
const MAX_BAGGAGE = 8_192;
const printable = /^[\u0020-\u007e]+$/;

/** Reads a traceparent; one that is not valid counts as none (W3C Trace Context §3.2.2.3, §4.3: versions to come are read as far as they are known). */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  if (text === undefined || text.length < LENGTH || text.length > MAX_LENGTH) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = pattern.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === noTraceId || spanId === noSpanId) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS };
}

export function isSampled({ flags }: Pick<TraceContext, 'flags'>): boolean {
  return (flags & SAMPLED) !== 0;
}

/** As it is sent: always of the version that we know. */
export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-0${flags}`;
}

/** A tracestate that can be passed on; one that cannot is dropped (W3C Trace Context §3.3.1.5). */
export function usableTracestate(text: string | undefined): string | undefined {
  return text !== undefined && text.length <= MAX_TRACESTATE && printable.test(text) ? text : undefined;
}

export function usableBaggage(text: string | undefined): string | undefined {
  return text !== undefined && text.length <= MAX_BAGGAGE && printable.test(text) ? text : undefined;
}

/** What `params._meta` says; places are those in the message. */
export interface MetaContext {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
}

const MEMBERS = ['traceparent', 'tracestate', 'baggage'] as const;
const nothing: MetaContext = { traceparent: undefined, tracestate: undefined, baggage: undefined };

/** Reads the three members of `_meta`; whatever is no text counts as absent. */
export function readMeta(line: Uint8Array, meta: ByteRange | undefined): MetaContext {
  if (meta === undefined) return nothing;
  const [traceparent, tracestate, baggage] = findMembers(line, meta, MEMBERS);
  return {
    traceparent: parseString(line, traceparent),
    tracestate: parseString(line, tracestate),
    baggage: parseString(line, baggage),
  };
}

/** What is put into `_meta`, in the place of what is there. */
export type Injected = Readonly<Partial<Record<(typeof MEMBERS)[number], string>>>;

/**
 * The request with `injected` in its `params._meta`; everything else is byte for byte what the client wrote. A `params` or `_meta` that is no object is the
 * server's to refuse: then the message stays as it is.
 */
export function inject(line: Uint8Array, injected: Injected): Uint8Array {
  const whole = { start: 0, end: line.length };
  const object = trimmed(line, whole);
  const [params] = findMembers(line, whole, ['params']);
  const entries = Object.entries(injected);
  const text = `{${entries.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join(',')}}`;
  if (params === undefined) return addMember(line, object, 'params', `{"_meta":${text}}`) ?? line;
  const [meta] = findMembers(line, params, ['_meta']);
  if (meta === undefined) return addMember(line, params, '_meta', text) ?? line;
  const places = findMembers(line, meta, MEMBERS);
  let result = line;
  // What is new goes to the end of the object, so the places inside it stay where they are; then the last one first.
  for (const [name, value] of entries)
    if (places[MEMBERS.indexOf(name as (typeof MEMBERS)[number])] === undefined)
      result =
        addMember(result, endOf(meta, result.length - line.length), name, JSON.stringify(value)) ?? result;
  const replaced = entries
    .flatMap(([name, value]) => {
      const place = places[MEMBERS.indexOf(name as (typeof MEMBERS)[number])];
      return place === undefined ? [] : [{ place, value }];
    })
    .sort((a, b) => b.place.start - a.place.start);
  for (const { place, value } of replaced) result = splice(result, place, JSON.stringify(value));
  return result;
}

const endOf = ({ start, end }: ByteRange, moved: number): ByteRange => ({ start, end: end + moved });

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/** Without white space around it. */
function trimmed(bytes: Uint8Array, range: ByteRange): ByteRange {
  let { start, end } = range;
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return { start, end };
}
