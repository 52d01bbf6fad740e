/**
 * Every id that the manifest contributes. A test compares this with `package.json`, both ways.
 */

export const extensionId = 'mcp-lifeline.mcp-lifeline';
export const providerId = 'mcp-lifeline.servers';
export const settingsPrefix = 'mcpLifeline';
export const statusItemId = 'mcpLifeline.health';

export const views = {
  container: 'mcpLifeline',
  servers: 'mcpLifeline.servers',
  /** The view in the side bar, and the type of the editor tab. */
  dashboard: 'mcpLifeline.dashboard',
} as const;

export const commands = {
  /** Argument: a server name, or a tree item; none = all. */
  forceRecovery: 'mcpLifeline.forceRecovery',
  /** All servers, whatever is handed over: a view's title bar hands over the row that happens to be selected. */
  forceRecoveryAll: 'mcpLifeline.forceRecoveryAll',
  /** Asks which server. */
  forceRecoveryServer: 'mcpLifeline.forceRecoveryServer',
  restart: 'mcpLifeline.restart',
  /** The names of these are those of the engine's actions; each asks which server unless it is given. */
  resetBreaker: 'mcpLifeline.resetBreaker',
  isolate: 'mcpLifeline.isolate',
  rejoin: 'mcpLifeline.rejoin',
  freePort: 'mcpLifeline.freePort',
  acceptChange: 'mcpLifeline.acceptChange',
  showStatus: 'mcpLifeline.showStatus',
  openDashboard: 'mcpLifeline.openDashboard',
  showLog: 'mcpLifeline.showLog',
  verifyAudit: 'mcpLifeline.verifyAudit',
  exportDiagnostics: 'mcpLifeline.exportDiagnostics',
  /** Gives a value that an entry leaves to a person; asks which server unless it is given. */
  enterInput: 'mcpLifeline.enterInput',
  clearInputs: 'mcpLifeline.clearInputs',
  /** What nobody wants to be told of; and how that is undone. */
  mutedAlerts: 'mcpLifeline.mutedAlerts',
  addServer: 'mcpLifeline.addServer',
  importServers: 'mcpLifeline.importServers',
  undoImport: 'mcpLifeline.undoImport',
  /** Argument: the entry's name; asks which unless it is given. */
  adoptServer: 'mcpLifeline.adoptServer',
  giveBackServer: 'mcpLifeline.giveBackServer',
  /** Write `lifeline.enabled` where the entry stands; ask which server unless it is given. */
  enableServer: 'mcpLifeline.enableServer',
  disableServer: 'mcpLifeline.disableServer',
  /** The walkthrough, which we never open by ourselves. */
  getStarted: 'mcpLifeline.getStarted',
  /** Answers the R11.2 snapshot; not in the palette. */
  getConnectionStatus: 'mcpLifeline.getConnectionStatus',
} as const;
export type CommandId = (typeof commands)[keyof typeof commands];

export const walkthroughId = 'getStarted';

export const contextKeys = {
  /** Whether there is any server to look after: the walkthrough's first step is done. */
  hasServers: 'mcpLifeline.hasServers',
} as const;

/**
 * What agents may call (requirements R12.6). Two, because a person who lets an agent read without being asked has not said that it may end
 * running calls.
 */
export const agentTools = {
  /** `#mcpHealth` */
  health: 'mcpLifeline_getHealth',
  /** `#mcpRecover` */
  recover: 'mcpLifeline_recoverServer',
} as const;

/** The id VS Code gives a server that this extension registers. */
export function editorServerId(label: string): string {
  return `${extensionId}/${label}`;
}
