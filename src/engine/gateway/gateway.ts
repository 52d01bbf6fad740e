import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { LineSplitter } from '../../shared/protocol/lineSplitter.ts';
import {
  MAX_HELLO_BYTES,
  makeRefusal,
  makeWelcome,
  readHello,
  type HelloBody,
} from '../../endpoint/handshake.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import { BridgePort, type ClientPort } from './clientPort.ts';
import { Session, type SessionDeps } from './session.ts';

export interface GatewayOptions {
  readonly address: string;
  readonly token: string;
  readonly engineVersion: string;
  readonly clock: Clock;
  readonly registry: ServerRegistry;
  readonly sessions: SessionDeps;
  /** Takes over the socket of a language client; what followed its hello has been put back. */
  readonly onControl: (socket: Socket) => void;
  readonly log: (text: string) => void;
}

const HELLO_TIMEOUT_MS = 5_000;
const MAX_CLIENTS = 500;
/** Longest message of a client. */
const MAX_LINE_BYTES = 67_108_864;
/** How long a new engine waits for its settings before it tells a bridge that its server is not configured. */
const CONFIGURATION_PATIENCE_MS = 10_000;
const AGAIN = new TextEncoder().encode('!again ');
const PING = new TextEncoder().encode('!ping');

function startsWith(line: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => line[index] === byte);
}

/** What bridges and language clients connect to: one socket, and a handshake that proves the token both ways. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  readonly #clientsChanged: Emitter<number>;
  #clients = 0;
  #closed = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#clientsChanged = new Emitter((error) => options.log(`a listener failed: ${String(error)}`));
    this.#server = createServer((socket) => this.#onSocket(socket));
  }

  /** Fired with the number of clients (bridges and language clients) whenever it changes. */
  get onDidChangeClients(): Emitter<number>['event'] {
    return this.#clientsChanged.event;
  }

  get clients(): number {
    return this.#clients;
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions];
  }

  tellJournalUnreliable(): void {
    for (const session of this.#sessions) session.tellJournalUnreliable();
  }

  listen(): Promise<void> {
    const { address } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: address }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.log(`the socket failed: ${error.message}`));
        if (process.platform !== 'win32') chmodSync(address, 0o600);
        resolve();
      });
    });
  }

  #onSocket(socket: Socket): void {
    if (this.#closed || this.#sockets.size >= MAX_CLIENTS) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined); // always followed by close
    this.#awaitHello(socket);
  }

  #awaitHello(socket: Socket): void {
    const { clock, token } = this.#options;
    let received: Buffer = Buffer.alloc(0);
    const timer = clock.setTimer(HELLO_TIMEOUT_MS, () => socket.destroy());
    socket.once('close', () => timer.dispose());
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf(0x0a);
      if (end < 0) {
        if (received.length > MAX_HELLO_BYTES) socket.destroy();
        return;
      }
      timer.dispose();
      socket.off('data', onData);
      socket.pause();
      const verdict = readHello(token, received.toString('utf8', 0, end));
      const rest = received.subarray(end + 1);
      if (rest.length > 0) socket.unshift(rest);
      if (verdict.kind === 'refused') {
        this.#options.log(`a client was refused: ${verdict.reason}`);
        socket.end(makeRefusal(verdict.reason));
        return;
      }
      this.#welcome(socket, verdict.nonce, verdict.body);
    };
    socket.on('data', onData);
  }

  #welcome(socket: Socket, nonce: string, body: HelloBody): void {
    const { token, engineVersion } = this.#options;
    socket.write(makeWelcome(token, nonce, { pid: process.pid, engineVersion }));
    this.#count(1);
    socket.once('close', () => this.#count(-1));
    if (body.role === 'control') this.#options.onControl(socket);
    else void this.#openSession(socket, body);
  }

  #count(change: number): void {
    this.#clients += change;
    this.#clientsChanged.fire(this.#clients);
  }

  async #openSession(socket: Socket, body: Extract<HelloBody, { role: 'bridge' }>): Promise<void> {
    const { registry, sessions: deps } = this.#options;
    // The socket stays paused meanwhile: what the bridge sends waits in the kernel.
    const known = await registry.whenKnown(body.server, CONFIGURATION_PATIENCE_MS);
    if (socket.destroyed || this.#closed) return;
    const runtime = known ?? registry.unconfigured(body.server);
    const port = new BridgePort(socket);
    const { session: id, resume, journalReliable } = body;
    const session = new Session(deps, { id, runtime, port, resume, journalReliable });
    this.#sessions.add(session);
    if (!deps.journal.reliable) session.tellJournalUnreliable();
    // The bridge has answered what it can be answered.
    const splitter = new LineSplitter(MAX_LINE_BYTES + AGAIN.length, (size, _head, tail) => {
      if (tail !== undefined) return;
      const text = `a message of the client was over the limit (${size} bytes) and was dropped`;
      deps.log('warn', text, body.server);
    });
    socket.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.#onLine(session, line);
    });
    socket.once('close', () => {
      this.#sessions.delete(session);
      void session.end(true);
    });
    socket.resume();
  }

  /** A session of a client that comes another way than over the socket; who started it ends it. */
  startSession(server: string, id: string, port: ClientPort): Session {
    const { registry, sessions: deps } = this.#options;
    const runtime = registry.find(server) ?? registry.unconfigured(server);
    return new Session(deps, { id, runtime, port, resume: undefined, journalReliable: true });
  }

  #onLine(session: Session, line: Uint8Array): void {
    if (line[0] !== AGAIN[0]) {
      session.onLine(line, false);
      return;
    }
    if (startsWith(line, AGAIN)) session.onLine(line.subarray(AGAIN.length), true);
    else if (startsWith(line, PING)) session.signOfLife();
    // `!bye` needs no answer: the end of the connection follows, and is what ends the session.
  }

  /** Takes no more clients, ends the sessions there are and stops their servers. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#server.close();
    // Before their sockets close, which would look as if the clients had left.
    const ended = [...this.#sessions].map((session) => session.end(false));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(ended);
    // One that its last client has just left.
    await Promise.all(this.#options.registry.servers.flatMap(({ shared }) => shared?.end() ?? []));
    if (process.platform !== 'win32') rmSync(this.#options.address, { force: true });
  }
}
