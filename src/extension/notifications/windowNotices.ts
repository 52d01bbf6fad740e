import type { HealthView } from '../health/healthView.ts';
import { counted } from '../figures.ts';
import type { Translate } from '../translate.ts';
import type { NoticeActions } from './alertNotices.ts';
import { causeTitle } from './alertWords.ts';
import type { Notice } from './notice.ts';

/** Single failed starts happen (the old engine is just ending); these many in a row are worth a word. */
const ENGINE_TRIES = 3;

/** What no engine can tell: that there is none, and what is wrong with settings that it was not given. */
export function windowNotices(
  view: HealthView,
  { haveProblemsStood }: { readonly haveProblemsStood: boolean },
  actions: NoticeActions,
  t: Translate,
): readonly Notice[] {
  const notices: Notice[] = [];
  if (view.engine.kind === 'recovering' && view.engine.failedTries >= ENGINE_TRIES)
    notices.push({
      cause: 'engine',
      server: undefined,
      severity: 'error',
      title: causeTitle('engine', t),
      message: t(
        'The MCP Lifeline engine cannot be started: {0}. It is tried again every few seconds.',
        view.engine.reason,
      ),
      actions: [
        { title: t('Show Log'), run: () => actions.showLog(undefined), isForLater: true },
        { title: t('Try Now'), run: () => actions.startEngine() },
      ],
    });
  const [first] = view.problems;
  if (first !== undefined && haveProblemsStood)
    notices.push({
      cause: 'settings',
      server: undefined,
      severity: 'warning',
      title: causeTitle('settings', t),
      message: counted(
        t,
        view.problems.length,
        'A setting of MCP Lifeline cannot be used: {1} {2}.',
        '{0} settings of MCP Lifeline cannot be used. The first: {1} {2}.',
        first.path,
        first.message,
      ),
      actions: [{ title: t('Show All'), run: () => actions.showDetails(), isForLater: true }],
    });
  return notices;
}
