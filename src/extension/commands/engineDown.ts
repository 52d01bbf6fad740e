import * as vscode from 'vscode';
import { engineWords } from '../health/words.ts';
import type { CommandContext } from './commandContext.ts';

/** Says that there is no engine, and offers what can be done. Returns at once. */
export function tellEngineDown({ engine, logs, t }: CommandContext): void {
  const message = t('{0} Servers can be recovered once it runs.', engineWords(engine.status, t));
  const startNow = t('Try Now');
  const showLog = t('Show Log');
  void vscode.window.showWarningMessage(message, startNow, showLog).then((chosen) => {
    if (chosen === startNow) engine.startNow();
    else if (chosen === showLog) logs.show(undefined);
  });
}
