import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthModel } from './healthModel.ts';
import { withSnapshot, type HealthView } from './healthView.ts';

/** The engine has to tell what runs within this time; then what it told last has to do. */
const ANSWER_LIMIT_MS = 2_000;

/** With the calls that run now: snapshots are sent when a server changes, and not for each call. Never rejects. */
export async function viewNow({
  engine,
  model,
}: {
  readonly engine: Pick<EngineClient, 'getSnapshot'>;
  readonly model: Pick<HealthModel, 'view'>;
}): Promise<HealthView> {
  try {
    return withSnapshot(model.view, await engine.getSnapshot({ timeoutMs: ANSWER_LIMIT_MS }));
  } catch {
    return model.view; // an engine that does not answer is told of by the request that follows
  }
}
