import type { SettingsProblem } from '../model/snapshot.ts';

/** What is told to programs of others, and where (requirements R11.8). Without a setting nothing is. */
export interface TelemetrySettings {
  /** Metrics in Prometheus' text format at `GET /metrics`; stand-alone only. Default: false. */
  readonly prometheus: boolean;
  /**
   * Where metrics and traces are sent by OTLP/HTTP: the base address of a collector, `environment` (what the standard variables of OpenTelemetry
   * say, else its default on this machine), or nowhere. Default: nowhere.
   */
  readonly otlp: string | undefined;
  /** Sent to the collector with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds from one sending of the metrics to the next. */
  readonly intervalSeconds: number;
  /** Share of the traces that begin here that are recorded, 0 to 1; a client that sends a `traceparent` decides for itself. */
  readonly sampling: number;
  /** Whether durations tell the names of tools. Default: false, because there may be many. */
  readonly toolNames: boolean;
}

/** The value of `otlp` that leaves it to the environment. */
export const OTLP_FROM_ENVIRONMENT = 'environment';

export const telemetryDefaults: TelemetrySettings = {
  prometheus: false,
  otlp: undefined,
  headers: {},
  intervalSeconds: 60,
  sampling: 1,
  toolNames: false,
};

export const telemetryLimits = { minInterval: 1, maxInterval: 3_600, maxUrl: 2_048, maxHeaders: 32 } as const;

const MAX_HEADER_NAME = 128;
const MAX_HEADER_VALUE = 8_192;
/** RFC 9110 §5.6.2 and §5.5; what has other characters in it no HTTP client sends. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const keys = ['prometheus', 'otlp', 'headers', 'interval', 'sampling', 'toolNames'];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether anything is to be told at all. */
export function isTelemetryOn({ prometheus, otlp }: TelemetrySettings): boolean {
  return prometheus || otlp !== undefined;
}

/** Reads `lifeline.telemetry`. Never throws: what cannot be used is reported with its place, and the default is used instead. */
export function parseTelemetry(
  value: unknown,
  place: string,
): { readonly settings: TelemetrySettings; readonly problems: readonly SettingsProblem[] } {
  if (value === undefined) return { settings: telemetryDefaults, problems: [] };
  if (!isRecord(value))
    return {
      settings: telemetryDefaults,
      problems: [{ path: place, message: 'must be an object; nothing is exported' }],
    };
  const problems: SettingsProblem[] = [];
  const report = (key: string, message: string): void => {
    problems.push({ path: `${place}.${key.slice(0, 64)}`, message });
  };
  for (const key of Object.keys(value))
    if (!keys.includes(key)) report(key, 'is not a known setting; it is ignored');
  const settings: TelemetrySettings = {
    prometheus: readBoolean(value, 'prometheus', report),
    otlp: readOtlp(value['otlp'], report),
    headers: readHeaders(value['headers'], report),
    intervalSeconds: readNumber(value, 'interval', {
      min: telemetryLimits.minInterval,
      max: telemetryLimits.maxInterval,
      fallback: telemetryDefaults.intervalSeconds,
      report,
    }),
    sampling: readNumber(value, 'sampling', { min: 0, max: 1, fallback: telemetryDefaults.sampling, report }),
    toolNames: readBoolean(value, 'toolNames', report),
  };
  return { settings, problems };
}

type Report = (key: string, message: string) => void;

function readBoolean(value: Record<string, unknown>, key: string, report: Report): boolean {
  const given = value[key];
  if (given !== undefined && typeof given !== 'boolean') report(key, 'must be true or false; false is used');
  return given === true;
}

function readNumber(
  value: Record<string, unknown>,
  key: string,
  options: { readonly min: number; readonly max: number; readonly fallback: number; readonly report: Report },
): number {
  const given = value[key];
  const { min, max, fallback, report } = options;
  if (given === undefined) return fallback;
  if (typeof given === 'number' && given >= min && given <= max) return given;
  report(key, `must be a number from ${min} to ${max}; ${fallback} is used`);
  return fallback;
}

function readOtlp(value: unknown, report: Report): string | undefined {
  if (value === undefined || value === false || value === '') return undefined;
  if (value === true) return OTLP_FROM_ENVIRONMENT;
  const problem = checkOtlp(value);
  if (problem === undefined) return value as string;
  report('otlp', `${problem}; nothing is sent`);
  return undefined;
}

/** Why nothing can be sent there; `undefined` when it can. */
function checkOtlp(value: unknown): string | undefined {
  if (value === OTLP_FROM_ENVIRONMENT) return undefined;
  const { maxUrl } = telemetryLimits;
  if (typeof value !== 'string' || value.length > maxUrl || !URL.canParse(value))
    return `must be the address of a collector, such as "http://127.0.0.1:4318", or "${OTLP_FROM_ENVIRONMENT}"`;
  const { protocol, username, password } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must begin with "https://" or "http://"';
  if (username !== '' || password !== '')
    return 'must be without user name and password; use a header for them';
  if (/[?#]/.test(value)) return 'must be without "?" and "#"; /v1/traces and /v1/metrics are added';
  return undefined;
}

function readHeaders(value: unknown, report: Report): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    report('headers', 'must be an object with a text for each header; none are sent');
    return {};
  }
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (Object.keys(headers).length >= telemetryLimits.maxHeaders) {
      report('headers', `may hold ${telemetryLimits.maxHeaders} headers at most; the rest is left out`);
      break;
    }
    const isName = name.length <= MAX_HEADER_NAME && headerName.test(name);
    const isValue = typeof text === 'string' && text.length <= MAX_HEADER_VALUE && headerValue.test(text);
    if (isName && isValue) headers[name] = text;
    else report(`headers.${name.slice(0, 32)}`, 'is no header that HTTP can send; it is left out');
  }
  return headers;
}
