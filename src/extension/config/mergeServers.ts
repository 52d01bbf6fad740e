import { Redactor } from '../../shared/redaction/redactor.ts';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import { parseKeepDays } from '../../shared/settings/auditSettings.ts';
import { parseAlertSettings, type AlertLayer } from '../../shared/settings/alertSettings.ts';
import { nameClashMessage, type ServerConfig } from '../../shared/settings/serverConfig.ts';
import { parseInputs, type InputDefinition } from '../../shared/settings/inputs.ts';
import { anyScope, parseServerTemplate } from '../../shared/settings/serverTemplate.ts';
import { parseConnectionSettings, type SettingsLayer } from '../../shared/settings/connectionSettings.ts';
import { globalSettingsLayer } from '../../shared/settings/globalSettings.ts';
import { parseTelemetry } from '../../shared/settings/telemetrySettings.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import { fitProblems } from '../../shared/model/settingsProblem.ts';
import type { SettingsProblem } from '../../shared/model/snapshot.ts';
import type { ConfigOrigin, EngineConfiguration } from '../../shared/protocol/engineMessages.ts';
import type { ConnectionFileContents } from './connectionFile.ts';

/**
 * What `mcpLifeline.servers` holds in each scope, as the editor's `inspect()` tells it; `undefined` where it is not
 * set. From the widest to the narrowest.
 */
export interface ServerScopes {
  /** The user settings of the profile in use. */
  readonly user: unknown;
  /** The user settings of the remote machine; only in a remote window. */
  readonly machine: unknown;
  readonly workspace: unknown;
  /** One per folder of a multi-root workspace, in its order; empty otherwise (there the folder's file is the workspace's). */
  readonly folders: readonly {
    /** Absent for a folder that is on no disk. */
    readonly path: string | undefined;
    readonly value: unknown;
  }[];
}

/** Everything that is read of the settings, before anything is believed. */
export interface RawSettings {
  readonly servers: ServerScopes;
  /** `mcpLifeline.inputs`, in the same scopes. */
  readonly inputs?: ServerScopes;
  /** The folders of a multi-root workspace that are on a disk. */
  readonly folderNames?: readonly { readonly name: string; readonly path: string }[];
  /** Single values, so that the editor's own way of putting user and machine together is the right one. */
  readonly connection: { readonly user: unknown; readonly workspace: unknown };
  /** What the file of `mcpLifeline.connectionFile` says; a trusted place has named it. */
  readonly connectionFile?: ConnectionFileContents;
  /** `mcpLifeline.tellRestarts`, the effective value. */
  readonly tellRestarts?: unknown;
  /** `mcpLifeline.audit`, the effective value. */
  readonly audit?: unknown;
  /** `mcpLifeline.telemetry.otlp`. */
  readonly otlp?: unknown;
  /** `mcpLifeline.auditKeepDays`, the effective value. */
  readonly auditKeepDays?: unknown;
  /** `mcpLifeline.alerts`, the effective values. */
  readonly alerts?: unknown;
  readonly workspaceFolder: string | undefined;
  readonly trusted: boolean;
}

/** A server as this side knows it: enough to register it without an engine. */
export interface ConfiguredServer {
  readonly name: string;
  /** False when its entry says so, or when the entry cannot be used. */
  readonly enabled: boolean;
  readonly config: ServerConfig | undefined;
}

/** An input that a server's entry names. */
export interface ServerInput {
  readonly server: string;
  readonly id: string;
  /** Whose settings define it: `user`, `workspace`, or `folder:` and its path. An entry names inputs of its own settings only. */
  readonly scope: string;
  /** Absent when those settings do not define it. */
  readonly definition?: InputDefinition;
}

export interface ExtensionConfiguration {
  /** What the engine gets. It fits the message's limits, whatever the settings hold. */
  readonly engine: EngineConfiguration;
  readonly servers: readonly ConfiguredServer[];
  /** Every input that an entry names, by server. */
  readonly inputs: readonly ServerInput[];
  /** What is wrong with the settings, as seen from here; the engine's own list may repeat some of them. */
  readonly problems: readonly SettingsProblem[];
}

type Entry = EngineConfiguration['servers'][number];

