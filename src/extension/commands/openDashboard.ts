import type { CommandContext } from './commandContext.ts';

/** `mcpLifeline.openDashboard`: the dashboard as an editor tab, where there is room for many servers. */
export function openDashboard({ dashboard }: CommandContext): Promise<void> {
  return dashboard.open();
}
