import { MAX_WHY } from '../../../shared/model/watched.ts';
import type { WatchEntry } from '../../../shared/settings/watch.ts';
import type { ServerRuntime } from '../../servers/serverRuntime.ts';
import type { Launch } from '../../upstream/launch.ts';
import { isObject } from '../../upstream/ownRequests.ts';
import { readNumber } from './readNumber.ts';
import type { SampleResult } from './sampleTrack.ts';

/** What of a launch a sample needs. */
export type SampledLaunch = Pick<Launch, 'request' | 'toolHints' | 'hasEnded' | 'isLingering' | 'redact'>;
export type SampledServer = Pick<
  ServerRuntime,
  'name' | 'config' | 'settings' | 'state' | 'limiter' | 'breaker' | 'places' | 'touch'
>;

/** Of a tool's own words so much is searched for secrets. */
const MAX_READ = 4_096;

/**
 * Why a tool must not be called on a timer; `undefined` when it may, or when that is not known yet.
 * Somebody has asked for a call of a tool by a person or a model; nobody looks at one that is made each half minute for weeks. So the server must declare the tool
 * read-only, and be believed (`trustAnnotations`), or a person must say that repeating it does no harm (`repeatable`). That it is idempotent is not enough: "delete
 * this file" and "set the level to 3" are, and would undo each time what was done since (decision 59).
 */
export function refusalOf(
  { tool, repeatable }: WatchEntry,
  { config }: Pick<SampledServer, 'config'>,
  { toolHints }: Pick<SampledLaunch, 'toolHints'>,
): string | undefined {
  if (repeatable || toolHints === undefined) return undefined;
  const hints = toolHints.get(tool);
  const advice = 'Set "repeatable" to true if calling it again and again does no harm.';
  if (hints === undefined) return `The server has no tool "${tool}". ${advice}`;
  if (!hints.readOnly) return `The server does not declare the tool "${tool}" read-only. ${advice}`;
  if (config?.lifeline.trustAnnotations !== true)
    return `That the tool "${tool}" is read-only is not believed of this server. ${advice}`;
  return undefined;
}

/** Whether it is known what may be called: a process that has just started has not listed its tools yet. */
export function isToolKnown({ repeatable }: WatchEntry, { toolHints }: SampledLaunch): boolean {
  return repeatable || toolHints !== undefined;
}

/** Calls the tool, in the server's time for it and in its turn among background work, and reads the number. Never rejects. */
export async function takeSample(
  entry: WatchEntry,
  server: SampledServer,
  launch: SampledLaunch,
): Promise<SampleResult> {
  const refusal = refusalOf(entry, server, launch);
  if (refusal !== undefined) return missed('notAllowed', refusal);
  const { tool } = entry;
  const params = JSON.stringify({ name: tool, arguments: entry.arguments });
  const seconds = server.config?.lifeline.timeouts.get(tool) ?? server.settings.requestTimeout;
  const everyMs = entry.everySeconds * 1_000;
  // By then the next one is due.
  const answer = await server.limiter.inTurn('low', everyMs, () =>
    launch.request('tools/call', params, seconds * 1_000),
  );
  if (answer === undefined) return launch.hasEnded ? { kind: 'lost' } : missed('heldBack');
  if (answer.kind === 'failed') {
    if (launch.hasEnded) return { kind: 'lost' };
    if (answer.fault !== undefined) return missed('failed', launch.redact(answer.fault.message));
    return missed('timeout', `The tool "${tool}" did not answer within ${seconds} s.`);
  }
  if (answer.kind === 'error')
    return missed('failed', `The tool "${tool}" failed: ${launch.redact(answer.error.slice(0, MAX_READ))}`);
  if (isObject(answer.value) && answer.value['isError'] === true)
    return missed(
      'failed',
      `The tool "${tool}" answered with an error: ${launch.redact(textOf(answer.value))}`,
    );
  const value = readNumber(answer.value, entry.path);
  if (value !== undefined) return { kind: 'value', value };
  return missed('noValue', `What the tool "${tool}" answered has no number at ${entry.pathText}.`);
}

function missed(reason: Extract<SampleResult, { kind: 'missed' }>['reason'], why?: string): SampleResult {
  return { kind: 'missed', reason, ...(why === undefined ? {} : { why: why.slice(0, MAX_WHY) }) };
}

function textOf(value: Record<string, unknown>): string {
  const content = Array.isArray(value['content']) ? (value['content'] as unknown[]) : [];
  const [first] = content;
  return isObject(first) && typeof first['text'] === 'string' ? first['text'].slice(0, MAX_READ) : 'no text';
}
