import { Fault, type FaultCode } from '../../../shared/model/fault.ts';
import type { Redactor } from '../../../shared/redaction/redactor.ts';
import { memberRange, stringMember } from '../../../shared/protocol/frameScanner.ts';
import { codeOfErrno } from '../../recovery/diagnosis/errno.ts';
import type { Delivered } from '../transport.ts';

/** What a failed exchange comes to. */
export interface HttpFailure {
  readonly fault: Fault;
  readonly delivered: Delivered;
}

export interface StatusAnswer {
  readonly server: string;
  readonly status: number;
  readonly contentType: string;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** The beginning of the body. */
  readonly body: Uint8Array;
  readonly hasSession: boolean;
  /** Takes secrets out of what the server said; by default nothing is. */
  readonly redactor?: Pick<Redactor, 'redactCut'> | undefined;
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};
/** Statuses that say that the request was turned away before anything was done. */
const refusals = new Set([400, 401, 403, 404, 405, 406, 411, 413, 414, 415, 421, 426, 429, 431]);
const MAX_EXCERPT = 200;
/** Of what a server says about a refusal this much is searched for secrets; less of it is told. */
const MAX_READ = 2_048;

/** An address without the parts that may hold keys: whoever sends on usually repeats the query that was asked with. */
function withoutSecrets(location: string): string {
  const [bare = ''] = location.slice(0, 2_000).split(/[?#]/, 1);
  return `${bare.replace(/\/\/[^/]*@/, '//').slice(0, 300)}${bare === location ? '' : '?…'}`;
}

/** What a status other than 2xx means (requirements R2.3). */
export function statusFailure(answer: StatusAnswer): HttpFailure {
  const { server, status, retryAfterMs } = answer;
  const said = excerpt(answer);
  const words = `${status}${reasons[status] === undefined ? '' : ` ${reasons[status]}`}${said === '' ? '' : ` (${said})`}`;
  const make = (code: FaultCode, advice: string): HttpFailure => ({
    fault: new Fault(code, `The MCP server "${server}" answered ${words}${advice}`, {
      server,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }),
    // 303: it is done, and its outcome is somewhere else.
    delivered: refusals.has(status) || (status >= 300 && status < 400 && status !== 303) ? 'no' : 'unknown',
  });
  if (status >= 300 && status < 400) {
    const where = answer.location === undefined ? 'another address' : `"${withoutSecrets(answer.location)}"`;
    return make(
      'httpError',
      `: it refers to ${where}. Requests with credentials are not sent on to another origin; if you trust it, put that address into "url".`,
    );
  }
  switch (status) {
    case 400:
      return make(
        'sessionNotReady',
        ': it did not accept the request. Check "url" and "headers" in its settings.',
      );
    case 401:
      return make('authRequired', ': it needs a sign-in or a token. Check "headers" in its settings.');
    case 403:
      return make('forbidden', ': it does not allow this. Check "headers" in its settings.');
    case 404:
      return answer.hasSession
        ? make('sessionLost', ': it does not know the session any more.')
        : make('httpError', ': check "url" in its settings.');
    case 429:
      return make('rateLimited', ': it asks for fewer calls.');
    case 502:
    case 503:
    case 504:
      return make('unavailable', '; it is not available for now.');
    default:
      return status >= 500
        ? make('serverError', ': it met an error of its own, of which its log may tell more.')
        : make('httpError', ': check "url" in its settings.');
  }
}

/** What the server said about it, when it said it in words for people. */
function excerpt({ contentType, body, redactor }: StatusAnswer): string {
  const whole = { start: 0, end: body.length };
  let text: string | undefined;
  if (contentType.includes('json')) {
    const error = memberRange(body, whole, 'error');
    text =
      (error === undefined ? undefined : stringMember(body, error, 'message')) ??
      stringMember(body, whole, 'error_description') ??
      stringMember(body, whole, 'message') ??
      stringMember(body, whole, 'error') ??
      stringMember(body, whole, 'detail');
  } else if (contentType.startsWith('text/plain'))
    text = new TextDecoder().decode(body.subarray(0, MAX_READ));
  // Before it is cut once more: half a secret would not be known as one.
  const open = redactor?.redactCut(text?.slice(0, MAX_READ) ?? '', { end: true }) ?? text ?? '';
  const line = open.replace(/\s+/g, ' ').trim();
  return line.length > MAX_EXCERPT ? `${line.slice(0, MAX_EXCERPT)}…` : line;
}

/** What an error of the network means. `began`: the request had been given to a connection. */
export function networkFailure(server: string, host: string, error: unknown, began: boolean): HttpFailure {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const delivered: Delivered = began ? 'unknown' : 'no';
  const make = (fault: FaultCode, text: string): HttpFailure => ({
    fault: new Fault(fault, text, { server, cause: error }),
    delivered,
  });
  const meaning = codeOfErrno(code);
  if (meaning === 'protocolGarbage')
    return make(
      'protocolGarbage',
      `The MCP server "${server}" answered with something that is not HTTP (${code}).`,
    );
  if (began) {
    return make(
      'connectionReset',
      `The connection to the MCP server "${server}" (${host}) was closed before its answer was complete (${code || message}).`,
    );
  }
  if (meaning === 'connectTimeout')
    return make(
      'connectTimeout',
      `The MCP server "${server}" (${host}) could not be connected to in time (${code}).`,
    );
  const why =
    code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'its name is not known'
        : meaning === 'connectionRefused' || code === 'ENOENT'
          ? 'there is no way to it'
          : message.slice(0, 200);
  return make(
    'connectionRefused',
    `The MCP server "${server}" (${host}) cannot be reached: ${why}${code === '' ? '' : ` (${code})`}. Check "url" in its settings, and whether it runs.`,
  );
}

/** `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. At most an hour is believed. */
export function parseRetryAfter(value: unknown, wallNow: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - wallNow;
  return Number.isNaN(ms) ? undefined : Math.min(3_600_000, Math.max(0, ms));
}
