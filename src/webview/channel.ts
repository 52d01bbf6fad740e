import type { HostMessage, PageMessage } from '../shared/protocol/dashboardMessages.ts';

interface EditorApi {
  postMessage(message: unknown): void;
}

declare function acquireVsCodeApi(): EditorApi;

/** The way to the extension host and back. */
export interface Channel {
  send(message: PageMessage): void;
}

/** Opens the channel; the editor hands it out once. */
export function openChannel(listener: (message: HostMessage) => void): Channel {
  const api = acquireVsCodeApi();
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (isHostMessage(event.data)) listener(event.data);
  });
  return { send: (message) => api.postMessage(message) };
}

/** Whether it has the shape of one: other extensions of the browser talk to every frame too. */
export function isHostMessage(value: unknown): value is HostMessage {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, model, history } = value as { kind?: unknown; model?: unknown; history?: unknown };
  if (kind === 'model') return hasLists(model, 'cards', 'notices');
  return kind === 'history' && hasLists(history, 'servers');
}

function hasLists(value: unknown, ...names: string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => Array.isArray((value as Record<string, unknown>)[name]));
}
