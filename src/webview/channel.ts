import type { HostMessage, PageMessage } from '../shared/protocol/dashboardMessages.ts';
import { parseHostMessage } from './hostMessage.ts';
import { keptState, parsePageState, type PageState } from './pageState.ts';

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): EditorApi;

/** The way to the extension host and back. */
export interface Channel {
  send(message: PageMessage): void;
  /** What was kept when this page was last there. */
  readonly kept: PageState;
  keep(state: PageState): void;
}

/** Opens the channel; the editor hands it out once. */
export function openChannel(listener: (message: HostMessage) => void): Channel {
  const api = acquireVsCodeApi();
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = parseHostMessage(event.data);
    if (message !== undefined) listener(message);
  });
  return {
    send: (message) => api.postMessage(message),
    kept: parsePageState(api.getState()),
    keep: (state) => api.setState(keptState(state)),
  };
}
