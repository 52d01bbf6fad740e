import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { ClientHello } from './launch.ts';
import type { InternalAnswer } from './ownRequests.ts';

/** Pause after a first refusal; doubles each time. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1_000;
/** A session that is refused for so long will never be taken. */
const NOT_READY_LIMIT_MS = 10_000;

/**
 * Asks until the server takes requests of this session (requirements R3.1): some answer 400 for a while after they have taken `initialized`, and another
 * session would have to wait anew. Gives the last answer; a failure with 400 only when it was refused for 10 s.
 */
export async function untilReady(ping: () => Promise<InternalAnswer>, clock: Clock): Promise<InternalAnswer> {
  const until = clock.now() + NOT_READY_LIMIT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    const pong = await ping();
    const isNotReady = pong.kind === 'failed' && pong.fault?.code === 'sessionNotReady';
    if (!isNotReady || clock.now() + pauseMs > until) return pong;
    await sleep(clock, pauseMs);
  }
}

/** The requests, method and parameters, that give a new launch what the one before had been told (requirements R3.2). */
export function restoring({ logLevel, subscriptions }: ClientHello): readonly (readonly [string, string])[] {
  const level =
    logLevel === undefined ? [] : [['logging/setLevel', JSON.stringify({ level: logLevel })] as const];
  return [...level, ...subscriptions.map((uri) => ['resources/subscribe', JSON.stringify({ uri })] as const)];
}
