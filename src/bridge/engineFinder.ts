import { isProcessAlive, readEndpointFile, type EndpointInfo } from '../endpoint/endpointFile.ts';
import { catalogueFile, endpointFile } from '../endpoint/location.ts';

/**
 * Finds the engine a bridge belongs to: the window's own, never another's. A stand-alone bridge takes the only live
 * one when it starts, and stays with that window for its life: another window's engine knows nothing of its calls.
 */
export class EngineFinder {
  readonly #file: string;
  readonly #home: string;
  #window: string | undefined;

  constructor(home: string, where: { readonly window: string } | { readonly endpoint: string }) {
    this.#home = home;
    this.#window = 'window' in where ? where.window : undefined;
    this.#file = 'window' in where ? endpointFile(home, where.window) : where.endpoint;
  }

  /** The engine, if it is there now. */
  find(): EndpointInfo | undefined {
    const info = readEndpointFile(this.#file);
    this.#window ??= info?.window;
    return info !== undefined && isProcessAlive(info.pid) ? info : undefined;
  }

  /** Where the engine keeps a server's catalogue; unknown as long as no engine of the window has been seen. */
  catalogueFile(server: string): string | undefined {
    return this.#window === undefined ? undefined : catalogueFile(this.#home, this.#window, server);
  }
}
