import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';

/** What takes longer shows that it is under way. */
const PROGRESS_AFTER_MS = 1_000;

/** Does the work, and tells of it, with a way to give up, once it takes longer than a second. */
export async function withLateProgress<T>(
  { clock }: { readonly clock: Clock },
  title: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cancel = new AbortController();
  const running = work(cancel.signal);
  const settled = running.then(
    () => undefined,
    () => undefined,
  );
  const timer = clock.setTimer(PROGRESS_AFTER_MS, () => {
    const location = vscode.ProgressLocation.Notification;
    void vscode.window.withProgress({ location, title, cancellable: true }, async (_progress, token) => {
      const listener = token.onCancellationRequested(() => cancel.abort());
      await settled;
      listener.dispose();
    });
  });
  try {
    return await running;
  } finally {
    timer.dispose();
  }
}
