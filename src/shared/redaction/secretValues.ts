import { bytesOfBase64 } from './base64.ts';

/**
 * Which of the values in a server's settings, or in the environment, are secrets (requirements R14.4). Told by the name they are
 * set under, and by their form where the name says nothing.
 */

/** A shorter one would be found in every second word, and is no secret. */
export const MIN_SECRET = 6;
/** Of one source; whoever has more has none. */
const MAX_SECRETS = 1_000;
const MAX_DEPTH = 12;
const MAX_VISITED = 20_000;
const MAX_VALUE = 32_768;

/** A part of a name that says "secret". */
const telling = new Set([
  'apikey',
  'accesskey',
  'auth',
  'authorization',
  'authkey',
  'bearer',
  'cookie',
  'cred',
  'credential',
  'credentials',
  'creds',
  'dsn',
  'key',
  'pass',
  'passcode',
  'passphrase',
  'passwd',
  'password',
  'pat',
  'pin',
  'privatekey',
  'pwd',
  'secret',
  'secretkey',
  'sessionid',
  'sig',
  'signature',
  'token',
  'webhook',
]);
/** The end of a part that says so: `DBPASSWORD`, `GHTOKEN`. */
const tellingEnd = /(?:password|passwd|secret|token|apikey)$/;
/** Words that are names of many things; what is set under one of them alone must look like a secret too: `"key": "status"`. */
const weak = /^(?:key|auth|pin|sig|signature|pass)\d*$/;
/** A last part that says what is told about the secret, rather than the secret: `AUTH_TYPE`, `TOKEN_FILE`, `KEY_ID`. */
const harmlessEnd = new Set([
  'algorithm',
  'audience',
  'count',
  'dir',
  'domain',
  'enabled',
  'endpoint',
  'expiry',
  'file',
  'folder',
  'format',
  'header',
  'host',
  'id',
  'interval',
  'issuer',
  'length',
  'limit',
  'method',
  'mode',
  'name',
  'path',
  'port',
  'provider',
  'region',
  'scope',
  'scopes',
  'size',
  'sock',
  'server',
  'service',
  'timeout',
  'ttl',
  'type',
  'uri',
  'url',
  'user',
  'username',
  'version',
]);
/** The folder a shell stands in. */
const notTelling = new Set(['PWD', 'OLDPWD']);

const trivial =
  /^(?:true|false|yes|no|on|off|none|null|undefined|default|enabled|disabled|required|optional|auto|automatic|production|development|staging|testing|debug|localhost|bearer|oauth2?|basic|anonymous|invalid|missing|expired|unknown|example|\d{1,5})$/i;

/** The words of a name: `githubApiKey`, `GITHUB_API_KEY` and `x-api-key` have "key" in them. */
function partsOf(name: string): string[] {
  return name
    .slice(0, 256)
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((part) => part !== '');
}

/** Whether a name says that what is set under it is a secret. */
export function isSecretName(name: string): boolean {
  if (notTelling.has(name)) return false;
  const parts = partsOf(name);
  const last = parts.at(-1)?.replace(/\d+$/, '');
  if (last === undefined || (harmlessEnd.has(last) && parts.length > 1)) return false;
  if (parts.includes('public') || parts.includes('max')) return false;
  return parts.some((part) => {
    const word = part.replace(/\d+$/, '');
    return telling.has(word) || tellingEnd.test(word);
  });
}

/** The path of a file, as far as its form tells; a key in base64 may begin with a slash too. */
function isPath(value: string): boolean {
  if (/^[A-Za-z]:[\\/]/.test(value)) return true;
  return /^(?:~|\.{0,2})\/[\w.@ :-]+(?:\/[\w.@ :-]+)*\/?$/.test(value) && !value.split('/').some(isRandom);
}

/** Bits a character, by how often each occurs. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Looks made by a random source: no word, name, version or path is like this. */
function isRandom(value: string): boolean {
  if (value.length < 20 || !/^[\w+=~-]+$/.test(value)) return false;
  if (/^[\dA-Fa-f]{32,}$/.test(value)) return true;
  if ((value.match(/\d/g) ?? []).length < 2 || !/[A-Za-z]/.test(value)) return false;
  if (entropyOf(value) < 3.5) return false;
  return (/[a-z]/.test(value) && /[A-Z]/.test(value)) || (value.length >= 24 && /^[A-Za-z\d]+$/.test(value));
}

