import { fitProblems } from '../../shared/model/settingsProblem.ts';
import type { SettingsProblem, Snapshot } from '../../shared/model/snapshot.ts';
import { joinProblems } from '../config/mergeServers.ts';
import { engineWords } from '../health/words.ts';
import { untranslated } from '../translate.ts';
import type { CommandContext } from './commandContext.ts';

/**
 * The answer while no engine is connected. What was last known is not what is, so there are no servers in it:
 * `engine` is `null`, and `reason` says in English why.
 */
export interface NoEngineStatus {
  readonly version: 1;
  readonly engine: null;
  readonly state: 'stopped' | 'starting' | 'recovering';
  readonly reason: string;
  readonly servers: readonly [];
  readonly problems: readonly SettingsProblem[];
}

const ANSWER_LIMIT_MS = 2_000;

/**
 * `mcpLifeline.getConnectionStatus`: the snapshot (R11.2), fresh from the engine, as plain data; never rejects, and
 * answers within two seconds. Look at `engine` first: it is `null` when no engine is connected.
 */
export async function getConnectionStatus({
  engine,
  model,
}: CommandContext): Promise<Snapshot | NoEngineStatus> {
  let failure: unknown;
  if (engine.status.kind === 'running') {
    try {
      const snapshot = await engine.getSnapshot({ timeoutMs: ANSWER_LIMIT_MS });
      // What is so wrong that no message holds it is known only here.
      return { ...snapshot, problems: fitProblems(joinProblems(model.view.problems, snapshot.problems)) };
    } catch (error) {
      failure = error;
    }
  }
  const { status } = engine;
  const words = failure instanceof Error ? failure.message : engineWords(status, untranslated);
  return {
    version: 1,
    engine: null,
    // An engine that was running a moment ago and did not answer is on its way down.
    state: status.kind === 'running' ? 'recovering' : status.kind,
    reason: words,
    servers: [],
    problems: model.view.problems,
  };
}
