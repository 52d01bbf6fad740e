import type { Clock } from '../../../shared/base/clock.ts';
import { Exchange } from './exchange.ts';
import type { HttpPool } from './httpPool.ts';

export interface EndpointProbe {
  readonly server: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly pool: HttpPool;
}

/** Somebody who is there answers a ping sooner. */
const PROBE_LIMIT_MS = 5_000;
/** An answer of this size or more is none to a ping; it is dropped. */
const MAX_ANSWER_BYTES = 65_536;
const ping = '{"jsonrpc":"2.0","id":"lifeline:probe","method":"ping"}';

/**
 * Whether somebody answers at an endpoint: a `ping` outside any session, which opens none and holds no stream. What the answer says does not
 * matter, as most servers refuse it; only a status of 500 and above means that the server behind the address is not there.
 */
export function answersPing({ server, url, headers, clock, pool }: EndpointProbe): Promise<boolean> {
  return new Promise((resolve) => {
    const { origin, pathname, search } = new URL(url);
    const finish = (isThere: boolean): void => {
      timer.dispose();
      resolve(isThere);
      exchange.abort();
    };
    const timer = clock.setTimer(PROBE_LIMIT_MS, () => finish(false), { unref: true });
    const exchange = new Exchange(
      {
        server,
        origin,
        method: 'POST',
        path: `${pathname}${search}`,
        headers: {
          ...headers,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
        },
        body: ping,
        expectsMessage: false,
        hasSession: false,
        lease: pool.take(false),
        clock,
        readTimeoutMs: PROBE_LIMIT_MS,
        maxMessageBytes: MAX_ANSWER_BYTES,
      },
      {
        onAccepted: () => finish(true),
        onMessage: () => undefined,
        onEventId: () => undefined,
        onRetryDelay: () => undefined,
        onTooLong: () => undefined,
        onEnd: (end) => finish(end.kind !== 'failed' || (end.status !== undefined && end.status < 500)),
      },
    );
  });
}
