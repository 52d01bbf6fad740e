/**
 * Secrets that are known by their form, whoever they belong to. Every pattern is linear: what may repeat is bounded, or can begin only where
 * no character of the same kind stands before it, so that no text makes it look at the same place again and again.
 */

export const REDACTED = '[redacted]';

const WORD = '(?<![A-Za-z0-9_-])';

/** The token itself, and nothing else. */
const tokens = new RegExp(
  [
    // GitHub, GitLab
    `${WORD}gh[oprsu]_[A-Za-z0-9]{16,255}`,
    `${WORD}github_pat_[A-Za-z0-9_]{20,255}`,
    `${WORD}gl[a-z]{2,6}-[A-Za-z0-9_-]{20,255}`,
    // OpenAI, Anthropic, Stripe and others
    `${WORD}sk-[A-Za-z0-9_-]{16,256}`,
    `${WORD}[rsp]k_(?:live|test)_[A-Za-z0-9]{10,255}`,
    // Slack
    `${WORD}xox[a-z]-[A-Za-z0-9-]{10,255}`,
    `${WORD}xapp-[A-Za-z0-9-]{10,255}`,
    // Amazon, Google
    '(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])',
    `${WORD}AIza[A-Za-z0-9_-]{35}`,
    `${WORD}ya29\\.[A-Za-z0-9_-]{20,2048}`,
    // package registries, Hugging Face, Vault, SendGrid, DigitalOcean, Linear, Notion
    `${WORD}npm_[A-Za-z0-9]{36}`,
    `${WORD}pypi-[A-Za-z0-9_-]{50,1024}`,
    `${WORD}hf_[A-Za-z0-9]{20,255}`,
    `${WORD}hv[sbr]\\.[A-Za-z0-9_-]{20,512}`,
    `${WORD}SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,128}`,
    `${WORD}do[opr]_v1_[a-f0-9]{64}`,
    `${WORD}lin_(?:api|oauth)_[A-Za-z0-9]{20,255}`,
    `${WORD}(?:ntn|secret)_[A-Za-z0-9]{40,255}`,
    // JSON Web Token (RFC 7519): two parts in base64url that begin with {", and a signature
    `${WORD}eyJ[A-Za-z0-9_-]{8,4096}\\.[A-Za-z0-9_-]{8,8192}(?:\\.[A-Za-z0-9_-]{0,4096})?`,
  ].join('|'),
  'g',
);

/** `Authorization: Bearer x`, `Bearer x`, `Basic x`. */
const credentials =
  /(?<![A-Za-z0-9])((?:bearer|basic|negotiate|apikey|token)(?: {1,4}|%20|\+))([A-Za-z0-9._~+/=-]{8,8192})/gi;

/** `password=x`, `"apiKey": "x"`, `--token x` with its sign; in groups: name and sign, opening quote, value. */
const assignments =
  /((?:pass(?:word|wd|phrase|code)|pwd|secret|token|api[_ -]?key|access[_ -]?key|private[_ -]?key|client[_ -]?secret|credentials?|authorization|auth[_-]key|set-cookie|cookie|signature|sig)\d{0,2}(?:\\?["'])?\s{0,4}(?:=>?|:|%3D)\s{0,4})(\\?["'`])?([^\s"'`\\,;&<>()[\]{}]{4,8192})/gi;

/** `scheme://user:password@host`, and a long token in place of both. */
const userInfo = /:\/\/([^\s/:@?#"']{0,256}):([^\s/@"']{1,512})@|:\/\/[^\s/:@?#"']{16,512}@/g;

/** What stands behind a sign and is no secret: `token: invalid`, `password=undefined`, `api key = ${API_KEY}`. */
const notSecret =
  /^(?:\[redacted\]|(?:bearer|basic|negotiate|token|apikey)$|undefined|null|none|nil|true|false|\*+$|\.{3}|\$|%[A-Z_]+%$|<|-+$|\d{1,5}$)/i;

/** Where something is, as in `PWD=/home/me`. */
const path = /^(?:~|\.{1,2})?\/(?:[\w.@-]{1,255}\/){0,64}[\w.@-]{0,255}$/;

function redactAssignment(whole: string, name: string, quote: string | undefined, value: string): string {
  if (notSecret.test(value) || path.test(value)) return whole;
  // An English word after a colon is a sentence: "token: expired".
  const isSentence = quote === undefined && !/[=]|%3D/.test(name) && /^[A-Za-z][a-z'-]*[.!?:]?$/.test(value);
  return isSentence ? whole : `${name}${quote ?? ''}${REDACTED}`;
}

/** Between two words: "Bearer authentication", "basic functionality" are no credentials. */
function redactCredentials(whole: string, scheme: string, value: string): string {
  return /^[a-z-]+[.,]?$/i.test(value) && value.length < 20 ? whole : `${scheme}${REDACTED}`;
}

/** The text without what is known by its form. */
export function redactWellKnown(text: string): string {
  return text
    .replace(userInfo, (_whole, user: string | undefined) =>
      user === undefined ? `://${REDACTED}@` : `://${user}:${REDACTED}@`,
    )
    .replace(tokens, REDACTED)
    .replace(credentials, redactCredentials)
    .replace(assignments, redactAssignment);
}

const BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
/** A key is no longer; what follows is something else again. */
export const MAX_KEY_BLOCK = 32_768;

/** The text without private keys (RFC 7468). `isInside`: its beginning belongs to one; `rest`: how much more may. */
export function redactKeyBlocks(
  text: string,
  inside: number,
): { readonly text: string; readonly inside: number } {
  if (inside === 0 && !text.includes('-----BEGIN ')) return { text, inside: 0 };
  let out = '';
  let at = 0;
  let left = inside;
  for (;;) {
    if (left === 0) {
      BEGIN.lastIndex = at;
      const begin = BEGIN.exec(text);
      if (begin === null) return { text: out + text.slice(at), inside: 0 };
      out += `${text.slice(at, begin.index)}${REDACTED}`;
      at = begin.index + begin[0].length;
      left = MAX_KEY_BLOCK;
    }
    END.lastIndex = at;
    const end = END.exec(text);
    const stop = end === null ? text.length : end.index + end[0].length;
    if (stop - at > left) {
      at += left;
      left = 0;
    } else if (end === null) return { text: ensureLineEnd(out, text), inside: left - (stop - at) };
    else {
      at = stop;
      left = 0;
    }
  }
}

/** Whole lines in, whole lines out. */
function ensureLineEnd(out: string, text: string): string {
  return text.endsWith('\n') && out !== '' && !out.endsWith('\n') ? `${out}\n` : out;
}
