import { homedir } from 'node:os';
import { resolve, sep } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { Redactor } from '../../shared/redaction/redactor.ts';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import { fitProblems } from '../../shared/model/settingsProblem.ts';
import type { BreakerStateName, SettingsProblem } from '../../shared/model/snapshot.ts';
import {
  parseAlertSettings,
  type AlertLayer,
  type AlertSettings,
} from '../../shared/settings/alertSettings.ts';
import type { EngineConfiguration } from '../../shared/protocol/engineMessages.ts';
import {
  connectionSettingSpecs,
  environmentLayer,
  parseConnectionSettings,
  type SettingsLayer,
} from '../../shared/settings/connectionSettings.ts';
import { globalSettingsLayer } from '../../shared/settings/globalSettings.ts';
import {
  isRemote,
  nameClashMessage,
  type ParsedServer,
  type ServerConfig,
} from '../../shared/settings/serverConfig.ts';
import { parseServerTemplate, type ServerInputs } from '../../shared/settings/serverTemplate.ts';
import type { VariableScope } from '../../shared/settings/variables.ts';
import { parseTelemetry, type TelemetrySettings } from '../../shared/settings/telemetrySettings.ts';
import type { ServerRecovery } from '../recovery/serverRecovery.ts';
import type { CatalogueStore } from '../catalogue/catalogue.ts';
import { ServerRuntime, type RuntimeConfiguration } from './serverRuntime.ts';

/** Where the settings stand, for the places of problems. */
export interface SettingsPlaces {
  readonly servers: string;
  readonly connection: string;
  readonly alerts: string;
  readonly telemetry: string;
}

const editorPlaces: SettingsPlaces = {
  servers: 'mcpLifeline.servers',
  connection: 'mcpLifeline.connection',
  alerts: 'mcpLifeline.alerts',
  telemetry: 'mcpLifeline.telemetry',
};

export interface RegistryDeps {
  readonly clock: Clock;
  readonly store: CatalogueStore;
  readonly environment: NodeJS.ProcessEnv;
  readonly onListenerError: (error: unknown) => void;
  /** Is told of every secret in the settings, and takes them out of what is told (requirements R14.4). */
  readonly redactor?: Redactor;
  /** A server's breaker has opened, or closed, or lets trials through. */
  readonly onBreaker?: (server: string, state: BreakerStateName) => void;
  /** Settings were taken over. */
  readonly onConfigured?: (configuration: EngineConfiguration, telemetry: TelemetrySettings) => void;
  /** What is remembered of a server's failures; in memory only, so that no failure outlives the engine. */
  readonly recovery: (server: string) => ServerRecovery;
  /** How much of the machine's processors is in use, 0 to 1. */
  readonly cpuRatio?: () => number | undefined;
}

