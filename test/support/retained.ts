import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

function usedBytes(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** How many MB are kept alive by what `action` has done, after a full collection. */
export function retainedMb(action: () => void): number {
  const before = usedBytes();
  action();
  return (usedBytes() - before) / 1_048_576;
}
