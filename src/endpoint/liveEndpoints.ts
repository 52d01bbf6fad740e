import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessAlive, readEndpointFile, type EndpointInfo } from './endpointFile.ts';
import { endpointsFolder } from './location.ts';

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