const serversPath = `${settingsPrefix}.servers`;
const alertsPath = `${settingsPrefix}.alerts`;
const inputsPath = `${settingsPrefix}.inputs`;
const connectionPath = `${settingsPrefix}.connection`;
const MAX_SERVERS = 1_000;
const MAX_NAME = 256;
const MAX_FOLDER = 4_096;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Puts the scopes together: for each server the narrowest scope's whole entry, never mixed; scopes of an
 * untrusted workspace are left out. Never throws: what cannot be used is reported with its place.
 */
export function mergeSettings(raw: RawSettings): ExtensionConfiguration {
  const problems: SettingsProblem[] = [];
  const entries = mergeEntries(raw, problems);
  problems.push(...parseAlertSettings([{ path: alertsPath, values: raw.alerts }]).problems);
  const definitions = readDefinitions(raw, problems);
  const { servers, inputs } = parseEntries(entries, definitions, problems);
  const user = connectionValues(raw.connection.user, problems);
  const workspace = raw.trusted ? connectionValues(raw.connection.workspace, problems) : {};
  const file = raw.connectionFile?.settings;
  problems.push(...(raw.connectionFile?.problems ?? []));
  const layers: SettingsLayer[] = [workspace, user].map((values) => ({ path: connectionPath, values }));
  if (file !== undefined) layers.push(globalSettingsLayer(file));
  problems.push(...parseConnectionSettings(layers).problems);
  const folder = raw.workspaceFolder;
  const { audit, tellRestarts } = raw;
  const telemetry = parseTelemetry({ otlp: raw.otlp }, `${settingsPrefix}.telemetry`);
  problems.push(...telemetry.problems);
  if (audit !== undefined && typeof audit !== 'boolean')
    problems.push({ path: `${settingsPrefix}.audit`, message: 'must be true or false; false is used' });
  const auditKeepDays = parseKeepDays(raw.auditKeepDays, `${settingsPrefix}.auditKeepDays`, (path, message) =>
    problems.push({ path, message }),
  );
  if (tellRestarts !== undefined && typeof tellRestarts !== 'boolean')
    problems.push({ path: `${settingsPrefix}.tellRestarts`, message: 'must be true or false; true is used' });
  return {
    engine: {
      servers: entries,
      connection: { user, workspace, ...(file === undefined ? {} : { file }) },
      ...(folder === undefined || folder.length > MAX_FOLDER ? {} : { workspaceFolder: folder }),
      ...(isRecord(raw.alerts) ? { alerts: raw.alerts } : {}),
      ...(raw.folderNames === undefined || raw.folderNames.length < 2
        ? {}
        : { folders: raw.folderNames.filter(({ path }) => path.length <= MAX_FOLDER).slice(0, 200) }),
      ...(typeof audit === 'boolean' ? { audit } : {}),
      ...(telemetry.settings.otlp === undefined ? {} : { telemetry: { otlp: telemetry.settings.otlp } }),
      ...(raw.auditKeepDays === undefined ? {} : { auditKeepDays }),
      ...(typeof tellRestarts === 'boolean' ? { tellRestarts } : {}),
      trusted: raw.trusted,
    },
    servers,
    inputs,
    problems: fitProblems(problems, redactorOf([raw.servers, raw.inputs])),
  };
}

/** Knows what stands in the settings and must not be shown: a problem's place may quote it. */
function redactorOf(settings: unknown): Redactor {
  const redactor = new Redactor();
  redactor.learn(secretsIn(settings));
  return redactor;
}

type Definitions = readonly { readonly scope: string; readonly inputs: readonly InputDefinition[] }[];

/** The inputs of each scope, apart, the narrowest first. */
function readDefinitions({ inputs, trusted }: RawSettings, problems: SettingsProblem[]): Definitions {
  if (inputs === undefined) return [];
  const read = (scope: string, value: unknown): Definitions[number] => {
    const parsed = parseInputs(value ?? undefined, inputsPath);
    problems.push(...parsed.problems);
    return { scope, inputs: parsed.inputs };
  };
  return [
    ...(trusted
      ? [
          ...inputs.folders.map(({ path, value }) => read(`folder:${path ?? ''}`, value)),
          read('workspace', inputs.workspace),
        ]
      : []),
    read('user', inputs.machine),
    read('user', inputs.user),
  ];
}

