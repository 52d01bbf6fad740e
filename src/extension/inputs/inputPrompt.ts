import * as vscode from 'vscode';
import { MAX_INPUT_VALUE, type InputDefinition } from '../../shared/settings/inputs.ts';
import type { Translate } from '../translate.ts';

/** Asks a person for a value. It stays open when another window is used to look it up; `undefined`: turned down. */
export async function promptForInput(
  input: InputDefinition,
  server: string,
  current: string | undefined,
  t: Translate,
): Promise<string | undefined> {
  const title = t('MCP server "{0}" needs a value', server);
  const what = input.description === '' ? input.id : input.description;
  if (input.type === 'promptString')
    return vscode.window.showInputBox({
      title,
      prompt: input.isSecret ? t('{0} (kept in the secret storage of VS Code)', what) : what,
      password: input.isSecret,
      validateInput: (value) =>
        value.length > MAX_INPUT_VALUE ? t('At most {0} characters', MAX_INPUT_VALUE) : undefined,
      ignoreFocusOut: true,
      ...(current === undefined && input.default === undefined
        ? {}
        : { value: current ?? input.default ?? '' }),
    });
  const items = input.options.map(({ label, value }) => ({
    label,
    value,
    ...(label === value ? {} : { description: value }),
    ...(value === (current ?? input.default) ? { detail: t('proposed') } : {}),
  }));
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: what, ignoreFocusOut: true });
  return picked?.value;
}
