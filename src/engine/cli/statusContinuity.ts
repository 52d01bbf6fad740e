import type { ContinuityFigure, ContinuitySpan } from '../../shared/model/continuity.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import type { MissReason, WatchedSnapshot } from '../../shared/model/watched.ts';
import { durationText, latencyText } from './durationText.ts';
import type { StatusLine, StatusSection } from './statusSections.ts';

/** Continuity of all servers, that of a server where it is degraded, and the values that are watched (requirements R11.6, R11.7). */
export const continuitySection: StatusSection = { ofServer: serverLines, ofAll: engineLines };

const share = (value: number): string => value.toFixed(3);
const figures: Readonly<Record<ContinuityFigure, readonly [string, (value: number) => string]>> = {
  phi: ['Φ', share],
  psi: ['Ψ', share],
  sigma: ['σ', share],
  deltaMs: ['Δ', (ms) => `${latencyText(ms)} a call`],
};

/** `Φ 0.998, Ψ no data, σ 1.000, Δ 0.0ms a call` */
function figuresText(span: ContinuitySpan, wanted: readonly ContinuityFigure[]): string {
  return wanted
    .map((figure) => {
      const [symbol, shown] = figures[figure];
      const value = span[figure];
      return `${symbol} ${value === undefined ? 'no data' : shown(value)}`;
    })
    .join(', ');
}

function engineLines({ engine: { continuity } }: Snapshot): StatusLine[] {
  if (continuity === undefined) return [];
  const { recent, windowMs } = continuity;
  const text = `continuity of the last ${durationText(windowMs)}: ${figuresText(recent, ['phi', 'psi', 'sigma', 'deltaMs'])}`;
  if (recent.missed.length === 0) return [{ text, colour: 'dim' }];
  const missed = recent.missed.map((figure) => figures[figure][0]).join(', ');
  return [{ text: `${text} (misses its target: ${missed})`, colour: 'yellow' }];
}

function serverLines({ continuity, watched = [] }: ServerSnapshot, now: number): StatusLine[] {
  const lines: StatusLine[] = [];
  if (continuity !== undefined && continuity.recent.missed.length > 0)
    lines.push({
      text: `degraded in the last ${durationText(continuity.windowMs)}: ${figuresText(continuity.recent, continuity.recent.missed)}`,
      colour: 'yellow',
    });
  return [...lines, ...watched.map((value) => watchedLine(value, now))];
}

const because: Readonly<Record<MissReason, string>> = {
  idle: 'nobody uses the server',
  away: 'the server was away',
  off: 'the server is isolated or disabled',
  paused: 'the machine slept, or the engine stood still',
  slow: 'the sample before took too long',
  timeout: 'there was no answer in time',
  failed: 'the tool failed',
  noValue: 'the answer has no number there',
  notAllowed: 'the tool must not be called on a timer',
  heldBack: 'calls are held back',
};

function watchedLine({ name, state, value, at, min, max, missed }: WatchedSnapshot, now: number): StatusLine {
  const age = (since: number): string => durationText(Math.max(0, now - since));
  const last = value === undefined || at === undefined ? '' : `${value} (${age(at)} ago)`;
  if (missed !== undefined) {
    const why = missed.why ?? because[missed.reason];
    const before = last === '' ? '' : `; last ${last}`;
    const isNews = missed.reason !== 'idle' && missed.reason !== 'off';
    return {
      text: `${name}: no sample for ${age(missed.since)}: ${why}${before}`,
      colour: isNews ? 'yellow' : 'dim',
    };
  }
  if (state === 'below') return { text: `${name}: ${last}, below ${min ?? ''}`, colour: 'red' };
  if (state === 'above') return { text: `${name}: ${last}, above ${max ?? ''}`, colour: 'red' };
  return { text: `${name}: ${last === '' ? 'no sample yet' : last}` };
}
