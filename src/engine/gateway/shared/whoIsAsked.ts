/** Requests in whose course a server may ask its client for something (MCP specification: sampling, elicitation and roots are nested in them). */
const mayAsk: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'completion/complete',
]);

/** What a client must have declared to be asked for something; any other request is for every client. */
const neededCapability: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);

export interface Question<M, E extends { readonly member: M; readonly call: { readonly method: string } }> {
  /** The server's method. */
  readonly method: string;
  /** The call in whose course it asks, where the transport tells. */
  readonly about: E | undefined;
  /** Calls that are open where it asks, in the order in which they were written. */
  readonly open: readonly E[];
  /** The clients, the one that used the server last at the end. */
  readonly members: readonly M[];
  readonly hasCapability: (member: M, capability: string) => boolean;
}

export interface Asked<M, E> {
  readonly member: M;
  /** The call that it probably is about. */
  readonly entry: E | undefined;
}

/**
 * Which client of a shared server is asked when the server asks for something: the one whose call it belongs to. Where
 * the transport does not tell which that is, the one whose call was written last; where no call is open, the one that used
 * the server last. Nobody (`undefined`) when that client never said that it can be asked: another one's person or model must
 * not answer for it.
 */
export function whoIsAsked<M, E extends { readonly member: M; readonly call: { readonly method: string } }>(
  question: Question<M, E>,
): Asked<M, E> | undefined {
  const { method, about, open, members, hasCapability } = question;
  const capability = neededCapability.get(method);
  const canBeAsked = (member: M): boolean => capability === undefined || hasCapability(member, capability);
  const entry = about ?? open.findLast(({ call }) => mayAsk.has(call.method)) ?? open.at(-1);
  if (entry !== undefined) return canBeAsked(entry.member) ? { member: entry.member, entry } : undefined;
  const member = members.findLast(canBeAsked);
  return member === undefined ? undefined : { member, entry: undefined };
}
