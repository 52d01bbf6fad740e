import type { ConfiguredServer } from '../config/mergeServers.ts';

/** What VS Code is told to start for one server. Anything that changes here ends the calls that are running. */
export interface BridgeDefinition {
  readonly label: string;
  readonly args: readonly string[];
  readonly version: string | undefined;
}

export interface DefinitionOptions {
  readonly bridgePath: string;
  readonly window: string;
  /** The catalogue digest that was last made known, per server. */
  readonly versionOf: (server: string) => string | undefined;
}

/** The definitions of all servers that can be started, in the order of the settings. */
export function definitionsOf(
  servers: readonly ConfiguredServer[],
  options: DefinitionOptions,
): readonly BridgeDefinition[] {
  return servers
    .filter(({ enabled }) => enabled)
    .map(({ name }) => ({
      label: name,
      args: [options.bridgePath, ...serverArgument(name), '--window', options.window],
      version: options.versionOf(name),
    }));
}

/** A name like an option is taken for one unless it is written in one piece; others stay in two, because a change ends running calls. */
function serverArgument(name: string): readonly string[] {
  return name.startsWith('-') ? [`--server=${name}`] : ['--server', name];
}

/** Whether VS Code would see a difference between two lists. */
export function sameDefinitions(
  left: readonly BridgeDefinition[],
  right: readonly BridgeDefinition[],
): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
