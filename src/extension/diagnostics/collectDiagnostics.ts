import { homedir, cpus, release, totalmem, uptime } from 'node:os';
import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import type { SettingsReader } from '../config/settingsReader.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { RequestOptions } from '../engineClient/session.ts';
import type { HealthModel } from '../health/healthModel.ts';
import { engineWords } from '../health/words.ts';
import { untranslated } from '../translate.ts';
import { diagnosticsText } from './diagnosticsText.ts';
import { readLogTails } from './logTails.ts';

const ANSWER_LIMIT_MS = 3_000;
const MAX_EVENTS = 500;
const HISTORY_MS = 3_600_000;

export interface DiagnosticsOptions {
  readonly clock: Clock;
  readonly engine: EngineClient;
  readonly model: Pick<HealthModel, 'view'>;
  readonly settings: Pick<SettingsReader, 'current'>;
  readonly home: string;
  readonly window: string;
  readonly extensionVersion: string;
  /** Values that a person gave and that stand in no settings. */
  readonly storedSecrets: () => Promise<readonly string[]>;
}

/**
 * What a person attaches to a report. Never rejects for want of an engine: what it would have told is missing then, and says so.
 */
export async function collectDiagnostics(options: DiagnosticsOptions, signal?: AbortSignal): Promise<string> {
  const { clock, engine, model, settings, home, window } = options;
  const limit: RequestOptions = { timeoutMs: ANSWER_LIMIT_MS, ...(signal === undefined ? {} : { signal }) };
  const [snapshot, events, history, logs, stored] = await Promise.all([
    orWhyNot(engine.getSnapshot(limit)),
    orWhyNot(engine.getEvents({ limit: MAX_EVENTS }, limit).then((answer) => answer.events)),
    orWhyNot(
      engine
        .getHistory({ resolution: '1m', rangeMs: HISTORY_MS }, limit)
        .then(({ servers }) =>
          servers.flatMap(({ id, samples }) => samples.map((each) => ({ id, ...each }))),
        ),
    ),
    readLogTails(home, window),
    options.storedSecrets().catch(() => []),
  ]);
  const { engine: configuration, inputs } = settings.current;
  return diagnosticsText(
    {
      at: clock.wallNow(),
      environment: environment(options),
      engine: engineWords(model.view.engine, untranslated),
      settings: {
        ...configuration,
        inputs: inputs.map(({ server, id, scope }) => ({ server, id, scope })),
      },
      parts: [
        { title: 'Problems of the settings', value: model.view.problems, isList: true },
        { title: 'Snapshot', value: snapshot },
        { title: 'Events', value: events, isList: true },
        { title: 'History of the last hour, by minutes', value: history, isList: true },
      ],
      logs,
    },
    {
      secrets: [...secretsIn([configuration, inputs]), ...secretsIn({ env: process.env }), ...stored],
      home: homedir(),
    },
  );
}

function environment({ extensionVersion }: DiagnosticsOptions): [string, string][] {
  const { env, version, workspace } = vscode;
  const folders = workspace.workspaceFolders ?? [];
  return [
    ['MCP Lifeline', extensionVersion],
    ['Editor', `${env.appName} ${version}, ${env.uiKind === vscode.UIKind.Web ? 'web' : 'desktop'}`],
    ['Remote', env.remoteName ?? 'none'],
    ['Language', env.language],
    ['System', `${process.platform} ${release()} ${process.arch}`],
    ['Node', process.versions.node],
    [
      'Processors',
      `${cpus().length}, ${Math.round(totalmem() / 1_048_576)} MB of memory, up for ${Math.round(uptime() / 60)} min`,
    ],
    [
      'Workspace',
      `folders: ${folders.length} (${[...new Set(folders.map(({ uri }) => uri.scheme))].join(', ') || 'none open'}), ${workspace.isTrusted ? 'trusted' : 'not trusted'}`,
    ],
    [
      'Variables of the environment that change it',
      Object.keys(process.env)
        .filter((name) => /^(MCP_|HTTPS?_PROXY$|NO_PROXY$|NODE_EXTRA_CA_CERTS$)/i.test(name))
        .sort()
        .join(', ') || 'none',
    ],
    ['Path', process.env['PATH'] ?? ''],
  ];
}

/** A part that cannot be had is no reason to have none of the others. */
async function orWhyNot<T>(answer: Promise<T>): Promise<T | string> {
  try {
    return await answer;
  } catch (error) {
    return `Not available: ${error instanceof Error ? error.message : String(error)}`;
  }
}
