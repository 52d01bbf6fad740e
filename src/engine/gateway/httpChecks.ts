import { timingSafeEqual } from 'node:crypto';
import { remembered } from './remembered.ts';

/**
 * What is decided about an HTTP request from its head alone. Pure: the endpoint acts on it.
 */

/** A request that is not served: the status, and a sentence for whoever wrote the client. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly sentence: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Route =
  | { readonly kind: 'mcp'; readonly server: string }
  | { readonly kind: 'status' | 'recover' | 'healthz' | 'metrics' | 'unknown' };

const plainRoutes: ReadonlyMap<string, 'status' | 'recover' | 'healthz' | 'metrics'> = new Map([
  ['/status', 'status'],
  ['/recover', 'recover'],
  ['/healthz', 'healthz'],
  ['/metrics', 'metrics'],
]);
const MCP_PREFIX = '/mcp/';

/** Reads the path of a request; a query is ignored. Never throws. */
export const readRoute = remembered((url: string): Route => {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const plain = plainRoutes.get(path);
  if (plain !== undefined) return { kind: plain };
  if (!path.startsWith(MCP_PREFIX)) return { kind: 'unknown' };
  const rest = path.slice(MCP_PREFIX.length);
  if (rest === '' || rest.includes('/')) return { kind: 'unknown' };
  try {
    return { kind: 'mcp', server: decodeURIComponent(rest) };
  } catch {
    return { kind: 'unknown' }; // a broken escape names no server
  }
});

/** The path under which a server is reached. */
export function pathOf(server: string): string {
  return MCP_PREFIX + encodeURIComponent(server);
}

/** Names of this machine; a page that an attacker's name server points at us calls us by another one (DNS rebinding). */
const ownNames = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether `Host` is ours. `port` is `undefined` on a Unix socket or named pipe, where no page can connect. */
export function isOwnHost(host: string | undefined, port: number | undefined): boolean {
  if (port === undefined) return true;
  const given = host?.toLowerCase();
  return ownNames.some((name) => given === `${name}:${port}` || (port === 80 && given === name));
}

/** Whether `Origin`, when there is one, is ours. */
export function isOwnOrigin(origin: string | undefined, port: number | undefined): boolean {
  if (origin === undefined) return true;
  if (port === undefined) return false;
  const given = origin.toLowerCase();
  return given.startsWith('http://') && isOwnHost(given.slice('http://'.length), port);
}

/** Longer than any token that can be set, with its scheme. */
const MAX_AUTHORIZATION = 1_024;

/** Compares a bearer token in a time that tells nothing about it, whatever the lengths. */
export class TokenCheck {
  readonly #expected = Buffer.alloc(MAX_AUTHORIZATION);
  readonly #given = Buffer.alloc(MAX_AUTHORIZATION);

  constructor(token: string) {
    if (Buffer.byteLength(token) >= MAX_AUTHORIZATION) throw new Error('The token is too long.');
    this.#expected.write(token, 'latin1');
  }

  /** Always compares the whole of both buffers: the time depends on what is given alone. */
  accepts(authorization: string | undefined): boolean {
    const scheme = authorization?.slice(0, 7);
    if (authorization === undefined || scheme?.toLowerCase() !== 'bearer ') return false;
    const token = authorization.slice(7).trim();
    // Nothing stands for an empty token, and a zero byte cannot come in a header.
    if (token === '' || token.length >= MAX_AUTHORIZATION) return false;
    this.#given.fill(0).write(token, 'latin1');
    return timingSafeEqual(this.#given, this.#expected);
  }
}

export interface Accepted {
  readonly json: boolean;
  readonly eventStream: boolean;
}

/** What a client takes. Without the header it is given JSON, which needs nothing but patience. */
export function readAccept(accept: string | undefined): Accepted {
  return accept === undefined ? { json: true, eventStream: false } : acceptOf(accept);
}

const acceptOf = remembered((accept: string): Accepted => {
  let json = false;
  let eventStream = false;
  for (const item of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim());
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) continue;
    if (type === '*/*') json = eventStream = true;
    else if (type === 'application/json' || type === 'application/*') json = true;
    else if (type === 'text/event-stream' || type === 'text/*') eventStream = true;
  }
  return { json, eventStream };
});

/** Whether a body is declared as JSON in UTF-8, the only thing that JSON is exchanged in (RFC 8259 §8.1). */
export const isJson = remembered((contentType: string | undefined): boolean => {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type.trim() !== 'application/json') return false;
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=').map((part) => part.trim());
    return (
      name !== 'charset' || value.replaceAll('"', '') === 'utf-8' || value.replaceAll('"', '') === 'utf8'
    );
  });
});

/**
 * Whether `MCP-Protocol-Version` can be one. Versions are dates; which of them a server speaks was settled by `initialize`. Older
 * clients, and VS Code, do not send it.
 */
export function isPlausibleVersion(version: string | undefined): boolean {
  return version === undefined || /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/.test(version);
}

/** What a client does about streams that are cut, by the version that it names. */
export interface Comeback {
  /** It may come back with `Last-Event-ID` for the answer of a call. */
  readonly resumes: boolean;
  /** It takes an event that carries an id alone; older clients read every event as a message. */
  readonly takesEmptyEvents: boolean;
}

/** Since 2025-06-18 clients name the version; those that do not (VS Code) ignore the ids on the stream of a call (reference/vscode-mcp-client.md §3.3). */
export const readComeback = remembered((version: string | undefined): Comeback => {
  const named = version ?? '';
  return { resumes: named >= '2025-06-18', takesEmptyEvents: named >= '2025-11-25' };
});
