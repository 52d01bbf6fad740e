import { assertNever } from '../../shared/base/assertNever.ts';
import type { MissReason, WatchedSnapshot } from '../../shared/model/watched.ts';
import { localNumber, percentWords, span } from '../figures.ts';
import type { Translate } from '../translate.ts';

/** The words for what was measured of a server, the same in every view. */

/** Of the time that it was wanted in. */
export function uptimeWords(ratio: number, downMs: number, t: Translate): string {
  const percent = percentWords(ratio, t);
  return downMs === 0 ? percent : t('{0}, down for {1}', percent, span(downMs, t));
}

/** The last value against its thresholds, or why there is none. */
export function watchedWords({ state, value, min, max, missed }: WatchedSnapshot, t: Translate): string {
  const last = value === undefined ? '' : figure(value, t);
  switch (state) {
    case 'ok':
      return last;
    case 'below':
      return t('{0}, below {1}', last, figure(min ?? 0, t));
    case 'above':
      return t('{0}, above {1}', last, figure(max ?? 0, t));
    case 'waiting':
      return t('no sample yet');
    case 'missed': {
      const why = missed === undefined ? '' : (missed.why ?? reasonWords(missed.reason, t));
      return last === '' ? why : t('{0} at last; {1}', last, why);
    }
    default:
      return assertNever(state);
  }
}

function reasonWords(reason: MissReason, t: Translate): string {
  switch (reason) {
    case 'idle':
      return t('nobody uses the server now');
    case 'away':
      return t('the server is not there now');
    case 'off':
      return t('the server is switched off');
    case 'paused':
      return t('the machine slept');
    case 'slow':
    case 'timeout':
      return t('its tool does not answer in time');
    case 'failed':
      return t('its tool fails');
    case 'noValue':
      return t('the answer of its tool has no number there');
    case 'notAllowed':
      return t('its tool is not declared read-only');
    case 'heldBack':
      return t('calls are held back now');
    default:
      return assertNever(reason);
  }
}

/** Four digits are enough for a glance. */
export function figure(value: number, t: Translate): string {
  return localNumber(Number(value.toPrecision(4)), t);
}
