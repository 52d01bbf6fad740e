import { scanFrame, scanWhole, type Frame } from '../../shared/protocol/frameScanner.ts';

/** What a server writes is checked, to make sure that the client can parse it; beyond this for structure only. */
const CHECK_BELOW_BYTES = 8_388_608;

/** Reads a line of a server. `isJson` is true of a long one that looks right. */
export function readServerLine(line: Uint8Array): { readonly frame: Frame; readonly isJson: boolean } {
  return line.length < CHECK_BELOW_BYTES ? scanWhole(line) : { frame: scanFrame(line), isJson: true };
}

/** The lists whose changes servers tell, by the method of the notification. */
export const listChanged: ReadonlyMap<string, string> = new Map([
  ['notifications/tools/list_changed', 'tools/list'],
  ['notifications/prompts/list_changed', 'prompts/list'],
  ['notifications/resources/list_changed', 'resources/list'],
]);
