import { sleep, systemClock } from '../../shared/base/clock.ts';
import type { RequestType } from '../../shared/protocol/message.ts';
import { connectToEngine } from '../../endpoint/connect.ts';
import { isProcessAlive, readEndpointFile, type EndpointInfo } from '../../endpoint/endpointFile.ts';
import { liveEndpoints } from '../../endpoint/liveEndpoints.ts';
import { endpointFile, isWindowId, lifelineHome } from '../../endpoint/location.ts';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from '../control/languageServer.ts';
import { NoEngineError, UsageError } from './arguments.ts';

export interface EngineChoice {
  readonly endpoint?: string | undefined;
  readonly window?: string | undefined;
}

export const engineOptions = { endpoint: { type: 'string' }, window: { type: 'string' } } as const;

const CONNECT_LIMIT_MS = 5_000;

/** The engine that is meant: the named one, else the only one. */
export async function chooseEngine(choice: EngineChoice): Promise<EndpointInfo> {
  const { endpoint, window } = choice;
  if (endpoint !== undefined && window !== undefined)
    throw new UsageError('--endpoint and --window exclude each other.');
  if (window !== undefined && !isWindowId(window))
    throw new UsageError(`${JSON.stringify(window)} is not a window id.`);
  const home = lifelineHome();
  const file = endpoint ?? (window === undefined ? undefined : endpointFile(home, window));
  if (file !== undefined) {
    const info = readEndpointFile(file);
    if (info !== undefined && isProcessAlive(info.pid)) return info;
    throw new NoEngineError(
      endpoint === undefined
        ? `No engine of the window ${window ?? ''} is running.`
        : `No engine is running behind ${file}.`,
    );
  }
  let live = liveEndpoints(home);
  if (live.length > 1) live = await answering(live);
  const [only] = live;
  if (only === undefined) throw new NoEngineError('No engine is running.');
  if (live.length === 1) return only;
  const list = live.map((info) => `  --window ${info.window}  (pid ${info.pid})`).join('\n');
  throw new UsageError(`Several engines are running; name one:\n${list}`);
}

/** Those that are engines. A file that was left behind, by the end of the machine for example, may name a process that is another one now. */
async function answering(endpoints: readonly EndpointInfo[]): Promise<EndpointInfo[]> {
  const verdicts = endpoints.map(async (info) => {
    try {
      const { socket } = await connectToEngine(
        info,
        { role: 'control' },
        { clock: systemClock, timeoutMs: CONNECT_LIMIT_MS },
      );
      socket.on('error', () => undefined).destroy();
      return [info];
    } catch {
      return []; // nobody is there
    }
  });
  return (await Promise.all(verdicts)).flat();
}

/** Asks an engine over its control connection. `ask` sends requests; the connection is closed when `use` is done. */
export async function withEngine<T>(
  info: EndpointInfo,
  limitMs: number,
  use: (ask: <P, R>(type: RequestType<P, R>, params: P) => Promise<R>) => Promise<T>,
): Promise<T> {
  let socket;
  try {
    ({ socket } = await connectToEngine(
      info,
      { role: 'control' },
      { clock: systemClock, timeoutMs: CONNECT_LIMIT_MS },
    ));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NoEngineError(`The engine (pid ${info.pid}) cannot be reached: ${why}.`);
  }
  const closed = Promise.withResolvers<never>();
  socket.on('error', () => undefined);
  socket.once('close', () => closed.reject(new NoEngineError('The engine ended before it answered.')));
  closed.promise.catch(() => undefined);
  const quiet = {
    error: () => undefined,
    warn: () => undefined,
    info: () => undefined,
    log: () => undefined,
  };
  const connection = createProtocolConnection(
    new StreamMessageReader(socket),
    new StreamMessageWriter(socket),
    quiet,
  );
  connection.listen();
  socket.resume();
  const limit = new AbortController();
  const late = sleep(systemClock, limitMs, limit.signal).then(() => {
    throw new NoEngineError(`The engine (pid ${info.pid}) did not answer within ${limitMs / 1_000} s.`);
  });
  late.catch(() => undefined);
  const ask = async <P, R>(type: RequestType<P, R>, params: P): Promise<R> => {
    const answer = connection.sendRequest<unknown>(type.method, params);
    answer.catch(() => undefined);
    return type.parseResult(await Promise.race([answer, closed.promise, late]));
  };
  try {
    const hello = connection.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
    hello.catch(() => undefined);
    await Promise.race([hello, closed.promise, late]);
    return await use(ask);
  } finally {
    limit.abort();
    connection.dispose();
    socket.destroy();
  }
}
