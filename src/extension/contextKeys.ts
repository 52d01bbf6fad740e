import type { Clock } from '../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../shared/base/disposable.ts';
import { contextKeys } from '../shared/contributions.ts';
import type { HealthModel } from './health/healthModel.ts';

/**
 * VS Code registers walkthroughs up to 5 s after its start, and never checks off a step whose key was true by then: only one that becomes true
 * afterwards (1.139).
 */
const SETTLED_MS = 10_000;

/**
 * What conditions of the manifest ask for. An editor knows none of our keys at first, so that one that is false is not told.
 *
 * @param set VS Code's `setContext`
 */
export function keepContextKeys(
  model: Pick<HealthModel, 'view' | 'onDidChange'>,
  set: (key: string, value: boolean) => void,
  clock: Clock,
): Disposable {
  let told = false;
  const tell = ({ servers }: HealthModel['view']): void => {
    const hasServers = servers.some(({ health }) => health !== 'invalid');
    if (hasServers === told) return;
    told = hasServers;
    set(contextKeys.hasServers, hasServers);
  };
  const store = new DisposableStore();
  store.add(
    clock.setTimer(SETTLED_MS, () => {
      tell(model.view);
      store.add(model.onDidChange(tell));
    }),
  );
  return store;
}
