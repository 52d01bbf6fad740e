import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { MAX_SEMI_SPACE_MB } from '../../shared/model/youngGeneration.ts';

const MB = 1_048_576;

/** Whether Node was started with a limit, ours or the user's. */
function isLimited(): boolean {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  return /--max[-_]semi[-_]space[-_]size/.test(given);
}

/** Two halves, together; 0 where V8 counts otherwise. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

/**
 * Keeps, from now to the end of the process, the young generation within `MAX_SEMI_SPACE_MB` where the engine was started without the flag for it: as `mcp-lifeline serve`, which a
 * person or another program starts. V8 reads the flag for the size at its start only, but the factor by which it grows each time. It shrinks
 * when there is little to do, so each collection is followed. Not under Electron, where flags may be out of reach by then, and which is started with the flag.
 */
export function limitYoungGeneration(): void {
  if (isLimited() || process.versions['electron'] !== undefined) return;
  let mayGrow = true;
  const observer = new PerformanceObserver(() => {
    // Twice the size would be too much; a quarter less for what V8 rounds.
    const fits = youngBytes() < 2 * MAX_SEMI_SPACE_MB * MB * 0.75;
    if (fits === mayGrow) return;
    mayGrow = fits;
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}