/** Whether a value is a secret, under a name that says so or does not. */
export function isSecretValue(name: string, value: string): boolean {
  if (value.length < MIN_SECRET || value.length > MAX_VALUE || trivial.test(value)) return false;
  if (isSecretName(name)) {
    const isTelling = !weak.test(name.toLowerCase()) || (/\d/.test(value) && value.length >= 8);
    return isTelling && !isPath(value);
  }
  return value.split(/[/.]/).some(isRandom) && !isPath(value) && !/\s/.test(value);
}

/** The secret parts of an address: of its user info, its query, and its path (as in webhooks). */
function secretsOfUrl(text: string): string[] {
  const found: string[] = [];
  const userInfo = /^[A-Za-z][\w+.-]{0,31}:\/\/([^\s/?#@]{1,2000})@/.exec(text)?.[1];
  if (userInfo !== undefined) {
    const at = userInfo.indexOf(':');
    found.push(at < 0 ? userInfo : userInfo.slice(at + 1));
  }
  const [bare = '', query = ''] = text.split(/[?#](.*)/s, 2);
  for (const pair of query.split(/[&#;]/)) {
    const at = pair.indexOf('=');
    if (at > 0 && isSecretValue(pair.slice(0, at), pair.slice(at + 1))) found.push(pair.slice(at + 1));
  }
  found.push(...bare.split('/').slice(3).filter(isRandom));
  return found.flatMap((value) => [value, unescaped(value)]);
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** `Bearer x`, `Basic x`: also without the scheme, and what was put into it. */
function secretsOfCredentials(value: string): string[] {
  const [, scheme, token] = /^([A-Za-z][\w-]{0,31}) +(\S+)$/.exec(value) ?? [];
  if (scheme === undefined || token === undefined) return [];
  const inner = scheme.toLowerCase() === 'basic' ? bytesOfBase64(token) : undefined;
  const pair = inner === undefined ? '' : new TextDecoder().decode(inner);
  const at = pair.indexOf(':');
  return at < 0 ? [token] : [token, pair, pair.slice(at + 1)];
}

/** What of one value has to be kept secret; nothing in most cases. */
export function secretsOfValue(name: string, value: string): string[] {
  const found = /^[A-Za-z][\w+.-]{0,31}:\/\//.test(value) ? secretsOfUrl(value) : [];
  if (found.length === 0 && isSecretValue(name, value)) found.push(value, ...secretsOfCredentials(value));
  return found.filter((secret) => secret.length >= MIN_SECRET && !trivial.test(secret));
}

/** Options of a command line: `--token x`, `--token=x`, `TOKEN=x`, and texts that are secrets by themselves. */
function secretsOfList(items: readonly unknown[]): string[] {
  return items.flatMap((item, index) => {
    if (typeof item !== 'string') return [];
    const before: unknown = items[index - 1];
    const isValue = typeof before === 'string' && /^-[^=]*$/.test(before) && !item.startsWith('-');
    const option = isValue ? before.replace(/^-+/, '') : '';
    const [, name = '', value = ''] = /^-{0,2}([\w.-]{1,128})[=:] ?(.+)$/s.exec(item) ?? [];
    return [...secretsOfValue(option, item), ...(name === '' ? [] : secretsOfValue(name, value))];
  });
}

/**
 * Every secret in settings, wherever it stands: a key that was put into the wrong place is one all the same. Never throws; bounded, because
 * settings are as large as somebody wants.
 */
export function secretsIn(settings: unknown): string[] {
  const found = new Set<string>();
  const waiting: { readonly name: string; readonly value: unknown; readonly depth: number }[] = [
    { name: '', value: settings, depth: 0 },
  ];
  for (let visited = 0; visited < MAX_VISITED; visited += 1) {
    const next = waiting.pop();
    if (next === undefined || found.size >= MAX_SECRETS) break;
    const { name, value, depth } = next;
    if (typeof value === 'string' || typeof value === 'number') {
      for (const secret of secretsOfValue(name, String(value))) found.add(secret);
    } else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
      if (Array.isArray(value)) for (const secret of secretsOfList(value)) found.add(secret);
      for (const [key, member] of Object.entries(value).slice(0, MAX_VISITED)) {
        // The name that tells may be the one of the list.
        waiting.push({ name: Array.isArray(value) ? name : key, value: member, depth: depth + 1 });
        // `"TOKEN=x": …`: written into the wrong place.
        if (!Array.isArray(value)) for (const secret of secretsOfList([key])) found.add(secret);
      }
    }
  }
  return [...found];
}
