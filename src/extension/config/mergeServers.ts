import {
  nameClashMessage,
  parseServerConfig,
  type ServerConfig,
} from '../../shared/settings/serverConfig.ts';
import { parseConnectionSettings } from '../../shared/settings/connectionSettings.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import { fitProblems } from '../../shared/model/settingsProblem.ts';
import type { SettingsProblem } from '../../shared/model/snapshot.ts';
import type { ConfigOrigin, EngineConfiguration } from '../../shared/protocol/engineMessages.ts';

/** A setting's value per scope, as the editor's `inspect()` tells it; `undefined` where it is not set. */
export interface ScopedValue {
  readonly user: unknown;
  readonly workspace: unknown;
  /** One per folder of a multi-root workspace; empty otherwise (there the folder's file is the workspace's). */
  readonly folders: readonly { readonly path: string; readonly value: unknown }[];
}

/** Everything that is read of the settings, before anything is believed. */
export interface RawSettings {
  readonly servers: ScopedValue;
  readonly connection: Omit<ScopedValue, 'folders'>;
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

export interface ExtensionConfiguration {
  /** What the engine gets. It fits the message's limits, whatever the settings hold. */
  readonly engine: EngineConfiguration;
  readonly servers: readonly ConfiguredServer[];
  /** What is wrong with the settings, as seen from here; the engine's own list may repeat some of them. */
  readonly problems: readonly SettingsProblem[];
}

type Entry = EngineConfiguration['servers'][number];

const serversPath = `${settingsPrefix}.servers`;
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
  const servers = parseEntries(entries, problems);
  const user = connectionValues(raw.connection.user, problems);
  const workspace = raw.trusted ? connectionValues(raw.connection.workspace, problems) : {};
  const layers = [workspace, user].map((values) => ({ path: connectionPath, values }));
  problems.push(...parseConnectionSettings(layers).problems);
  const folder = raw.workspaceFolder;
  return {
    engine: {
      servers: entries,
      connection: { user, workspace },
      ...(folder === undefined || folder.length > MAX_FOLDER ? {} : { workspaceFolder: folder }),
      trusted: raw.trusted,
    },
    servers,
    problems: fitProblems(problems),
  };
}

/** The engine reads the same entries by the same rules; here it is done too because nobody waits for the engine. */
function parseEntries(entries: readonly Entry[], problems: SettingsProblem[]): ConfiguredServer[] {
  const seen = new Map<string, string>();
  const servers: ConfiguredServer[] = [];
  for (const { name, entry, origin } of entries) {
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) {
      // VS Code disables the later of two servers whose labels are equal ignoring case.
      problems.push({ path: `${serversPath}.${name}`, message: nameClashMessage(first) });
      continue;
    }
    seen.set(name.toLowerCase(), name);
    const parsed = parseServerConfig(name, entry, {
      pathPrefix: serversPath,
      trustByDefault: origin === 'user',
    });
    const { config } = parsed;
    const path = `${serversPath}.${name}.lifeline.connection`;
    const own = parseConnectionSettings([{ path, values: config?.lifeline.connection }]);
    problems.push(...parsed.problems, ...own.problems);
    servers.push({ name, enabled: config?.lifeline.enabled === true, config });
  }
  return servers;
}

function mergeEntries(raw: RawSettings, problems: SettingsProblem[]): Entry[] {
  const merged = new Map<string, Entry>();
  const addScope = (value: unknown, origin: ConfigOrigin, cwd?: string): void => {
    if (value === undefined) return;
    if (!isRecord(value)) {
      problems.push({
        path: serversPath,
        message: `must be an object of servers by name (${origin} settings); it is ignored`,
      });
      return;
    }
    for (const [name, entry] of Object.entries(value)) {
      if (name.length > MAX_NAME) {
        problems.push({
          path: serversPath,
          message: `has a name over ${MAX_NAME} characters; it is left out`,
        });
      } else if (merged.size >= MAX_SERVERS && !merged.has(name)) {
        problems.push({
          path: serversPath,
          message: `has over ${MAX_SERVERS} servers; "${name}" is left out`,
        });
      } else {
        merged.set(name, { name, entry: inFolder(entry, cwd), origin });
      }
    }
  };
  addScope(raw.servers.user, 'user');
  if (!raw.trusted) return [...merged.values()];
  addScope(raw.servers.workspace, 'workspace');
  // The first folder wins among equals, so the others are added before it.
  for (const folder of [...raw.servers.folders].reverse()) addScope(folder.value, 'folder', folder.path);
  return [...merged.values()];
}

/** A server that one folder of several configures starts in that folder, unless its entry says where. */
function inFolder(entry: unknown, folder: string | undefined): unknown {
  if (folder === undefined || !isRecord(entry) || entry['cwd'] !== undefined) return entry;
  return { ...entry, cwd: folder };
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
