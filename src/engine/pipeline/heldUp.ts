import type { Clock } from '../../shared/base/clock.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import type { Call } from './call.ts';

/** On the way up, with nothing that has failed. */
const starting: ReadonlySet<ConnectionState> = new Set(['idle', 'connecting', 'initializing', 'probing']);

/** An attempt has failed and another one follows: how long a server had the call. */
export function noteLostAttempt(call: Call, now: number): void {
  if (call.sentAt !== undefined) call.ranMs += now - call.sentAt;
  call.sentAt = undefined;
  call.isHeldUp = true;
}

/**
 * A call waits for a server's first start. `look` is called with each change of the connection, and with `true` at the end: what passed until then is no time
 * lost, unless and until the start has failed.
 */
export function beginColdWait(
  call: Call,
  connection: Pick<ServerLink, 'state' | 'usableLaunch'>,
  clock: Pick<Clock, 'now'>,
): { look(isOver: boolean): void } {
  // A new session of a server that is known to be down waits for no first start.
  let since = starting.has(connection.state) ? clock.now() : undefined;
  return {
    look(isOver) {
      if (since === undefined || (!isOver && starting.has(connection.state))) return;
      call.coldMs += clock.now() - since;
      since = undefined;
      if (connection.usableLaunch !== undefined && call.ranMs === 0) call.isHeldUp = false;
    },
  };
}
