/**
 * The states of a connection to one upstream server, and the legal moves between them (design §4).
 *
 * - `idle`: nobody uses the server; it is not running and not probed.
 * - `connecting`: the process is being started. `initializing`: the MCP handshake is under way.
 * - `probing`: the handshake is done and one readiness ping is out. `ready`: calls flow.
 * - `suspect`: calls still flow, but something missed its time and a probe is out.
 * - `broken`: the connection was lost just now and nothing is decided yet.
 * - `recovering`: a new attempt has its time in the recovery queue; it may be another session's attempt that has found the server down.
 * - `crashLoop`: it failed too often; tried again at long intervals, calls fail at once with a diagnosis.
 * - `needsSignIn`, `isolated`, `stopped`: waiting for a person.
 */
export const connectionStates = [
  'idle',
  'connecting',
  'initializing',
  'probing',
  'ready',
  'suspect',
  'broken',
  'recovering',
  'crashLoop',
  'needsSignIn',
  'isolated',
  'stopped',
] as const;

export type ConnectionState = (typeof connectionStates)[number];

const anytime: readonly ConnectionState[] = ['isolated', 'stopped', 'idle'];

/** Every legal move. Force recovery may move any state but `stopped` to `connecting`; any state may be isolated. */
export const legalMoves: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  idle: ['connecting', 'recovering', 'crashLoop', ...anytime],
  connecting: ['initializing', 'broken', 'recovering', 'crashLoop', 'needsSignIn', ...anytime],
  initializing: ['probing', 'broken', 'needsSignIn', ...anytime],
  probing: ['ready', 'broken', 'needsSignIn', ...anytime],
  ready: ['suspect', 'broken', 'needsSignIn', ...anytime],
  suspect: ['ready', 'broken', 'needsSignIn', ...anytime],
  broken: ['recovering', 'crashLoop', 'connecting', ...anytime],
  recovering: ['connecting', 'crashLoop', ...anytime],
  crashLoop: ['connecting', 'recovering', ...anytime],
  needsSignIn: ['connecting', 'recovering', 'crashLoop', ...anytime],
  isolated: ['connecting', 'idle', 'stopped'],
  stopped: [],
};

/** Whether calls may be written to the server in this state. */
export function isUsable(state: ConnectionState): boolean {
  return state === 'ready' || state === 'suspect';
}

/** Whether a call that arrives now waits (up to its deadline) for the connection to come up. */
export function isWaitable(state: ConnectionState): boolean {
  switch (state) {
    case 'idle':
    case 'connecting':
    case 'initializing':
    case 'probing':
    case 'broken':
    case 'recovering':
      return true;
    case 'ready':
    case 'suspect':
    case 'crashLoop':
    case 'needsSignIn':
    case 'isolated':
    case 'stopped':
      return false;
  }
}

/** Worst last. */
const severity: readonly ConnectionState[] = [
  'stopped',
  'idle',
  'ready',
  'probing',
  'initializing',
  'connecting',
  'suspect',
  'recovering',
  'broken',
  'isolated',
  'needsSignIn',
  'crashLoop',
];

/** The worse of two states: what is shown of several connections, or of a time. */
export function worseState(a: ConnectionState, b: ConnectionState): ConnectionState {
  return severity.indexOf(b) > severity.indexOf(a) ? b : a;
}
