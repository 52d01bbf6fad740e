import { join } from 'node:path';
import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../api/mcp-lifeline.d.ts';
import type { EngineConnection } from '../endpoint/connect.ts';
import { lifelineHome } from '../endpoint/location.ts';
import { sleep, systemClock } from '../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../shared/base/disposable.ts';
import { commands, settingsPrefix } from '../shared/contributions.ts';
import { makeApi } from './api/api.ts';
import { registerTools } from './agentTools/registerTools.ts';
import type { CommandContext } from './commands/commandContext.ts';
import { registerCommands } from './commands/registerCommands.ts';
import { StatusDocument } from './commands/statusDocument.ts';
import { SettingsReader } from './config/settingsReader.ts';
import { keepContextKeys } from './contextKeys.ts';
import { DiagnosticsDocument } from './diagnostics/diagnosticsDocument.ts';
import { EngineClient } from './engineClient/engineClient.ts';
import { openEngine } from './engineClient/engineFinder.ts';
import { windowIdOf } from './engineClient/windowId.ts';
import { languageOf } from './figures.ts';
import { HealthModel } from './health/healthModel.ts';
import { buildHealthView, type HealthView } from './health/healthView.ts';
import type { Importing } from './import/importing.ts';
import { makeServerInputs, type ServerInputs } from './inputs/serverInputs.ts';
import type { LanguageSideOptions } from './language/languageSide.ts';
import { loaded, loadFirstUse, onFirstUse } from './loading.ts';
import { LogChannels } from './log/logChannels.ts';
import { DefinitionProvider } from './mcp/definitionProvider.ts';
import { editorServers } from './mcp/editorServers.ts';
import { PromiseKeeper } from './mcp/promiseKeeper.ts';
import { ServerStarter } from './mcp/serverStarter.ts';
import { StartMemory } from './mcp/startMemory.ts';
import { mayStartServers, onMayStartServersChanged } from './mcp/startPermission.ts';
import { Versions } from './mcp/versions.ts';
import { NotificationGate } from './notifications/gate.ts';
import { MuteList } from './notifications/muteList.ts';
import { NoticeWatch } from './notifications/noticeWatch.ts';
import { StatusItem } from './status/statusItem.ts';
import type { Translate } from './translate.ts';
import { ServersTree } from './views/serversTree.ts';
import { DashboardViews } from './webview/dashboardViews.ts';
import { RecentWork } from './webview/recentWork.ts';

const ENGINE_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 1_000;
const VERSIONS_KEY = 'mcpLifeline.versions';
const STARTS_KEY = 'mcpLifeline.firstStarts';
const SNAPSHOT_LIMIT_MS = 2_000;
const MUTED_KEY = 'mcpLifeline.mutedNotifications';

/** What runs after `compose`. */
export interface Extension extends Disposable {
  /** For other extensions. */
  readonly api: McpLifelineApi;
  /** Says goodbye to the engine, which stays. Never rejects. */
  stop(): Promise<void>;
}

const t: Translate = (message, ...args) => vscode.l10n.t(message, ...args);
const clock = systemClock;

