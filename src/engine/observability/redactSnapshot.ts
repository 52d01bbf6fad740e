import type { Redactor } from '../../shared/redaction/redactor.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';

/** Longest sentence of a snapshot. */
const MAX_SENTENCE = 4_000;

/** The snapshot without secrets in its words: all of them may quote what a server, or its settings, say (requirements R14.4). */
export function redactSnapshot(snapshot: ServerSnapshot, redactor: Pick<Redactor, 'redact'>): ServerSnapshot {
  const { lastError, diagnosis, degraded, endpoint, catalogue } = snapshot;
  // What stands in for a secret may be longer than the secret.
  const open = (text: string, max: number): string => redactor.redact(text).slice(0, max);
  return {
    ...snapshot,
    sentence: open(snapshot.sentence, MAX_SENTENCE),
    ...(lastError === undefined
      ? {}
      : { lastError: { ...lastError, message: open(lastError.message, MAX_SENTENCE) } }),
    ...(diagnosis === undefined
      ? {}
      : {
          diagnosis: {
            ...diagnosis,
            sentence: open(diagnosis.sentence, MAX_SENTENCE),
            advice: open(diagnosis.advice, 1_000),
            ...(diagnosis.holder === undefined
              ? {}
              : { holder: { ...diagnosis.holder, program: open(diagnosis.holder.program, 256) } }),
          },
        }),
    ...(degraded === undefined
      ? {}
      : {
          degraded: {
            ...degraded,
            sentence: open(degraded.sentence, MAX_SENTENCE),
            missing: degraded.missing.map((name) => open(name, 256)),
          },
        }),
    ...(endpoint === undefined ? {} : { endpoint: open(endpoint, 2_048) }),
    ...(catalogue?.serverTitle === undefined
      ? {}
      : { catalogue: { ...catalogue, serverTitle: open(catalogue.serverTitle, 256) } }),
  };
}
