import type { Fault } from '../../shared/model/fault.ts';
import { wireIdOf, type Call } from '../pipeline/call.ts';
import { cancellationOf } from '../pipeline/wireForm.ts';

/** What tells a server that nobody waits for a call any more: the client's own words, where it has said so itself. */
export function cancelMessage(call: Call, fault: Fault): Uint8Array | string {
  const { cancelLine, wire } = call;
  if (cancelLine !== undefined) return wire === undefined ? cancelLine : cancellationOf(cancelLine, wire.id);
  const reason = fault.code === 'cancelled' ? 'The client cancelled the request' : fault.message;
  const params = `{"requestId":${wireIdOf(call)},"reason":${JSON.stringify(reason)}}`;
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
}
