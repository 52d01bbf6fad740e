import {
  historyRanges,
  messageLimits,
  toldParts,
  type HostMessage,
} from '../shared/protocol/dashboardData.ts';

/**
 * Parses what the host says; `undefined` when it is nothing of the host: other extensions of the browser talk to every frame too. By hand
 * (decision 0092).
 */
export function parseHostMessage(value: unknown): HostMessage | undefined {
  return isHostMessage(value) ? value : undefined;
}

const MAX_TEXT = 10_000;
const MAX_NAME = 256;
const MAX_POINTS = 2_000;
const MAX_FACTS = 100;
const MAX_TIME = 8.64e15;

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
const isName: Check = (value) => typeof value === 'string' && value.length <= MAX_NAME;
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
/** What a `Date` can be: to write another one throws. */
const isTime: Check = (value) => isNumber(value) && Math.abs(value as number) <= MAX_TIME;
const isSpan: Check = (value) => isTime(value) && (value as number) > 0;
const isCount: Check = (value) => isNumber(value) && (value as number) >= 0;
const isShare: Check = (value) => isCount(value) && (value as number) <= 1;
const isWhole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag: Check = (value) => typeof value === 'boolean';
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isOneOf =
  (...names: readonly unknown[]): Check =>
  (value) =>
    names.includes(value);
const isList =
  (check: Check, max: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every(check);

/** Has these members, each as it should be. Others are not looked at: they are not used. */
function isObject(fields: Fields): Check {
  const entries = Object.entries(fields);
  return (value) => {
    if (typeof value !== 'object' || value === null) return false;
    const members = value as Readonly<Record<string, unknown>>;
    return entries.every(([name, check]) => check(members[name]));
  };
}

const isTone = isOneOf('good', 'neutral', 'busy', 'warning', 'error', 'muted');
const isPhrase = isObject({ text: isText, at: maybe(isTime) });
const isAction = isObject({ id: isName, label: isText });

const isCard = isObject({
  name: isName,
  tone: isTone,
  icon: isName,
  state: isText,
  recent: maybe(isPhrase),
  sentence: isText,
  facts: isList(isObject({ key: isText, label: isText, phrase: isPhrase, detail: maybe(isText) }), MAX_FACTS),
  latency: maybe(isText),
  recovery: maybe(isObject({ kind: isName, text: isText })),
  offersRecovery: isFlag,
  canRecover: isFlag,
  actions: isList(isObject({ id: isName, label: isText, spoken: isText }), MAX_FACTS),
  isUnwell: isFlag,
});

const isModel = isObject({
  now: isTime,
  tone: isTone,
  icon: isName,
  sentence: isText,
  count: isText,
  canRecoverAll: isFlag,
  counts: isList(isObject({ key: isName, tone: isTone, icon: isName, text: isText }), MAX_FACTS),
  alerts: isList(
    isObject({ key: isText, tone: isTone, text: isText, since: isPhrase }),
    messageLimits.servers,
  ),
  queue: isList(isObject({ key: isText, server: isName, phrase: isPhrase }), messageLimits.servers),
  continuity: isList(
    isObject({ key: isName, symbol: isName, label: isText, value: isText, detail: isText, isMissed: isFlag }),
    MAX_FACTS,
  ),
  notices: isList(
    isObject({
      key: isText,
      tone: isTone,
      icon: isName,
      text: isText,
      next: maybe(isPhrase),
      action: maybe(isAction),
    }),
    MAX_FACTS,
  ),
  names: isList(isName, messageLimits.servers),
  cards: isList(isCard, messageLimits.servers),
});

const isPoint = isObject({
  at: isTime,
  ms: isCount,
  p50Ms: maybe(isCount),
  p95Ms: maybe(isCount),
  calls: maybe(isCount),
  failures: isCount,
  usable: isShare,
  down: isShare,
  breaker: isOneOf('closed', 'halfOpen', 'open', 'isolated'),
});

const isHistory = isObject({
  range: isOneOf(...historyRanges),
  now: isTime,
  windowMs: isSpan,
  intervalMs: isSpan,
  isDelta: isFlag,
  servers: isList(
    isObject({ name: isName, summary: isText, points: isList(isPoint, MAX_POINTS) }),
    messageLimits.historyServers,
  ),
});

const isEvents = isObject({
  isDelta: isFlag,
  events: isList(
    isObject({ id: isWhole, at: isTime, kind: isName, server: maybe(isName), tone: isTone, text: isText }),
    messageLimits.events,
  ),
});

const isWatched = isObject({
  server: isName,
  now: isTime,
  windowMs: isSpan,
  values: isList(
    isObject({
      name: isName,
      min: maybe(isNumber),
      max: maybe(isNumber),
      tone: isTone,
      text: isText,
      limits: isText,
      summary: isText,
      points: isList(isObject({ at: isTime, value: maybe(isNumber) }), messageLimits.watchedPoints),
    }),
    messageLimits.watches,
  ),
});

const parts: Readonly<Record<HostMessage['kind'], Check>> = {
  model: isObject({ isDelta: isFlag, model: isModel }),
  history: isObject({ history: isHistory }),
  events: isObject({ events: isEvents }),
  watched: isObject({ watched: isWatched }),
  told: isObject({ part: isOneOf(...toldParts), range: isOneOf(...historyRanges), isWhole: isFlag }),
  done: isObject({ ask: isWhole }),
};

function isHostMessage(value: unknown): value is HostMessage {
  if (typeof value !== 'object' || value === null) return false;
  const { kind } = value as { kind?: unknown };
  return typeof kind === 'string' && Object.hasOwn(parts, kind) && parts[kind as HostMessage['kind']](value);
}
