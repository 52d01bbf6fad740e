import { logLevels, type LogLevel } from '../../shared/protocol/engineMessages.ts';
import { UsageError } from './arguments.ts';

export const LOG_LEVEL_VARIABLE = 'MCP_LIFELINE_LOG';

/** How much the log says: `debug`, `info`, `warn` or `error`; `undefined` for anything else. */
export function parseLogLevel(written: string | undefined): LogLevel | undefined {
  return logLevels.find((level) => level === written?.trim().toLowerCase());
}

export interface LevelSources {
  /** `--log-level`. */
  readonly option: string | undefined;
  /** `lifeline.logLevel` of the file. */
  readonly file: LogLevel | undefined;
  /** `MCP_LIFELINE_LOG`. */
  readonly environment: string | undefined;
}

/** What counts: the command line before the file, the file before the environment, else `info`; and what was wrong with the environment. */
export function chooseLogLevel({ option, file, environment }: LevelSources): {
  readonly level: LogLevel;
  readonly problem?: string;
} {
  const wanted = parseLogLevel(option);
  if (option !== undefined && wanted === undefined)
    throw new UsageError(`--log-level takes ${logLevels.join(', ')}.`);
  const own = parseLogLevel(environment);
  const level = wanted ?? file ?? own ?? 'info';
  if (environment === undefined || environment === '' || own !== undefined) return { level };
  return {
    level,
    problem: `environment: ${LOG_LEVEL_VARIABLE}: must be one of ${logLevels.join(', ')}; it is ignored`,
  };
}
