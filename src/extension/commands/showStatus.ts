import * as vscode from 'vscode';
import { DisposableStore } from '../../shared/base/disposable.ts';
import { commands } from '../../shared/contributions.ts';
import { canRun, worstFirst, type HealthView, type ServerView } from '../health/healthView.ts';
import { breakerWords, engineWords, healthIcon, healthWords, stateSentence } from '../health/words.ts';
import { actionTitle, offeredActions, tellsBreaker, type ActionId } from '../health/conditions.ts';
import { stillIcon } from '../health/themeIcon.ts';
import { healthSentence } from '../status/statusContent.ts';
import { settingOf } from '../views/rows.ts';
import { openServersSetting } from './askServer.ts';
import type { CommandContext } from './commandContext.ts';
import { openStatusDocument } from './statusDocument.ts';
import { duration } from '../figures.ts';

interface ActionButton extends vscode.QuickInputButton {
  readonly run: () => void;
}

interface StatusEntry extends vscode.QuickPickItem {
  readonly key: string;
  readonly run: () => void;
  readonly buttons?: readonly ActionButton[];
}

/**
 * `mcpLifeline.showStatus`: a list of the servers with their state, each with its actions, that follows what happens
 * while it is open. Returns when it is shown.
 */
export function showStatus(context: CommandContext): void {
  const { model, t } = context;
  const store = new DisposableStore();
  const pick = vscode.window.createQuickPick<StatusEntry>();
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.placeholder = t('Select a server to see its log, or use the buttons on its right');
  const fill = (view: HealthView): void => {
    pick.title = t('MCP Lifeline: {0}', healthSentence(view, t));
    const active = pick.activeItems[0]?.key;
    pick.keepScrollPosition = true;
    pick.items = entriesOf(view, context);
    // New items make the editor forget which one the keyboard was on.
    const again = pick.items.filter(({ key }) => key === active);
    if (again.length > 0) pick.activeItems = again;
  };
  fill(model.view);
  store.add(model.onDidChange(fill));
  store.add(
    pick.onDidAccept(() => {
      const [chosen] = pick.selectedItems;
      pick.hide();
      chosen?.run();
    }),
  );
  store.add(
    pick.onDidTriggerItemButton(({ button }) => {
      pick.hide();
      (button as ActionButton).run();
    }),
  );
  store.add(pick.onDidHide(() => store.dispose()));
  store.add(pick);
  pick.show();
}

function entriesOf(view: HealthView, context: CommandContext): StatusEntry[] {
  const { engine, t } = context;
  const entries: StatusEntry[] = [];
  if (view.engine.kind !== 'running') {
    entries.push({
      key: 'engine',
      iconPath: new vscode.ThemeIcon('sync'),
      label: engineWords(view.engine, t),
      detail: t('Select to try now.'),
      run: () => engine.startNow(),
    });
  }
  entries.push(...worstFirst(view.servers).map((server) => serverEntry(server, context)));
  entries.push(separator(), ...generalEntries(context));
  if (view.problems.length > 0) entries.push(separator(t('Settings')));
  for (const problem of view.problems) {
    const { path, message } = problem;
    entries.push({
      key: `problem:${path}:${message}`,
      iconPath: new vscode.ThemeIcon('warning'),
      label: path,
      detail: message,
      run: () => run('workbench.action.openSettings', settingOf(problem)),
    });
  }
  return entries;
}

function separator(label = ''): StatusEntry {
  return { key: `separator:${label}`, label, kind: vscode.QuickPickItemKind.Separator, run: () => undefined };
}

function generalEntries({ t }: CommandContext): StatusEntry[] {
  const entry = (key: string, icon: string, label: string, run: () => void): StatusEntry => ({
    key,
    iconPath: new vscode.ThemeIcon(icon),
    label,
    run,
  });
  return [
    entry('recoverAll', 'zap', t('Force Recovery of All Servers'), () => run(commands.forceRecoveryAll)),
    entry('dashboard', 'dashboard', t('Open Dashboard'), () => run(commands.openDashboard)),
    entry('report', 'markdown', t('Open as Report'), () => void openStatusDocument()),
    entry('log', 'output', t('Show Log'), () => run(commands.showLog)),
    entry('settings', 'gear', t('Open Settings'), () => openServersSetting()),
  ];
}

function serverEntry(server: ServerView, { t }: CommandContext): StatusEntry {
  const { name, health, snapshot } = server;
  const words = [healthWords(server, t)];
  if (snapshot?.latency !== undefined) words.push(duration(snapshot.latency.p50Ms, t));
  if (snapshot !== undefined && tellsBreaker(snapshot)) {
    words.push(t('breaker {0}', breakerWords(snapshot, t)));
  }
  const button = (icon: string, tooltip: string, command: string): ActionButton => ({
    iconPath: new vscode.ThemeIcon(icon),
    tooltip,
    run: () => run(command, name),
  });
  const log = button('output', t('Show Log'), commands.showLog);
  return {
    key: `server:${name}`,
    iconPath: stillIcon(healthIcon(health)),
    label: name,
    description: words.join(' · '),
    ...(snapshot === undefined ? {} : { detail: stateSentence(snapshot, t) }),
    buttons: !canRun(health)
      ? [log]
      : [
          button('zap', t('Force Recovery'), commands.forceRecovery),
          button('refresh', t('Restart'), commands.restart),
          ...(snapshot === undefined ? [] : offeredActions(snapshot)).map((action) =>
            button(actionIcons[action], actionTitle(action, t), commands[action]),
          ),
          ...(snapshot?.needsInput === undefined
            ? []
            : [button('key', t('Enter Value…'), commands.enterInput)]),
          log,
        ],
    run: () => run(commands.showLog, name),
  };
}

const actionIcons: Readonly<Record<ActionId, string>> = {
  resetBreaker: 'shield',
  isolate: 'debug-pause',
  rejoin: 'debug-continue',
  freePort: 'plug',
  acceptChange: 'check',
};

function run(command: string, ...args: unknown[]): void {
  void vscode.commands.executeCommand(command, ...args);
}