function inputOf(server: Entry, id: string, definitions: Definitions): ServerInput {
  const { name, origin, folder } = server;
  const scopes = origin === 'folder' ? [`folder:${folder ?? ''}`, 'workspace'] : [origin];
  for (const scope of scopes) {
    const definition = definitions
      .filter((one) => one.scope === scope)
      .flatMap(({ inputs }) => inputs)
      .find((input) => input.id === id);
    if (definition !== undefined) return { server: name, id, scope, definition };
  }
  return { server: name, id, scope: scopes[0] ?? origin };
}

/** The engine reads the same entries by the same rules; here it is done too because nobody waits for the engine. */
function parseEntries(
  entries: readonly Entry[],
  definitions: Definitions,
  problems: SettingsProblem[],
): Pick<ExtensionConfiguration, 'servers' | 'inputs'> {
  const seen = new Map<string, string>();
  const servers: ConfiguredServer[] = [];
  const inputs: ServerInput[] = [];
  for (const server of entries) {
    const { name, entry, origin } = server;
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) {
      // VS Code disables the later of two servers whose labels are equal ignoring case.
      problems.push({ path: `${serversPath}.${name}`, message: nameClashMessage(first) });
      continue;
    }
    seen.set(name.toLowerCase(), name);
    // What its variables stand for is the engine's business, and the engine's to report.
    const parsed = parseServerTemplate(name, entry, {
      pathPrefix: serversPath,
      trustByDefault: origin === 'user',
      scope: anyScope,
    });
    const { config } = parsed;
    const path = `${serversPath}.${name}.lifeline.connection`;
    const own = parseConnectionSettings([{ path, values: config?.lifeline.connection }]);
    const alerts: AlertLayer = {
      path: `${serversPath}.${name}.lifeline.alerts`,
      values: config?.lifeline.alerts,
      isServer: true,
    };
    problems.push(...parsed.problems, ...own.problems, ...parseAlertSettings([alerts]).problems);
    servers.push({ name, enabled: config?.lifeline.enabled === true, config });
    for (const id of parsed.inputs?.ids ?? []) {
      const input = inputOf(server, id, definitions);
      inputs.push(input);
      if (input.definition !== undefined) continue;
      const message = `names the input "${id.slice(0, 100)}", which "${inputsPath}" of the same settings does not define`;
      problems.push({ path: `${serversPath}.${name}`, message });
    }
  }
  return { servers, inputs };
}

function mergeEntries({ servers, trusted }: RawSettings, problems: SettingsProblem[]): Entry[] {
  const merged = new Map<string, Entry>();
  const addScope = (value: unknown, origin: ConfigOrigin, folder?: string): void => {
    if (value === undefined) return;
    if (!isRecord(value)) {
      problems.push({
        path: serversPath,
        message: `must be an object of servers by name (${origin} settings); it is ignored`,
      });
      return;
    }
    for (const [name, entry] of Object.entries(value)) {
      if (merged.has(name)) continue; // a narrower scope has it
      if (name.length > MAX_NAME) {
        problems.push({
          path: serversPath,
          message: `has a name over ${MAX_NAME} characters; it is left out`,
        });
      } else if (merged.size >= MAX_SERVERS) {
        problems.push({
          path: serversPath,
          message: `has over ${MAX_SERVERS} servers; "${name}" is left out`,
        });
      } else {
        merged.set(name, {
          name,
          entry,
          origin,
          ...(folder === undefined || folder.length > MAX_FOLDER ? {} : { folder }),
        });
      }
    }
  };
  // From the narrowest to the widest: who comes first wins, also among names that differ only in case.
  if (trusted) {
    for (const { path, value } of servers.folders) addScope(value, 'folder', path);
    addScope(servers.workspace, 'workspace');
  }
  addScope(servers.machine, 'user');
  addScope(servers.user, 'user');
  return [...merged.values()];
}

function connectionValues(value: unknown, problems: SettingsProblem[]): Record<string, unknown> {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    problems.push({ path: connectionPath, message: 'must be an object; it is ignored' });
    return {};
  }
  // Absent and "set to nothing" are the same: a removed setting may still be listed without a value.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined && item !== null));
}

/** Two lists of problems as one, each problem once. */
export function joinProblems(
  first: readonly SettingsProblem[],
  second: readonly SettingsProblem[],
): readonly SettingsProblem[] {
  const seen = new Set<string>();
  return [...first, ...second].filter(({ path, message }) => {
    const key = `${path}\n${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
