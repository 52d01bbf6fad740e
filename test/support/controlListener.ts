import type { Socket } from 'node:net';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { connectToEngine } from '../../src/endpoint/connect.ts';
import { readEndpointFile } from '../../src/endpoint/endpointFile.ts';
import { systemClock } from '../../src/shared/base/clock.ts';
import type { Snapshot } from '../../src/shared/model/snapshot.ts';
import { getEvents } from '../../src/shared/protocol/eventMessages.ts';
import { getHistory } from '../../src/shared/protocol/historyMessages.ts';
import {
  logged,
  logLevelWanted,
  snapshotChanged,
  type LogEntry,
  type LogLevel,
} from '../../src/shared/protocol/engineMessages.ts';

/** A language client that only listens: what an engine tells its extension. */
export class ControlListener {
  readonly entries: LogEntry[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly #connection: MessageConnection;
  readonly #socket: Socket;

  private constructor(connection: MessageConnection, socket: Socket) {
    this.#connection = connection;
    this.#socket = socket;
    connection.onNotification(
      logged.method,
      (value: unknown) => void this.entries.push(...logged.parse(value).entries),
    );
    connection.onNotification(
      snapshotChanged.method,
      (value: unknown) => void this.snapshots.push(snapshotChanged.parse(value)),
    );
    connection.listen();
  }

  static async connect(endpointFile: string, level: LogLevel = 'info'): Promise<ControlListener> {
    const endpoint = readEndpointFile(endpointFile);
    if (endpoint === undefined) throw new Error(`no engine behind ${endpointFile}`);
    const role = { role: 'control' } as const;
    const { socket } = await connectToEngine(endpoint, role, { clock: systemClock, timeoutMs: 5_000 });
    const reader = new StreamMessageReader(socket);
    reader.partialMessageTimeout = 0;
    const connection = createMessageConnection(reader, new StreamMessageWriter(socket));
    connection.onError(() => undefined);
    const listener = new ControlListener(connection, socket);
    socket.on('error', () => undefined).resume();
    await connection.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
    await listener.wantLevel(level);
    await connection.sendNotification('initialized', {});
    return listener;
  }

  wantLevel(level: LogLevel): Promise<void> {
    return this.#connection.sendNotification(logLevelWanted.method, { level });
  }

  /** Samples and events. */
  async history(): Promise<unknown> {
    const types = [getHistory, getEvents];
    return Promise.all(types.map(({ method }) => this.#connection.sendRequest<unknown>(method, {})));
  }

  close(): void {
    this.#connection.dispose();
    this.#socket.destroy();
  }
}
