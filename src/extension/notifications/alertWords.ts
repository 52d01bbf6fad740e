import { isUsable } from '../../shared/model/connectionState.ts';
import type { AlertSnapshot, ServerSnapshot } from '../../shared/model/snapshot.ts';
import { causeSentence } from '../health/conditions.ts';
import { counted, localNumber } from '../figures.ts';
import { said, type Translate } from '../translate.ts';

/** A notification is for a glance; the log has all of it. */
const MAX_SENTENCE = 300;

function shortened(text: string): string {
  return text.length <= MAX_SENTENCE ? text : `${text.slice(0, MAX_SENTENCE)}…`;
}

/** A few words for a cause, after a server's name or alone. */
export function causeTitle(cause: string, t: Translate): string {
  switch (cause) {
    case 'crashLoop':
      return t('keeps failing');
    case 'needsSignIn':
      return t('needs sign-in');
    case 'breakerOpen':
      return t('is refusing calls');
    case 'brokenPipes':
      return t('loses calls (broken pipes)');
    case 'retryRate':
      return t('needs many retries');
    case 'watchedValue':
      return t('has a watched value out of bounds');
    case 'continuity':
      return t('servers are often not usable');
    case 'auditTrail':
      return t('the audit trail cannot be written');
    case 'journal':
      return t('the journal of calls cannot be written');
    case 'engine':
      return t('the engine cannot be started');
    case 'settings':
      return t('settings cannot be used');
    default:
      return cause;
  }
}

/** What is the case, as a sentence without the server's name. */
export function alertWords(alert: AlertSnapshot, server: ServerSnapshot | undefined, t: Translate): string {
  const { rule, value = 0, windowMs = 0 } = alert;
  const seconds = Math.round(windowMs / 1_000);
  switch (rule) {
    case 'crashLoop': {
      const diagnosis = server?.diagnosis;
      // The alert goes on for a moment after the server has come back, whose own sentence is a calm one by then.
      if (server !== undefined && isUsable(server.state)) return t('It kept failing until a moment ago.');
      if (diagnosis === undefined) return shortened(said(server?.sentence ?? alert.sentence, t));
      // The notification has named the server.
      const sentence = diagnosis.sentence.replace(`The MCP server "${alert.server ?? ''}" `, 'It ');
      return t(
        'It keeps failing. {0}',
        causeSentence({ advice: diagnosis.advice, sentence }, t, MAX_SENTENCE),
      );
    }
    case 'breakerOpen':
      return t('It failed repeatedly; calls are held back for now.');
    case 'brokenPipes':
      return counted(
        t,
        value,
        'One call was cut off by a broken pipe within {1} seconds.',
        '{0} calls were cut off by a broken pipe within {1} seconds.',
        seconds,
      );
    case 'retryRate':
      return counted(
        t,
        Math.round(value),
        '1 % of the calls within {1} seconds had to be sent more than once.',
        '{0} % of the calls within {1} seconds had to be sent more than once.',
        seconds,
      );
    case 'continuity':
      return t(
        'The servers were usable for {0} % of the time only (Φ {1}).',
        localNumber(value * 100, t, 1),
        localNumber(value, t, 3),
      );
    case 'journal':
      return t(
        'The journal of calls cannot be written. Calls go on; should the engine be killed, more of them than necessary are reported with unknown outcome.',
      );
    default:
      return shortened(said(alert.sentence, t));
  }
}
