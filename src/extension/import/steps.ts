import * as vscode from 'vscode';
import { DisposableStore } from '../../shared/base/disposable.ts';
import type { Translate } from '../translate.ts';
import type { Remark } from './commandLine.ts';

/** What a person did with a step: gave a value, went back, or looked away. */
export type StepAnswer<T> = { readonly value: T } | 'back' | 'cancelled';

/** One step: shows something, and says what comes next. */
export type Step = (frame: StepFrame) => Promise<Step | 'back' | 'cancelled' | 'done'>;

export interface StepFrame {
  readonly title: string;
  /** Starts with 1; there is a way back from 2 on. */
  readonly number: number;
}

/** Runs steps one after another, with a way back through those that were shown. Answers whether the last one was reached. */
export async function runSteps(title: string, first: Step): Promise<boolean> {
  const path: Step[] = [first];
  for (;;) {
    const step = path.at(-1);
    if (step === undefined) return false;
    const next = await step({ title, number: path.length });
    if (next === 'done') return true;
    if (next === 'cancelled') return false;
    if (next === 'back') path.pop();
    else path.push(next);
  }
}

/** A list to choose one of. The steps of a wizard stay open when another window is used to look something up. */
export function pickStep<T extends vscode.QuickPickItem>(
  { title, number }: StepFrame,
  options: { readonly items: readonly T[]; readonly placeholder: string },
): Promise<StepAnswer<T>> {
  const store = new DisposableStore();
  const pick = store.add(vscode.window.createQuickPick<T>());
  Object.assign(pick, { title, ignoreFocusOut: true, items: options.items });
  pick.placeholder = options.placeholder;
  if (number > 1) pick.buttons = [vscode.QuickInputButtons.Back];
  return new Promise<StepAnswer<T>>((resolve) => {
    store.add(pick.onDidTriggerButton(() => resolve('back')));
    store.add(
      pick.onDidAccept(() => {
        const [item] = pick.selectedItems;
        if (item !== undefined) resolve({ value: item });
      }),
    );
    store.add(pick.onDidHide(() => resolve('cancelled')));
    pick.show();
  }).finally(() => store.dispose());
}

/** A line of text, checked at every key; an error keeps it open, a warning is said and let through. */
export function textStep(
  { title, number }: StepFrame,
  options: {
    readonly prompt: string;
    readonly placeholder: string;
    readonly value?: string;
    readonly check: (text: string) => Remark | undefined | Promise<Remark | undefined>;
    /** A button that fills the line in, such as from the clipboard. */
    readonly fill?: { readonly button: vscode.QuickInputButton; readonly read: () => Thenable<string> };
  },
  t: Translate,
): Promise<StepAnswer<string>> {
  const store = new DisposableStore();
  const box = store.add(vscode.window.createInputBox());
  const { check, fill } = options;
  Object.assign(box, { title, ignoreFocusOut: true, prompt: options.prompt });
  box.placeholder = options.placeholder;
  box.value = options.value ?? '';
  box.buttons = [
    ...(number > 1 ? [vscode.QuickInputButtons.Back] : []),
    ...(fill === undefined ? [] : [fill.button]),
  ];
  // A text that came by the button may have line breaks, which the line itself cannot hold.
  let filled: { readonly shown: string; readonly text: string } | undefined;
  const text = (): string => (box.value === filled?.shown ? filled.text : box.value);
  let last = 0;
  const review = async (isAccepted: boolean): Promise<boolean> => {
    last += 1;
    const own = last;
    const remark = await check(text());
    // Of an older text: a newer one is being looked at.
    if (own !== last) return false;
    const isEmpty = box.value.trim() === '';
    // Nobody is told of a mistake before anything was typed.
    box.validationMessage =
      remark === undefined || (isEmpty && !isAccepted)
        ? undefined
        : {
            message: remark.message,
            severity:
              remark.severity === 'error'
                ? vscode.InputBoxValidationSeverity.Error
                : vscode.InputBoxValidationSeverity.Warning,
          };
    return remark?.severity !== 'error';
  };
  return new Promise<StepAnswer<string>>((resolve, reject) => {
    store.add(box.onDidChangeValue(() => void review(false).catch(reject)));
    store.add(
      box.onDidTriggerButton((button) => {
        if (button === vscode.QuickInputButtons.Back) resolve('back');
        else if (fill !== undefined)
          void Promise.resolve(fill.read())
            .then((read) => {
              const shown = read.replace(/\s+/g, ' ').trim();
              filled = { shown, text: read };
              box.value = shown;
              return review(true);
            })
            .catch(() => {
              box.validationMessage = t('The clipboard could not be read.');
            });
      }),
    );
    store.add(
      box.onDidAccept(() => {
        const given = text();
        void review(true)
          .then((isFine) => {
            if (isFine) resolve({ value: given });
          })
          .catch(reject);
      }),
    );
    store.add(box.onDidHide(() => resolve('cancelled')));
    box.show();
    if (box.value !== '') void review(false).catch(reject);
  }).finally(() => store.dispose());
}
