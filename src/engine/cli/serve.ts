import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Disposable } from '../../shared/base/disposable.ts';
import { lifelineHome } from '../../endpoint/location.ts';
import { startEngine, type Engine } from '../composition.ts';
import type { HttpAddress } from '../gateway/httpEndpoint.ts';
import { MAX_SOCKET_PATH_BYTES } from '../state/privateFolder.ts';
import { takeOwnership } from '../state/ownership.ts';
import { limitYoungGeneration } from '../state/youngGeneration.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { loadConfig, type LoadedConfig } from './configFile.ts';
import { Lifetime } from './lifetime.ts';
import { chooseLogLevel, LOG_LEVEL_VARIABLE } from './logLevel.ts';
import { LogOutput } from './logOutput.ts';

/** Engines of one configuration file at a time. */
const MAX_SIBLINGS = 100;
const MIN_TOKEN = 16;
const MAX_TOKEN = 512;

/** `serve`: the engine without an editor. Runs until it is stopped; ends the process by itself. */
export async function serve(args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, {
    config: { type: 'string' },
    port: { type: 'string' },
    socket: { type: 'string' },
    json: { type: 'boolean' },
    'log-level': { type: 'string' },
  });
  if (values.config === undefined) throw new UsageError('serve needs --config FILE.');
  const folder = process.cwd();
  const file = values.config;
  const address = readAddress(values.port, values.socket);
  const token = readToken(process.env['MCP_LIFELINE_TOKEN']);
  const loaded = loadConfig(file, folder);
  if (typeof loaded === 'string') throw new UsageError(loaded);

  const levelFor = (config: LoadedConfig) =>
    chooseLogLevel({
      option: values['log-level'],
      file: config.logLevel,
      environment: process.env[LOG_LEVEL_VARIABLE],
    });
  const { level, problem } = levelFor(loaded);
  // Absolute, because the printed endpoint is used by programs that were started elsewhere.
  const home = resolve(loaded.stateFolder ?? lifelineHome());
  const { window, lock } = takeWindow(home, loaded.path);
  const output = new LogOutput(values.json === true, level);
  limitYoungGeneration();
  const lifetime = new Lifetime(lock);
  let engine: Engine;
  try {
    engine = await lifetime.run(() =>
      startEngine({
        home,
        window,
        version: packageJson.version,
        logLevel: level,
        onIdle: () => undefined,
        standalone: {
          configuration: loaded.configuration,
          places: loaded.places,
          address,
          token,
          onLog: (entry) => output.write(entry),
        },
      }),
    );
  } catch (error) {
    if (lifetime.isStopping) return;
    lock.dispose();
    process.stderr.write(`${whyNotListening(error, address)}\n`);
    process.exit(exitCodes.unhealthy);
  }
  if (lifetime.isStopping) return;
  if (problem !== undefined) engine.log('warn', problem);
  reportProblems(engine, loaded);
  process.on('SIGHUP', () => {
    const again = reload(engine, { file, folder, stateFolder: loaded.stateFolder });
    if (again === undefined) return;
    output.level = levelFor(again).level;
    engine.setLogLevel(output.level);
  });
  const { url, servers } = engine.addresses;
  const ready = { url, token, pid: process.pid, endpoint: engine.endpointFile, servers };
  // A reader that has gone by now has its reasons.
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

function readAddress(port: string | undefined, socket: string | undefined): HttpAddress {
  if (port !== undefined && socket !== undefined)
    throw new UsageError('--port and --socket exclude each other.');
  if (socket !== undefined) {
    if (process.platform === 'win32') {
      if (!/^\\\\[.?]\\pipe\\./i.test(socket))
        throw new UsageError('On Windows, --socket takes the name of a pipe, such as \\\\.\\pipe\\my-pipe.');
      return { path: socket };
    }
    const path = resolve(socket);
    if (socket === '' || Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
      throw new UsageError(`--socket takes a path of at most ${MAX_SOCKET_PATH_BYTES} bytes.`);
    return { path };
  }
  const number = Number(port ?? 0);
  if (!/^\d{1,5}$/.test(port ?? '0') || number > 65_535)
    throw new UsageError('--port takes a number from 0 to 65535; 0 is a free port.');
  return { port: number };
}

function readToken(given: string | undefined): string {
  if (given === undefined || given === '') return randomBytes(32).toString('base64url');
  if (given.length >= MIN_TOKEN && given.length <= MAX_TOKEN && /^[\x21-\x7e]+$/.test(given)) return given;
  throw new UsageError(
    `MCP_LIFELINE_TOKEN must have ${MIN_TOKEN} to ${MAX_TOKEN} printable ASCII characters without blanks.`,
  );
}

/** State files belong to one engine: a second engine of the same file gets files of its own. */
function takeWindow(
  home: string,
  configPath: string,
): { readonly window: string; readonly lock: Disposable } {
  const name = `serve-${createHash('sha256').update(configPath).digest('hex').slice(0, 16)}`;
  for (let sibling = 1; sibling <= MAX_SIBLINGS; sibling += 1) {
    const window = sibling === 1 ? name : `${name}-${sibling}`;
    const verdict = takeOwnership(join(home, 'locks'), window);
    if (verdict.kind === 'owner') return { window, lock: verdict.lock };
  }
  throw new UsageError(`${MAX_SIBLINGS} engines run with this configuration file already.`);
}

function whyNotListening(error: unknown, address: HttpAddress): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const where = 'port' in address ? `port ${address.port} of 127.0.0.1` : address.path;
  if (code === 'EADDRINUSE')
    return `mcp-lifeline could not start: ${where} is in use. Choose another with ${'port' in address ? '--port (0: a free one)' : '--socket'}.`;
  // Node tells a missing folder as a missing permission.
  if ('path' in address && process.platform !== 'win32' && !existsSync(dirname(address.path)))
    return `mcp-lifeline could not start: the folder of ${where} does not exist.`;
  if (code === 'EACCES') return `mcp-lifeline could not start: this user may not listen on ${where}.`;
  return `mcp-lifeline could not start: ${message}`;
}

function reportProblems(engine: Engine, loaded: LoadedConfig): void {
  for (const { path, message } of [...loaded.problems, ...engine.problems])
    engine.log('warn', `configuration: ${path}: ${message}`);
}

/** Takes a changed file over. One that cannot be used changes nothing. */
function reload(
  engine: Engine,
  options: { readonly file: string; readonly folder: string; readonly stateFolder: string | undefined },
): LoadedConfig | undefined {
  const loaded = loadConfig(options.file, options.folder);
  if (typeof loaded === 'string') {
    engine.log('error', `the former configuration stays: ${loaded}`);
    return undefined;
  }
  if (loaded.stateFolder !== options.stateFolder)
    engine.log('warn', 'configuration: lifeline.stateFolder: takes effect at the next start');
  engine.configure(loaded.configuration, loaded.places);
  engine.log('info', 'the configuration was read again');
  reportProblems(engine, loaded);
  return loaded;
}
