import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, watch, type FSWatcher } from 'node:fs';
import { homedir } from 'node:os';
import { basename } from 'node:path';
import { sleep, type Clock } from '../../shared/base/clock.ts';
import { connectToEngine, type EngineConnection } from '../../endpoint/connect.ts';
import { isProcessAlive, readEndpointFile, type EndpointInfo } from '../../endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../../endpoint/location.ts';
import { engineNodeFlags } from '../../shared/model/youngGeneration.ts';

/** The engine's word for "another engine owns this window": there is one to be found, or soon will be. */
const EXIT_OTHER_OWNER = 3;
const CONNECT_TIMEOUT_MS = 3_000;
const POLL_MS = 100;
/** An engine that is there but did not accept is asked again after this; it may be ending just now. */
const REFUSED_AGAIN_MS = 250;

export interface EngineFinderOptions {
  readonly clock: Clock;
  readonly home: string;
  readonly window: string;
  /** The program that runs the engine (`process.execPath`) and the engine's bundle. */
  readonly execPath: string;
  readonly enginePath: string;
  readonly limitMs: number;
  readonly log: (message: string) => void;
}

/** How a started engine process ended before it could be reached; `undefined` while it runs. */
interface Launch {
  readonly failure: () => string | undefined;
  dispose(): void;
}

/**
 * Connects to the engine of a window: the one that its endpoint file names if that one answers, else a new one,
 * detached, so that it outlives this window's reload. Rejects after `limitMs` with what went wrong last.
 */
export async function openEngine(
  options: EngineFinderOptions,
  signal: AbortSignal,
): Promise<EngineConnection> {
  const { clock } = options;
  const attempts = new Attempts(options);
  const found = await attempts.once();
  if (found !== undefined) return found;
  signal.throwIfAborted();

  const watching = watchEndpoints(options);
  const launch = launchEngine(options);
  const deadline = clock.now() + options.limitMs;
  try {
    for (;;) {
      const connection = await attempts.once();
      if (connection !== undefined) return connection;
      const failure = launch.failure();
      if (failure !== undefined) throw new Error(failure);
      if (clock.now() >= deadline) {
        throw new Error(
          `the engine did not come up within ${options.limitMs / 1000} s${attempts.lastReason}`,
        );
      }
      await watching.next(signal);
    }
  } finally {
    launch.dispose();
    watching.dispose();
  }
}

/** Tries the endpoint file as it is now, and remembers which engine refused. */
class Attempts {
  readonly #options: EngineFinderOptions;
  #refused: { readonly key: string; readonly at: number; readonly reason: string } | undefined;

  constructor(options: EngineFinderOptions) {
    this.#options = options;
  }

  get lastReason(): string {
    return this.#refused === undefined ? '' : ` (${this.#refused.reason})`;
  }

  async once(): Promise<EngineConnection | undefined> {
    const { clock, home, window, log } = this.#options;
    const info = readEndpointFile(endpointFile(home, window));
    // A dead process leaves its file behind; that is the same as none.
    if (info?.window !== window || !isProcessAlive(info.pid)) return undefined;
    const key = keyOf(info);
    if (this.#refused?.key === key && clock.now() - this.#refused.at < REFUSED_AGAIN_MS) return undefined;
    try {
      return await connectToEngine(info, { role: 'control' }, { clock, timeoutMs: CONNECT_TIMEOUT_MS });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#refused?.key !== key) log(`Process ${info.pid} did not accept a connection: ${reason}`);
      this.#refused = { key, at: clock.now(), reason };
      return undefined;
    }
  }
}

function keyOf(info: EndpointInfo): string {
  return `${info.pid}:${info.startedAt}:${info.socket}`;
}

function launchEngine(options: EngineFinderOptions): Launch {
  let failure: string | undefined;
  let child: ChildProcess;
  const onError = (error: Error): void => {
    failure = `the engine could not be started: ${error.message}`;
  };
  const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (code === EXIT_OTHER_OWNER) {
      options.log('Another engine owns this window; looking for it');
      return;
    }
    failure = `the engine ended before it could be reached (${signal ?? `exit code ${String(code)}`})`;
  };
  try {
    child = spawn(options.execPath, [...engineNodeFlags, options.enginePath, '--window', options.window], {
      cwd: homedir(),
      // A process group of its own, so that what ends the extension host does not end the engine.
      detached: true,
      stdio: 'ignore',
      windowsHide: true,
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
    return { failure: () => failure, dispose: () => undefined };
  }
  child.on('error', onError);
  child.once('exit', onExit);
  child.unref();
  options.log(`Started an engine (process ${String(child.pid)})`);
  return {
    failure: () => failure,
    dispose: () => {
      child.off('exit', onExit);
      // The error listener stays: a late error without one would end the extension host.
    },
  };
}

interface EndpointWatch {
  /** Settles at the next change in the folder, or soon anyway: a watch may miss things, a poll does not. */
  next(signal: AbortSignal): Promise<void>;
  dispose(): void;
}

function watchEndpoints(options: EngineFinderOptions): EndpointWatch {
  const folder = endpointsFolder(options.home);
  const file = basename(endpointFile(options.home, options.window));
  let onChange: (() => void) | undefined;
  let watcher: FSWatcher | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name === null || name === file) onChange?.();
    });
    watcher.on('error', () => watcher?.close()); // the poll goes on without it
  } catch {
    watcher = undefined; // no watch on this file system: the poll alone finds the file
  }
  return {
    async next(signal) {
      const changed = new AbortController();
      onChange = () => changed.abort();
      try {
        await sleep(options.clock, POLL_MS, AbortSignal.any([signal, changed.signal]));
      } catch {
        signal.throwIfAborted(); // else: the folder changed
      } finally {
        onChange = undefined;
      }
    },
    dispose: () => watcher?.close(),
  };
}
