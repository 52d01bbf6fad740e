import { readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { SettingsProblem } from '../../shared/model/snapshot.ts';
import type { EngineConfiguration, LogLevel } from '../../shared/protocol/engineMessages.ts';
import {
  ALERTS_PLACE,
  CONNECTION_PLACE,
  MAX_CONFIG_LENGTH,
  parseFileConfig,
  TELEMETRY_PLACE,
} from '../../shared/settings/fileConfig.ts';
import type { SettingsPlaces } from '../servers/serverRegistry.ts';

export interface LoadedConfig {
  /** The file's real path. */
  readonly path: string;
  readonly configuration: EngineConfiguration;
  readonly places: SettingsPlaces;
  /** Of the file itself; what its entries say is checked when they are taken over. */
  readonly problems: readonly SettingsProblem[];
  /** Absolute; `undefined`: the default. */
  readonly stateFolder: string | undefined;
  /** How much its log says, unless the command line tells. */
  readonly logLevel: LogLevel | undefined;
}

/** Reads a configuration file; answers a sentence when it cannot be used. Servers without `cwd` start in `folder`. */
export function loadConfig(file: string, folder: string): LoadedConfig | string {
  let path: string;
  let text: string;
  try {
    path = realpathSync(resolve(folder, file));
    const info = statSync(path);
    // A pipe or a device would be read for ever.
    if (!info.isFile()) return `${file} is not a file.`;
    if (info.size > MAX_CONFIG_LENGTH) return `${file} is larger than ${MAX_CONFIG_LENGTH} bytes.`;
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const verdict = parseFileConfig(text);
  if (verdict.kind === 'unusable') return `${file} cannot be used. ${verdict.reason}`;
  const { config, problems } = verdict;
  return {
    path,
    problems,
    logLevel: config.logLevel,
    places: {
      servers: config.serversKey,
      connection: CONNECTION_PLACE,
      alerts: ALERTS_PLACE,
      telemetry: TELEMETRY_PLACE,
    },
    stateFolder: config.stateFolder === undefined ? undefined : folderOf(config.stateFolder, dirname(path)),
    configuration: {
      // Whoever starts the program chose the file: as good as the user's own settings.
      servers: config.servers.map((server) => ({ ...server, origin: 'user' as const })),
      connection: {
        user: config.connection,
        workspace: {},
        ...(config.globalSettings === undefined ? {} : { file: config.globalSettings }),
      },
      ...(config.alerts === undefined ? {} : { alerts: config.alerts }),
      ...(config.audit === undefined
        ? {}
        : { audit: config.audit.enabled, auditKeepDays: config.audit.keepDays }),
      ...(config.telemetry === undefined ? {} : { telemetry: config.telemetry }),
      ...(config.tellRestarts === undefined ? {} : { tellRestarts: config.tellRestarts }),
      workspaceFolder: folder,
      trusted: true,
    },
  };
}

/** A relative folder is one beside the file; `~` is the home folder. */
function folderOf(written: string, base: string): string {
  if (written === '~' || /^~[\\/]/.test(written)) return join(homedir(), written.slice(1));
  return resolve(base, written);
}
