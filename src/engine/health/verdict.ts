import { Fault } from '../../shared/model/fault.ts';

/**
 * What made a server suspect. `silence`: it owes a sign of life, with nothing to do. `deadline`: a call passed its deadline. `unreachable`: something
 * did not get through to it. `network`: it did not answer after the machine slept, or its network changed.
 */
export type SuspicionCause = 'silence' | 'deadline' | 'unreachable' | 'network';

/** How a server is told of that was given up. `silentMs`: since its last message. */
export function convictionFault(
  cause: SuspicionCause,
  patient: { readonly server: string; readonly pid: number | undefined },
  silentMs: number,
): Fault {
  const { server, pid } = patient;
  const seconds = Math.round(silentMs / 1_000);
  const what = {
    silence: `had nothing to do, was silent for ${seconds} s, and answered no ping`,
    deadline: 'answered neither a call in its time nor a ping after it',
    unreachable: 'could not be reached any more',
    network: 'did not answer after the machine slept or its network changed',
  }[cause];
  const text = `The MCP server "${server}" ${what}, and was given up.`;
  // The other calls of a process are lost with it, not late: what may be run again is run again.
  return new Fault(pid === undefined ? 'connectionReset' : 'exited', text, { server });
}
