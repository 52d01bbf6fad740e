import type { Disposable } from '../shared/base/disposable.ts';
import { contextKeys } from '../shared/contributions.ts';
import type { HealthModel } from './health/healthModel.ts';

/**
 * What conditions of the manifest ask for. An editor knows none of our keys at first, so that one that is false is not told.
 *
 * @param set VS Code's `setContext`
 */
export function keepContextKeys(
  model: Pick<HealthModel, 'view' | 'onDidChange'>,
  set: (key: string, value: boolean) => void,
): Disposable {
  let told = false;
  const tell = ({ servers }: HealthModel['view']): void => {
    const hasServers = servers.some(({ health }) => health !== 'invalid');
    if (hasServers === told) return;
    told = hasServers;
    set(contextKeys.hasServers, hasServers);
  };
  tell(model.view);
  return model.onDidChange(tell);
}
