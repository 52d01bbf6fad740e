import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';

const section = 'chat.mcp';

/** Whether servers may be started that nobody asked for: VS Code's own settings for that, and the workspace's trust. */
export function mayStartServers(): boolean {
  const settings = vscode.workspace.getConfiguration(section);
  return (
    vscode.workspace.isTrusted && settings.get('autostart') !== 'never' && settings.get('access') !== 'none'
  );
}

/** Calls `listener` when `mayStartServers` may answer differently. */
export function onMayStartServersChanged(listener: () => void): Disposable {
  const store = new DisposableStore();
  store.add(vscode.workspace.onDidGrantWorkspaceTrust(listener));
  store.add(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(section)) listener();
    }),
  );
  return store;
}
