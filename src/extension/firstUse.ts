/**
 * What is not needed before somebody uses it: loaded as one file (`dist/lib/firstUse.cjs`), because it shares most of what it is made of. Two copies of
 * a module of ours never hold state that belongs together (docs/decisions/0089).
 */
export { HealthTool } from './agentTools/healthTool.ts';
export { RecoverTool } from './agentTools/recoverTool.ts';
export { makeToolCaller } from './api/makeToolCaller.ts';
export { forceRecovery } from './commands/forceRecovery.ts';
export { handlers } from './commands/handlers.ts';
export { collectDiagnostics } from './diagnostics/collectDiagnostics.ts';
export { Dashboard } from './webview/dashboard.ts';
export { DashboardSource } from './webview/dashboardSource.ts';
