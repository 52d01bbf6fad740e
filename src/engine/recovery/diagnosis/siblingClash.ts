import type { Diagnosis } from '../../../shared/model/snapshot.ts';

/**
 * The diagnosis of a server that found its port taken while another session of this engine has a live process of the same server:
 * in all likelihood it is that process which holds the port, and one process for all sessions is the way out.
 */
export function withSiblingAdvice(diagnosis: Diagnosis, hasLiveSibling: boolean): Diagnosis {
  if (diagnosis.cause !== 'portInUse' || !hasLiveSibling) return diagnosis;
  const advice =
    'Another session already runs this server, and most likely holds the port. Set "lifeline": { "instances": "single" } in its settings, so that all sessions use one process.';
  return { ...diagnosis, advice };
}
