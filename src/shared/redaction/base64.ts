/** Base64 (RFC 4648 §4) without padding; this folder may use neither Node nor a browser. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let digit = 0; digit <= Math.min(3, left); digit += 1)
      text += ALPHABET.charAt((word >> (18 - 6 * digit)) & 63);
  }
  return text;
}

/** The bytes of a text in either alphabet; nothing when it is none. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const bare = text
    .replace(/={1,2}$/, '')
    .replace(/-/g, '+')
    .replace(/_/g, '/');
  const bytes = new Uint8Array(Math.floor((bare.length * 3) / 4));
  let word = 0;
  for (let at = 0; at < bare.length; at += 1) {
    const digit = ALPHABET.indexOf(bare.charAt(at));
    if (digit < 0) return undefined;
    word = ((word << 6) | digit) & 0xffffff;
    const bits = (at % 4) * 6;
    if (bits >= 6) bytes[Math.floor((at * 3 - 1) / 4)] = (word >> (6 - bits / 3)) & 255;
  }
  return bytes;
}
