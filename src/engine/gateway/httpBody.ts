import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
/** Larger bodies are not parsed, because that holds everybody up; their structure is scanned in any case. */
const PARSE_BELOW_BYTES = 8_388_608;

export type BodyVerdict =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'tooLarge' }
  /** The client went away in the middle. */
  | { readonly kind: 'gone' };

/**
 * Reads a request's body, up to `maxBytes`. `count` hears of every piece as it comes, and may refuse more by answering false. Never
 * rejects. What is not read stays in the stream.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  count: (bytes: number) => boolean,
): Promise<BodyVerdict> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) return Promise.resolve({ kind: 'tooLarge' });
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const finish = (verdict: BodyVerdict): void => {
      isOver = true;
      resolve(verdict);
    };
    // The listeners stay: taking them away from each request costs more than it would cost to ask whether they still count.
    request.on('data', (piece: Buffer) => {
      if (isOver) return;
      size += piece.length;
      if (size > maxBytes || !count(piece.length)) {
        request.pause();
        finish({ kind: 'tooLarge' });
      } else pieces.push(piece);
    });
    request.on('end', () => {
      const [first] = pieces;
      const bytes = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces, size);
      if (!isOver) finish({ kind: 'whole', bytes });
    });
    request.on('close', () => {
      if (!isOver) finish({ kind: 'gone' });
    });
  });
}

/**
 * Whether a body is JSON in UTF-8. Many servers end at a line that they cannot read, and the next one starts to be killed by the same line:
 * one client's mistake would open the breaker for all clients.
 */
export function isReadable(body: Buffer): boolean {
  if (!isUtf8(body)) return false;
  if (body.length >= PARSE_BELOW_BYTES) return true;
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false; // that is the answer
  }
}

/**
 * The message as one line: JSON allows line ends between its parts, and a stdio server would take a pretty-printed message for several; in
 * an event stream they would end the event. The same bytes when there are none.
 */
export function asOneLine(message: Uint8Array): Uint8Array {
  if (!message.includes(LINE_FEED) && !message.includes(CARRIAGE_RETURN)) return message;
  const line = Uint8Array.from(message);
  for (const lineEnd of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = line.indexOf(lineEnd); at >= 0; at = line.indexOf(lineEnd, at + 1)) line[at] = SPACE;
  }
  return line;
}
