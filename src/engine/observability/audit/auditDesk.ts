import type {
  AuditVerdict,
  RecoverParams,
  RecoverResult,
  ServerAction,
  ServerActionResult,
} from '../../../shared/protocol/engineMessages.ts';
import type { Observations } from '../observations.ts';
import type { AuditFeed } from './auditFeed.ts';
import { verdictOf } from './auditVerdict.ts';

/** What people ask of the engine, told with what came of it; and the verification of what was recorded. */
export class AuditDesk {
  readonly #observations: Observations;
  readonly #trail: AuditFeed;
  readonly #folder: string;

  constructor(observations: Observations, trail: AuditFeed, folder: string) {
    this.#observations = observations;
    this.#trail = trail;
    this.#folder = folder;
  }

  async recovery(params: RecoverParams, run: () => Promise<RecoverResult>): Promise<RecoverResult> {
    const { mode, server, interruptCalls } = params;
    this.#observations.note({
      kind: 'action',
      action: mode,
      ...(server === undefined ? {} : { server }),
      ...(interruptCalls === undefined ? {} : { interruptCalls }),
    });
    const result = await run();
    for (const { server: name, outcome, durationMs } of result.results)
      this.#observations.note({ kind: 'recovery', server: name, outcome, ms: durationMs });
    return result;
  }

  async action(params: ServerAction, run: () => Promise<ServerActionResult>): Promise<ServerActionResult> {
    const result = await run();
    const { action, server } = params;
    this.#observations.note({ kind: 'action', action, server, done: result.done });
    return result;
  }

  /** Verifies what was recorded until now. */
  async verify(): Promise<AuditVerdict> {
    await this.#trail.flush();
    return verdictOf(this.#folder);
  }
}
