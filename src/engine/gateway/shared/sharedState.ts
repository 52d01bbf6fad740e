import type { ClientHello } from '../../upstream/launch.ts';
import { mostVerbose } from './logLevels.ts';

/** What the sessions of a shared server have set there, taken together. */
export interface SharedState {
  readonly logLevel: string | undefined;
  readonly subscriptions: ReadonlySet<string>;
}

type OwnState = Pick<ClientHello, 'logLevel' | 'subscriptions'>;

/** Everybody hears what they asked for: the most verbose level, and every subscription that anybody has. */
export function merge(states: readonly OwnState[]): SharedState {
  return {
    logLevel: mostVerbose(states.map(({ logLevel }) => logLevel)),
    subscriptions: new Set(states.flatMap(({ subscriptions }) => subscriptions)),
  };
}

export interface StateRequest {
  readonly method: 'logging/setLevel' | 'resources/subscribe' | 'resources/unsubscribe';
  readonly params: Readonly<Record<string, string>>;
}

/** What a server must be told that knows `before`, so that it knows `after`. A level cannot be taken back, only changed. */
export function changes(before: SharedState, after: SharedState): StateRequest[] {
  const requests: StateRequest[] = [];
  if (after.logLevel !== undefined && after.logLevel !== before.logLevel)
    requests.push({ method: 'logging/setLevel', params: { level: after.logLevel } });
  for (const uri of after.subscriptions)
    if (!before.subscriptions.has(uri)) requests.push({ method: 'resources/subscribe', params: { uri } });
  for (const uri of before.subscriptions)
    if (!after.subscriptions.has(uri)) requests.push({ method: 'resources/unsubscribe', params: { uri } });
  return requests;
}

/**
 * Which sessions an update of a resource is for: those that subscribed to it. What nobody named may be a part of what somebody
 * did (MCP specification, Resources), and goes to all that subscribed to anything.
 */
export function subscribersOf<M>(
  uri: string | undefined,
  members: readonly M[],
  subscriptionsOf: (member: M) => readonly string[],
): M[] {
  const exact = members.filter((member) => uri !== undefined && subscriptionsOf(member).includes(uri));
  return exact.length > 0 ? exact : members.filter((member) => subscriptionsOf(member).length > 0);
}
