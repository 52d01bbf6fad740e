import { parseAudit, type AuditSettings } from './auditSettings.ts';
import type { SettingsProblem } from '../model/snapshot.ts';
import { GLOBAL_SETTINGS, readGlobalSettings, type GlobalSettings } from './globalSettings.ts';
import { parseInputs } from './inputs.ts';
import { logLevels } from '../protocol/engineMessages.ts';
import { readJson } from './jsonc.ts';

/**
 * The configuration file of the stand-alone program: the shape of `mcp.json`, plus `lifeline`, plus the `global_settings` of existing deployments
 * (requirements R2.1); comments are allowed. What the
 * entries themselves say is checked by `parseServerConfig`, as for settings.
 */
export interface FileConfig {
  readonly servers: readonly { readonly name: string; readonly entry: unknown }[];
  /** Under which key the servers stand: part of the place of every problem. */
  readonly serversKey: 'servers' | 'mcpServers';
  /** Values of the connection settings, unparsed. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Connection settings in snake case; weaker than `connection`. */
  readonly globalSettings: GlobalSettings | undefined;
  /** Default of the servers' own setting. */
  readonly tellRestarts: boolean | undefined;
  /** Whether an audit trail is kept, and how long one that nobody goes on with; by default none is kept. */
  readonly audit: AuditSettings | undefined;
  /** Values of the alert settings, unparsed. */
  readonly alerts: Readonly<Record<string, unknown>> | undefined;
  /** What is told to programs of others, unparsed (`parseTelemetry`). */
  readonly telemetry?: unknown;
  /** How much the log says. */
  readonly logLevel: (typeof logLevels)[number] | undefined;
  /** Where state is kept; as written. */
  readonly stateFolder: string | undefined;
}

export type FileConfigVerdict =
  | { readonly kind: 'usable'; readonly config: FileConfig; readonly problems: readonly SettingsProblem[] }
  /** Nothing of it can be used; `reason` is a sentence without the file's name. */
  | { readonly kind: 'unusable'; readonly reason: string };

/** Characters of the file. */
export const MAX_CONFIG_LENGTH = 4_194_304;
const MAX_SERVERS = 1_000;
const MAX_NAME = 256;
const MAX_FOLDER = 4_096;
const MAX_PROBLEMS = 100;

export const CONNECTION_PLACE = 'lifeline.connection';
export const ALERTS_PLACE = 'lifeline.alerts';
export const TELEMETRY_PLACE = 'lifeline.telemetry';

/** Parts of `mcp.json` that VS Code acts on. */
const laterKeys = new Set(['sandbox']);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the file's text. Never throws: what cannot be used is reported with its place, and the rest is used. */
export function parseFileConfig(text: string): FileConfigVerdict {
  if (text.length > MAX_CONFIG_LENGTH)
    return { kind: 'unusable', reason: `It is longer than ${MAX_CONFIG_LENGTH} characters.` };
  const read = readJson(text);
  if ('problem' in read) return { kind: 'unusable', reason: `It is not JSON: ${read.problem}` };
  const { value } = read;
  if (!isRecord(value)) return { kind: 'unusable', reason: 'It must be a JSON object with "servers" in it.' };
  const problems: SettingsProblem[] = [];
  const report = (path: string, message: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push({ path, message });
  };
  for (const key of Object.keys(value)) {
    if (laterKeys.has(key)) report(key, 'is not supported by this version; it is ignored');
    else if (!['servers', 'mcpServers', 'lifeline', 'inputs', GLOBAL_SETTINGS, '$schema'].includes(key))
      report(key, 'is not a known setting; it is ignored');
  }
  const { serversKey, servers } = readServers(value, report);
  // Their values stand in the environment; what is wrong with them is worth a word all the same.
  for (const { path, message } of parseInputs(value['inputs'], 'inputs').problems) report(path, message);
  return {
    kind: 'usable',
    config: {
      serversKey,
      servers,
      globalSettings: readGlobalSettings(value[GLOBAL_SETTINGS], report),
      ...readLifeline(value['lifeline'], report),
    },
    problems,
  };
}

type Report = (path: string, message: string) => void;

function readServers(
  value: Record<string, unknown>,
  report: Report,
): Pick<FileConfig, 'servers' | 'serversKey'> {
  const serversKey =
    value['servers'] === undefined && value['mcpServers'] !== undefined ? 'mcpServers' : 'servers';
  if (serversKey === 'servers' && value['mcpServers'] !== undefined)
    report('mcpServers', 'is ignored, because "servers" is there too');
  const entries = value[serversKey];
  if (!isRecord(entries)) {
    report(
      serversKey,
      entries === undefined ? 'is missing: there are no servers' : 'must be an object of servers by name',
    );
    return { serversKey, servers: [] };
  }
  const servers: { name: string; entry: unknown }[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (servers.length >= MAX_SERVERS) {
      report(serversKey, `may hold ${MAX_SERVERS} servers at most; the rest is left out`);
      break;
    }
    if (name.length > MAX_NAME)
      report(`${serversKey}.${name.slice(0, 32)}…`, 'has too long a name; it is left out');
    else servers.push({ name, entry });
  }
  return { serversKey, servers };
}

function readLifeline(
  value: unknown,
  report: Report,
): Pick<
  FileConfig,
  'alerts' | 'audit' | 'connection' | 'logLevel' | 'stateFolder' | 'telemetry' | 'tellRestarts'
> {
  const nothing = {
    alerts: undefined,
    audit: undefined,
    connection: {},
    logLevel: undefined,
    stateFolder: undefined,
    tellRestarts: undefined,
  };
  if (value === undefined) return nothing;
  if (!isRecord(value)) {
    report('lifeline', 'must be an object; it is ignored');
    return nothing;
  }
  for (const key of Object.keys(value)) {
    if (
      !['alerts', 'audit', 'connection', 'logLevel', 'stateFolder', 'telemetry', 'tellRestarts'].includes(key)
    )
      report(`lifeline.${key}`, 'is not a known setting; it is ignored');
  }
  const { alerts, audit, connection, logLevel, stateFolder, telemetry, tellRestarts } = value;
  const level = logLevels.find((one) => one === logLevel);
  if (logLevel !== undefined && level === undefined)
    report('lifeline.logLevel', `must be one of ${logLevels.join(', ')}; info is used`);
  if (tellRestarts !== undefined && typeof tellRestarts !== 'boolean')
    report('lifeline.tellRestarts', 'must be true or false; true is used');
  if (connection !== undefined && !isRecord(connection))
    report(CONNECTION_PLACE, 'must be an object; it is ignored');
  if (alerts !== undefined && !isRecord(alerts)) report(ALERTS_PLACE, 'must be an object; it is ignored');
  const isFolder =
    typeof stateFolder === 'string' &&
    stateFolder.trim() !== '' &&
    stateFolder.length <= MAX_FOLDER &&
    !stateFolder.includes('\0');
  if (stateFolder !== undefined && !isFolder)
    report('lifeline.stateFolder', 'must be the path of a folder; the default is used');
  return {
    alerts: isRecord(alerts) ? alerts : undefined,
    connection: isRecord(connection) ? connection : {},
    stateFolder: isFolder ? stateFolder : undefined,
    audit: audit === undefined ? undefined : parseAudit(audit, 'lifeline.audit', report),
    ...(telemetry === undefined ? {} : { telemetry }),
    logLevel: level,
    tellRestarts: typeof tellRestarts === 'boolean' ? tellRestarts : undefined,
  };
}