/** Makes everything and connects it; the engine is looked for after it has returned. */
export function compose(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Extension {
  const store = new DisposableStore();
  const onError = (error: unknown): void => log.error(error instanceof Error ? error : String(error));
  // The first words of an engine come later than this.
  if (languageOf(t) !== 'en')
    loaded(import('./phrases.ts'), t).then((library) => (t.said = library.bookOfPhrases(t)), onError);
  const window = windowIdOf(context.storageUri?.toString());
  const settings = store.add(new SettingsReader(clock, onError));
  const logs = store.add(new LogChannels(clock, log, onError));
  const inputs = makeServerInputs(context, {
    inputs: () => settings.current.inputs,
    tellEngine: (servers, forget) => engine.tellInputsChanged(servers, forget),
    onError,
    t,
  });
  const engine: EngineClient = store.add(
    makeEngineClient(context, {
      log,
      logs,
      settings,
      window,
      inputs,
      language: () => ({
        clock,
        model,
        t,
        adoptable: async (file, text) => (await importing()).adoptable(file, text),
      }),
    }),
  );
  const model: HealthModel = makeModel(store, engine, settings, onError);
  const importing = onFirstUse(async (): Promise<Importing> => {
    const library = await loaded(import('./commands/settingUp.ts'), t);
    return store.add(
      new library.Importing(context, t, {
        servers: () => settings.current.servers,
        keepSecret: (scope, id, value) => inputs.keepSecret(scope, id, value),
        forgetSecret: (scope, id) => inputs.forgetSecret(scope, id),
        log: (message) => log.warn(`Import: ${message}`),
      }),
    );
  });

  const dashboard = store.add(makeDashboard(context, { store, engine, model, log, onError }));
  const diagnosticsDocument = store.add(new DiagnosticsDocument());
  const mutes = new MuteList({
    read: () => context.globalState.get(MUTED_KEY),
    write: (keys) => context.globalState.update(MUTED_KEY, keys),
  });
  const gate = store.add(makeGate(mutes, onError));
  const commandContext: CommandContext = {
    clock,
    engine,
    model,
    logs,
    dashboard,
    inputs,
    importing,
    mutes,
    diagnostics: {
      show: (text) => diagnosticsDocument.show(text),
      collect: async (signal) =>
        (await loadFirstUse(t)).collectDiagnostics(
          {
            clock,
            engine,
            model,
            settings,
            window,
            home: lifelineHome(),
            extensionVersion: (context.extension.packageJSON as { version: string }).version,
            storedSecrets: () => inputs.secretValues(),
          },
          signal,
        ),
    },
    onRecovered: (servers) => gate.noteTold(servers),
    t,
  };
  store.add(registerCommands(commandContext));
  const { api } = store.add(
    makeApi({
      commands: commandContext,
      servers: () => settings.current.servers,
      bridgePath: join(context.extensionPath, 'dist', 'bridge.cjs'),
      window,
    }),
  );
  store.add(registerTools({ clock, engine, model, t }));
  store.add(connectEditor(context, { engine, settings, window, log }));
  store.add(new StatusItem(model, t));
  store.add(
    keepContextKeys(
      model,
      (key, value) => void vscode.commands.executeCommand('setContext', key, value),
      clock,
    ),
  );
  store.add(new ServersTree(model, clock, t));
  store.add(new StatusDocument(model, t));
  store.add(tellAlerts(model, { engine, logs, gate }));
  store.add(engine.onDidLog((entries) => logs.add(entries)));
  engine.wantLogLevel(logs.wantedLevel);
  store.add(logs.onDidChangeWantedLevel((level) => engine.wantLogLevel(level)));
  store.add(settings.onDidChange(({ servers }) => logs.retain(servers.map(({ name }) => name))));
  store.add(engine.onDidChangeStatus((status) => log.debug(`Engine: ${JSON.stringify(status)}`)));
  // After activation has returned: finding the engine may have to load the language client and start a process.
  store.add(clock.setTimer(0, () => engine.start()));
  return { api, stop: () => engine.stop(STOP_LIMIT_MS), dispose: () => store.dispose() };
}

interface EngineParts {
  readonly log: vscode.LogOutputChannel;
  readonly logs: LogChannels;
  readonly settings: SettingsReader;
  readonly window: string;
}

function makeEngineClient(
  context: vscode.ExtensionContext,
  {
    log,
    logs,
    settings,
    window,
    inputs,
    language,
  }: EngineParts & {
    readonly inputs: ServerInputs;
    readonly language: () => LanguageSideOptions;
  },
): EngineClient {
  const find = (signal: AbortSignal): Promise<EngineConnection> =>
    openEngine(
      {
        clock,
        window,
        home: lifelineHome(),
        execPath: process.execPath,
        enginePath: join(context.extensionPath, 'dist', 'engine.cjs'),
        limitMs: ENGINE_LIMIT_MS,
        log: (message) => log.info(message),
      },
      signal,
    );
  const engine = new EngineClient({
    clock,
    onInputsNeeded: (needed) => inputs.answer(needed),
    onError: (message, error) => log.warn(`${message}: ${describe(error)}`),
    open: async (listener, signal) => {
      // The language client is most of this extension's code, and activation needs none. It is loaded while an engine starts, and not before
      // one was started: loading holds this process up.
      const [connection, library] = await Promise.all([
        find(signal),
        sleep(clock, 0).then(() => loaded(import('./engineClient/languageClientSession.ts'), t)),
      ]);
      logs.noteConnected(connection.welcome.pid);
      return library.openLanguageClientSession(
        {
          connection,
          clock,
          log,
          listener,
          language: language(),
          configuration: () => settings.current.engine,
          initializeTimeoutMs: ENGINE_LIMIT_MS,
        },
        signal,
      );
    },
  });
  return engine;
}

/** It remembers from now on what it will show, and is made when it is opened. */
function makeDashboard(
  context: vscode.ExtensionContext,
  parts: {
    readonly store: DisposableStore;
    readonly engine: EngineClient;
    readonly model: HealthModel;
    readonly log: vscode.LogOutputChannel;
    readonly onError: (error: unknown) => void;
  },
): DashboardViews {
  const { store, engine, model, log, onError } = parts;
  const recent = store.add(new RecentWork(engine, clock, () => model.view, onError));
  return new DashboardViews(
    onFirstUse(async () => {
      const { Dashboard, DashboardSource } = await loadFirstUse(t);
      return store.add(
        new Dashboard({
          clock,
          source: store.add(new DashboardSource({ clock, engine, model, recent, t, onError })),
          model,
          t,
          extensionUri: context.extensionUri,
          startEngine: () => engine.startNow(),
          log: (message) => log.warn(message),
        }),
      );
    }),
  );
}

function makeModel(
  store: DisposableStore,
  engine: EngineClient,
  settings: SettingsReader,
  onError: (error: unknown) => void,
): HealthModel {
  const build = (): HealthView =>
    buildHealthView({
      engine: engine.status,
      trusted: vscode.workspace.isTrusted,
      configured: settings.current.servers,
      configProblems: settings.current.problems,
      snapshot: engine.snapshot,
    });
  const model = store.add(new HealthModel(clock, build, onError));
  store.add(engine.onDidChangeStatus(() => model.invalidate()));
  store.add(engine.onDidChangeSnapshot(() => model.invalidate()));
  store.add(settings.onDidChange(() => model.invalidate()));
  return model;
}

/** VS Code's side: which servers there are, under which version, and when one has to be restarted. */
function connectEditor(
  context: vscode.ExtensionContext,
  { engine, settings, window, log }: Omit<EngineParts, 'logs'> & { readonly engine: EngineClient },
): Disposable {
  const store = new DisposableStore();
  const refresh = (): void => {
    if (!provider.refresh()) return;
    promises.noteDefinitionsChanged();
    starter.noteDefinitionsChanged();
  };
  const versions = store.add(
    new Versions(
      clock,
      {
        read: () => context.workspaceState.get(VERSIONS_KEY),
        write: (saved) => void context.workspaceState.update(VERSIONS_KEY, saved),
      },
      refresh,
    ),
  );
  const provider = store.add(
    new DefinitionProvider({
      bridgePath: join(context.extensionPath, 'dist', 'bridge.cjs'),
      window,
      servers: () => settings.current.servers,
      versionOf: (server) => versions.versionOf(server),
      onError: (error) => log.error(`Servers could not be listed: ${describe(error)}`),
    }),
  );
  const promises = store.add(
    new PromiseKeeper({ clock, log: (message) => log.info(message), editor: editorServers }),
  );
  const onListed = versions.noteListed.bind(versions);
  const starter = store.add(makeStarter(context, { engine, settings, log, onListed }));
  store.add(onMayStartServersChanged(() => starter.recheck()));
  store.add(
    engine.onDidChangeSnapshot((snapshot) => {
      versions.apply(snapshot);
      promises.apply(snapshot);
      starter.apply(snapshot);
    }),
  );
  store.add(
    settings.onDidChange((configuration) => {
      engine.configure(configuration.engine);
      refresh();
      starter.configure(configuration.servers);
    }),
  );
  return store;
}

/** What starts servers before anybody uses them. */
function makeStarter(
  context: vscode.ExtensionContext,
  {
    engine,
    settings,
    log,
    onListed,
  }: Pick<EngineParts, 'settings' | 'log'> & {
    readonly engine: EngineClient;
    readonly onListed: (server: string, digest: string) => void;
  },
): ServerStarter {
  return new ServerStarter(
    {
      clock,
      editor: editorServers,
      memory: new StartMemory({
        read: () => context.workspaceState.get(STARTS_KEY),
        write: (starts) => void context.workspaceState.update(STARTS_KEY, starts),
      }),
      isAllowed: mayStartServers,
      onListed,
      readSnapshot: () => engine.getSnapshot({ timeoutMs: SNAPSHOT_LIMIT_MS }).catch(() => undefined),
      log: (message) => log.info(message),
    },
    settings.current.servers,
  );
}

const run = (command: string, ...args: unknown[]): void =>
  void vscode.commands.executeCommand(command, ...args);
const showDetails = (): void => run(commands.showStatus);

function makeGate(mutes: MuteList, onError: (error: unknown) => void): NotificationGate {
  return new NotificationGate({
    clock,
    mutes,
    t,
    showDetails,
    onError,
    show: (severity, message, titles) => messages[severity](message, ...titles),
  });
}

/** The only way from what is the case to a notification. */
function tellAlerts(
  model: HealthModel,
  parts: { readonly engine: EngineClient; readonly logs: LogChannels; readonly gate: NotificationGate },
): Disposable {
  return new NoticeWatch(model, {
    clock,
    gate: parts.gate,
    t,
    actions: {
      showDetails,
      showLog: (server) => parts.logs.show(server),
      forceRecovery: (server) => run(commands.forceRecovery, server),
      freePort: (server) => run(commands.freePort, server),
      openSettings: () => run('workbench.action.openSettings', `${settingsPrefix}.servers`),
      startEngine: () => parts.engine.startNow(),
    },
  });
}

const messages = {
  info: (message: string, ...titles: string[]) => vscode.window.showInformationMessage(message, ...titles),
  warning: (message: string, ...titles: string[]) => vscode.window.showWarningMessage(message, ...titles),
  error: (message: string, ...titles: string[]) => vscode.window.showErrorMessage(message, ...titles),
};

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