/** The configured servers. Parses what the extension sends; a bad entry costs nothing but itself. */
export class ServerRegistry {
  readonly #deps: RegistryDeps;
  readonly #servers = new Map<string, ServerRuntime>();
  /** Servers that a client asks for and the settings do not have (yet, or any more). */
  readonly #unconfigured = new Map<string, ServerRuntime>();
  readonly #changed: Emitter<undefined>;
  readonly #subscriptions = new Map<string, Disposable>();
  #problems: readonly SettingsProblem[] = [];
  #workspaceFolder: string | undefined;
  #alerts = parseAlertSettings([]).settings;
  /** Of the servers whose entries say something else. */
  readonly #alertsOf = new Map<string, AlertSettings>();
  #configured = false;
  #recoveryIntervalMs = connectionSettingSpecs.recoveryInterval.default * 1_000;

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    this.#changed = new Emitter(deps.onListenerError);
  }

  /** Fired when a server's snapshot, or the set of servers, may have changed. */
  get onDidChange(): Emitter<undefined>['event'] {
    return this.#changed.event;
  }

  get servers(): readonly ServerRuntime[] {
    return [...this.#servers.values()];
  }

  get problems(): readonly SettingsProblem[] {
    return this.#problems;
  }

  /** The setting `recoveryInterval` of all servers. */
  get recoveryIntervalMs(): number {
    return this.#recoveryIntervalMs;
  }

  /** What alerts are raised for, of a server or of the engine. */
  alertSettings(server?: string): AlertSettings {
    return (server === undefined ? undefined : this.#alertsOf.get(server)) ?? this.#alerts;
  }

  /** Where upstream processes start unless their entry says otherwise. */
  get workspaceFolder(): string | undefined {
    return this.#workspaceFolder;
  }

  find(name: string): ServerRuntime | undefined {
    return this.#servers.get(name);
  }

  /**
   * The server of that name. An engine that has just come up does not know its servers yet, so one that is missing is
   * waited for, up to `timeoutMs` or until a configuration without it has come; then `undefined`.
   */
  whenKnown(name: string, timeoutMs: number): Promise<ServerRuntime | undefined> {
    const known = this.#servers.get(name);
    if (known !== undefined || this.#configured) return Promise.resolve(known);
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.dispose();
        subscription.dispose();
        resolve(this.#servers.get(name));
      };
      const timer = this.#deps.clock.setTimer(timeoutMs, finish);
      const subscription = this.#changed.event(() => {
        if (this.#configured) finish();
      });
    });
  }

  /** A server that the settings do not have, so that its client gets an honest answer; it becomes a real one when they have it. */
  unconfigured(name: string): ServerRuntime {
    for (const [other, server] of this.#unconfigured)
      if (server.sessions.size === 0) this.#unconfigured.delete(other);
    let server = this.#unconfigured.get(name);
    if (server === undefined) {
      const { settings } = parseConnectionSettings([]);
      server = new ServerRuntime(name, { config: undefined, settings }, this.#deps);
      this.#unconfigured.set(name, server);
    }
    return server;
  }

  /** Takes the settings over. Servers that are gone are emptied, but stay while a session holds them. */
  configure(configuration: EngineConfiguration, places: SettingsPlaces = editorPlaces): void {
    this.#deps.redactor?.spare(configuration.servers.map(({ name }) => name));
    this.#deps.redactor?.learn(secretsIn([configuration.servers, configuration.connection]));
    const telemetry = parseTelemetry(configuration.telemetry, places.telemetry);
    this.#deps.redactor?.learn(secretHeaders(telemetry.settings));
    const problems: SettingsProblem[] = [...telemetry.problems];
    const seen = new Map<string, string>();
    this.#workspaceFolder = configuration.workspaceFolder;
    const layers = this.#connectionLayers(configuration, places.connection);
    const general = parseConnectionSettings(layers);
    problems.push(...general.problems);
    this.#recoveryIntervalMs = general.settings.recoveryInterval * 1_000;
    const alerts: AlertLayer = { path: places.alerts, values: configuration.alerts };
    const generalAlerts = parseAlertSettings([alerts]);
    problems.push(...generalAlerts.problems);
    this.#alerts = generalAlerts.settings;
    this.#alertsOf.clear();
    const present = new Set<string>();
    for (const { name, entry, origin, folder } of configuration.servers) {
      if (!configuration.trusted && origin !== 'user') continue;
      const clash = seen.get(name.toLowerCase());
      if (clash !== undefined) {
        problems.push({
          path: `${places.servers}.${name}`,
          message: nameClashMessage(clash),
        });
        continue;
      }
      seen.set(name.toLowerCase(), name);
      const parsed = parseServerTemplate(name, entry, {
        pathPrefix: places.servers,
        scope: this.#scopeOf(configuration, folder),
        trustByDefault: origin === 'user',
        tellRestarts: configuration.tellRestarts,
      });
      problems.push(...parsed.problems);
      const own: SettingsLayer = {
        path: `${places.servers}.${name}.lifeline.connection`,
        values: parsed.config?.lifeline.connection,
      };
      const placed = (config: ServerConfig | undefined): ServerConfig | undefined =>
        config && inFolder(config, folder, configuration.workspaceFolder);
      const config = placed(parsed.config);
      this.#deps.redactor?.learn(secretsIn(config));
      const remote = config !== undefined && isRemote(config);
      const { settings, problems: more } = parseConnectionSettings([own, ...layers], { remote });
      // The general layers' problems have been named once already.
      problems.push(...more.filter((problem) => problem.path.startsWith(own.path)));
      problems.push(...this.#readAlerts(parsed.config, places, alerts));
      present.add(name);
      const inputs = parsed.inputs && placedInputs(parsed.inputs, placed);
      this.#apply(name, { config, settings, ...(inputs === undefined ? {} : { inputs }) });
    }
    for (const [name, server] of this.#servers) {
      if (present.has(name)) continue;
      server.configure({ config: undefined, settings: general.settings });
      // A client may still hold its session open, and the entry may come back.
      if (server.sessions.size > 0) this.#unconfigured.set(name, server);
      this.#subscriptions.get(name)?.dispose();
      this.#subscriptions.delete(name);
      this.#servers.delete(name);
    }
    this.#problems = fitProblems(problems, this.#deps.redactor);
    this.#configured = true;
    this.#deps.onConfigured?.(configuration, telemetry.settings);
    this.#changed.fire(undefined);
  }

  #scopeOf({ workspaceFolder, folders = [] }: EngineConfiguration, own: string | undefined): VariableScope {
    const { environment } = this.#deps;
    return {
      userHome: homedir(),
      pathSeparator: sep,
      workspaceFolder: own ?? workspaceFolder,
      folders: new Map(folders.map(({ name, path }) => [name, path])),
      env: (name) => environment[name],
    };
  }

  /** A server's own word on its alerts; answers what is wrong with it. */
  #readAlerts(
    config: ServerConfig | undefined,
    places: SettingsPlaces,
    general: AlertLayer,
  ): readonly SettingsProblem[] {
    if (config?.lifeline.alerts === undefined) return [];
    const path = `${places.servers}.${config.name}.lifeline.alerts`;
    const own: AlertLayer = { path, values: config.lifeline.alerts, isServer: true };
    const { settings, problems } = parseAlertSettings([own, general]);
    this.#alertsOf.set(config.name, settings);
    // The general ones have been named once already.
    return problems.filter((problem) => problem.path.startsWith(path));
  }

  #connectionLayers(configuration: EngineConfiguration, place: string): SettingsLayer[] {
    const { file } = configuration.connection;
    const layers: SettingsLayer[] = [
      { path: place, values: configuration.connection.user },
      ...(file === undefined ? [] : [globalSettingsLayer(file)]),
      environmentLayer(this.#deps.environment),
    ];
    if (configuration.trusted) layers.unshift({ path: place, values: configuration.connection.workspace });
    return layers;
  }

  #apply(name: string, configuration: RuntimeConfiguration): void {
    const known = this.#servers.get(name);
    if (known !== undefined) {
      known.configure(configuration);
      return;
    }
    const server = this.#unconfigured.get(name) ?? new ServerRuntime(name, configuration, this.#deps);
    this.#unconfigured.delete(name);
    this.#servers.set(name, server);
    server.configure(configuration);
    this.#subscriptions.set(
      name,
      server.onDidChange(() => this.#changed.fire(undefined)),
    );
  }
}

/** A long value proves who sends, whatever its header is called. */
function secretHeaders({ headers }: TelemetrySettings): string[] {
  return [...secretsIn(headers), ...Object.values(headers).filter((value) => value.length >= 16)];
}

/**
 * The entry with the folder it starts in: its own of a workspace of several folders; a relative `cwd` begins there too.
 * Without either the folder stays open, so that another first folder of the workspace restarts nothing.
 */
function inFolder(
  config: ServerConfig,
  own: string | undefined,
  workspaceFolder: string | undefined,
): ServerConfig {
  if (config.type !== 'stdio' || (own === undefined && config.cwd === undefined)) return config;
  return { ...config, cwd: resolve(own ?? workspaceFolder ?? homedir(), config.cwd ?? '') };
}

/** The same with the folder that the filled entry starts in. */
function placedInputs(
  inputs: ServerInputs,
  placed: (config: ServerConfig | undefined) => ServerConfig | undefined,
): ServerInputs {
  return {
    ids: inputs.ids,
    template: inputs.template,
    fill(values): ParsedServer {
      const { config, problems } = inputs.fill(values);
      return { config: placed(config), problems };
    },
  };
}
