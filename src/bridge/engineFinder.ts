import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessAlive, readEndpointFile, type EndpointInfo } from '../endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../endpoint/location.ts';

export interface EngineChoice {
  readonly home: string;
  readonly window: string | undefined;
  readonly endpoint: string | undefined;
}

/** All endpoints whose process exists. */
export function liveEndpoints(home: string): EndpointInfo[] {
  let names: string[];
  try {
    names = readdirSync(endpointsFolder(home));
  } catch {
    return []; // no folder yet: no engine has ever run here
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => readEndpointFile(join(endpointsFolder(home), name)))
    .filter((info): info is EndpointInfo => info !== undefined && isProcessAlive(info.pid));
}

/**
 * The engine this bridge belongs to, if it is there: the window's own, never another's; for a stand-alone bridge
 * the only live one.
 */
export function findEngine(choice: EngineChoice): EndpointInfo | undefined {
  const file =
    choice.endpoint ?? (choice.window === undefined ? undefined : endpointFile(choice.home, choice.window));
  if (file === undefined) {
    const live = liveEndpoints(choice.home);
    return live.length === 1 ? live[0] : undefined;
  }
  const info = readEndpointFile(file);
  return info !== undefined && isProcessAlive(info.pid) ? info : undefined;
}
