import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../shared/base/clock.ts';
import type { Disposable } from '../shared/base/disposable.ts';
import { errorAnswer, layerAnswer } from '../shared/protocol/answers.ts';
import { idAtEnd } from '../shared/protocol/idAtEnd.ts';
import { LineBatch, writePieces } from '../shared/protocol/lineBatch.ts';
import { LineSplitter } from '../shared/protocol/lineSplitter.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  scanMembers,
  textOf,
  type Frame,
} from '../shared/protocol/frameScanner.ts';
import { connectToEngine } from '../endpoint/connect.ts';
import type { EndpointInfo } from '../endpoint/endpointFile.ts';
import { ClientSession, splitBatch, type UnansweredRequest } from './clientSession.ts';
import { noEngineLogMessage, ownAnswer, type RememberedCatalogue } from './ownAnswers.ts';

export interface BridgeOptions {
  readonly server: string;
  /** Same for the bridge's whole life. */
  readonly session: string;
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  readonly findEngine: () => EndpointInfo | undefined;
  readonly catalogue: () => RememberedCatalogue;
  /** For the editor's log; one line each. */
  readonly log: (text: string) => void;
  readonly onEnd: () => void;
  /** How long a missing engine is waited for before the bridge answers by itself. Default 10,000 ms. */
  readonly patienceMs?: number;
  /** Longest message, and most bytes kept for unanswered requests. Default 64 MiB each. */
  readonly maxBytes?: number;
}

const DEFAULT_PATIENCE_MS = 10_000;
const DEFAULT_MAX_BYTES = 67_108_864;
/** A silent engine is asked for a sign of life after this, and given up after as long again. */
const SILENCE_MS = 10_000;
/** An engine that takes this much too slowly makes the client wait. */
const INPUT_PRESSURE_BYTES = 33_554_432;
const MAX_SERVER_REQUESTS = 1_000;
const COMING_PATIENCE_MS = 2_000;
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A missing engine is looked for often at first, because a killed one is back within half a second. */
const SEARCH_FAST_MS = 25;
const SEARCH_SLOW_MS = 250;
const SEARCH_FAST_FOR_MS = 15_000;
/** Time for the farewell to reach the engine. VS Code waits 10 s for a bridge to end; this is far less. */
const FAREWELL_MS = 50;
/** JSON-RPC 2.0 §5.1. */
const PARSE_ERROR = -32_700;
const BANG = 0x21;
const LINE_FEED = new Uint8Array([0x0a]);
/** Chunks from this size on hasten the collection of those before. */
const HEAVY_CHUNK_BYTES = 16_384;

type Link =
  | { readonly kind: 'absent'; readonly since: number }
  | { readonly kind: 'connected'; readonly socket: Socket };

/**
 * Holds the client's side of a session open, whatever happens to the engine: forwards whole lines, and after a
 * reconnect presents every request that has no answer. The engine alone decides what becomes of them
 * (design §1, bridge contract).
 */
export class Bridge {
  readonly #options: BridgeOptions;
  readonly #client: ClientSession;
  readonly #fromClient: LineSplitter;
  #fromEngine: LineSplitter;
  #link: Link;
  #search: Disposable | undefined;
  #patience: Disposable | undefined;
  /** No engine came in time: answered by itself until one comes. */
  #alone = false;
  #isEngineComing = false;
  #watch: Disposable | undefined;
  /** Something came from the engine since the watch was set. */
  #heard = false;
  #journalReliable = true;
  #ended = false;
  /** Ids (canonical JSON text) of the server's requests that the client has not answered. */
  readonly #serverRequests = new Set<string>();

  constructor(options: BridgeOptions) {
    this.#options = options;
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#client = new ClientSession(maxBytes);
    this.#fromClient = new LineSplitter(maxBytes, (size, head, tail) =>
      this.#refuseTooLong(size, head, tail),
    );
    this.#fromEngine = this.#newEngineSplitter();
    this.#link = { kind: 'absent', since: options.clock.now() };
  }

  start(): void {
    const { input, output } = this.#options;
    input.on('data', (chunk: Buffer) => this.#onClientData(chunk));
    input.once('end', () => this.end());
    input.once('error', () => this.end());
    // The client closed its reading end: nobody is left to answer.
    output.once('error', () => this.end());
    output.on('drain', () => {
      if (this.#link.kind === 'connected') this.#link.socket.resume();
    });
    this.#waitForEngine();
  }

  /** Says goodbye to the engine and ends; within 100 ms. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#search?.dispose();
    this.#patience?.dispose();
    this.#watch?.dispose();
    if (this.#link.kind === 'absent') {
      this.#options.onEnd();
      return;
    }
    const timer = this.#options.clock.setTimer(FAREWELL_MS, this.#options.onEnd);
    this.#link.socket.end('!bye\n', () => {
      timer.dispose();
      this.#options.onEnd();
    });
  }

  /** What is not JSON is answered, as JSON-RPC 2.0 §5.1 says, so that nobody waits for it. */
  #refuseInvalid(frame: Frame): void {
    const { server, log } = this.#options;
    log('a line of the client is not JSON, or nested too deep, and was dropped');
    const id = frame.kind === 'invalid' ? (frame.requestId ?? 'null') : 'null';
    const text = `The message for the MCP server "${server}" is not JSON that can be passed on; nothing was carried out.`;
    this.#toClient(`${errorAnswer(id, { text, code: 'protocolGarbage', server }, PARSE_ERROR)}\n`);
  }

  /** A request that is too large to pass on is answered when its start tells its id, or its end. */
  #refuseTooLong(sizeBytes: number, head: Uint8Array, tail?: Uint8Array): void {
    const { server, log } = this.#options;
    const members = new Map<string, string>();
    scanMembers(head, { start: 0, end: head.length }, (key, value) => {
      // What ends with the head may go on behind it.
      if (value.end < head.length) members.set(key, textOf(head, value));
    });
    const method = members.get('method');
    let id = members.get('id');
    if (tail === undefined)
      log(`a message of the client was over the limit (${sizeBytes} bytes) and was dropped`);
    else if (id === undefined) id = idAtEnd(tail);
    else return; // answered when it crossed the limit
    if (id === undefined || !/^[-\d"]/.test(id) || method === undefined) return;
    const text = `A message for the MCP server "${server}" was over the limit of ${this.#options.maxBytes ?? DEFAULT_MAX_BYTES} bytes and was not passed on; the call was not carried out.`;
    this.#toClient(`${layerAnswer(method.slice(1, -1), id, { text, code: 'overloaded', server })}\n`);
  }

  #newEngineSplitter(): LineSplitter {
    // The engine bounds what it forwards; this limit only guards against a stranger.
    return new LineSplitter((this.#options.maxBytes ?? DEFAULT_MAX_BYTES) * 2, (_size, _head, tail) => {
      if (tail === undefined) this.#onEngineLost();
    });
  }

  #onClientData(chunk: Buffer): void {
    hastenCollection(chunk);
    const startedWhole = this.#fromClient.isAtLineStart();
    const lines = this.#fromClient.push(chunk);
    const connected = this.#link.kind === 'connected';
    let unchanged = startedWhole && this.#fromClient.isAtLineStart();
    const forward = new LineBatch();
    const take = (line: Uint8Array, frame: Frame): void => {
      if (line[0] === BANG || frame.kind === 'batch' || frame.kind === 'invalid') {
        unchanged = false;
        this.#refuseInvalid(frame);
        return;
      }
      this.#client.noteFromClient(line, frame, connected);
      if (frame.kind === 'response') this.#serverRequests.delete(frame.id);
      forward.add(line);
    };
    for (const line of lines) {
      const frame = scanFrame(line);
      if (frame.kind === 'batch') {
        unchanged = false;
        for (const item of splitBatch(line)) take(item, scanFrame(item));
      } else take(line, frame);
    }
    if (forward.isEmpty) return;
    if (this.#link.kind === 'connected') {
      const { socket } = this.#link;
      // The common case by far: whole lines, passed on as they came, in one write.
      writePieces(socket, unchanged ? [chunk] : forward.take());
      // Only far beyond what is usual: the end of a paused input is not noticed.
      if (socket.writableLength > INPUT_PRESSURE_BYTES && !this.#ended) {
        this.#options.input.pause();
        socket.once('drain', () => this.#options.input.resume());
      }
    } else if (this.#alone) this.#answerUnlessEngineComes();
    // Otherwise the requests are remembered and handed over when the engine comes. Notifications that fall into
    // the gap concern calls or roots of a server process that is gone with the engine.
  }

  #waitForEngine(): void {
    this.#patience = this.#options.clock.setTimer(this.#options.patienceMs ?? DEFAULT_PATIENCE_MS, () => {
      this.#alone = true;
      this.#options.log(`no engine for the server "${this.#options.server}" yet`);
      this.#answerAlone();
    });
    this.#lookForEngine();
  }

  #lookForEngine(): void {
    if (this.#ended || this.#link.kind !== 'absent') return;
    const endpoint = this.#options.findEngine();
    if (endpoint === undefined) {
      this.#lookAgain();
      return;
    }
    const { clock, server, session } = this.#options;
    const { resume } = this.#client;
    const hello = {
      role: 'bridge' as const,
      server,
      session,
      resume,
      journalReliable: this.#journalReliable,
    };
    connectToEngine(endpoint, hello, { clock, timeoutMs: HANDSHAKE_TIMEOUT_MS }).then(
      ({ socket }) => {
        if (JSON.stringify(resume) === JSON.stringify(this.#client.resume)) this.#onConnected(socket);
        else {
          // Meanwhile the session has gone on (answered by ourselves, perhaps), and this engine was told an older one.
          socket.destroy();
          this.#lookAgain();
        }
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason.startsWith('refused')) this.#options.log(reason);
        this.#lookAgain();
      },
    );
  }

  #lookAgain(): void {
    if (this.#ended || this.#link.kind !== 'absent') return;
    const absentMs = this.#options.clock.now() - this.#link.since;
    const delayMs = absentMs < SEARCH_FAST_FOR_MS ? SEARCH_FAST_MS : SEARCH_SLOW_MS;
    this.#search = this.#options.clock.setTimer(delayMs, () => this.#lookForEngine());
  }

  #onConnected(socket: Socket): void {
    if (this.#ended) {
      socket.destroy();
      return;
    }
    this.#patience?.dispose();
    this.#alone = false;
    this.#isEngineComing = false;
    this.#link = { kind: 'connected', socket };
    this.#fromEngine = this.#newEngineSplitter();
    socket.on('error', () => undefined); // always followed by close
    socket.once('close', () => this.#onEngineLost(socket));
    socket.on('data', (chunk: Buffer) => this.#onEngineData(socket, chunk));
    this.#present(socket);
    socket.resume();
    this.#watchEngine(socket, false);
  }

  /**
   * An engine that hangs keeps its socket open. When a request is open and nothing has been heard for a while, it is asked for a sign
   * of life; without one it is lost, and what follows is as if it had been killed.
   */
  #watchEngine(socket: Socket, wasAsked: boolean): void {
    this.#heard = false;
    this.#watch = this.#options.clock.setTimer(SILENCE_MS, () => {
      // A paused socket says nothing because our own client does not read.
      const isSilent = !this.#heard && !socket.isPaused() && this.#client.unanswered.length > 0;
      if (isSilent && wasAsked) {
        this.#options.log('the engine does not answer and is given up');
        this.#onEngineLost(socket);
        return;
      }
      if (isSilent) socket.write('!ping\n');
      this.#watchEngine(socket, isSilent);
    });
  }

  /** Hands every unanswered request over; one that an engine had before is marked, so that this one decides. */
  #present(socket: Socket): void {
    socket.cork();
    // A client may say so before its initialize is answered; then no resume record has told the engine.
    const sayInitialized = this.#client.resume === undefined && this.#client.isInitialized;
    for (const request of this.#client.unanswered) {
      if (request.line === undefined) {
        this.#answerUnkept(request);
        continue;
      }
      if (request.handedOver) socket.write('!again ');
      request.handedOver = true;
      socket.write(request.line);
      socket.write(LINE_FEED);
    }
    if (sayInitialized) socket.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    socket.uncork();
  }

  #answerUnkept(request: UnansweredRequest): void {
    const { server } = this.#options;
    const text = request.handedOver
      ? `The engine stopped while this large call to "${server}" was under way, so its outcome is unknown. Verify before retrying.`
      : `Too much is waiting for the server "${server}"; this call was not carried out.`;
    const code = request.handedOver ? 'outcomeUnknown' : 'overloaded';
    this.#answer(request, layerAnswer(request.method, request.id, { text, code, server }));
  }

  #onEngineLost(socket?: Socket): void {
    if (this.#link.kind !== 'connected' || (socket !== undefined && this.#link.socket !== socket)) return;
    this.#watch?.dispose();
    this.#link.socket.destroy();
    if (this.#ended) return;
    this.#options.input.resume();
    this.#cancelServerRequests();
    this.#link = { kind: 'absent', since: this.#options.clock.now() };
    this.#waitForEngine();
  }

  /** Nobody waits for these answers any more; the client must not go on asking a person or a model. */
  #cancelServerRequests(): void {
    for (const id of this.#serverRequests) {
      const params = `{"requestId":${id},"reason":"The MCP Lifeline engine was restarted"}`;
      this.#toClient(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}\n`);
    }
    this.#serverRequests.clear();
  }

  #noteFromEngine(line: Uint8Array, frame: Frame): void {
    if (frame.kind === 'request') {
      if (this.#serverRequests.size < MAX_SERVER_REQUESTS) this.#serverRequests.add(frame.id);
    } else if (
      frame.kind === 'notification' &&
      frame.method === 'notifications/cancelled' &&
      frame.params !== undefined
    ) {
      const id = memberRange(line, frame.params, 'requestId');
      if (id !== undefined) this.#serverRequests.delete(canonicalId(textOf(line, id)));
    }
  }

  #onEngineData(socket: Socket, chunk: Buffer): void {
    if (this.#link.kind !== 'connected' || this.#link.socket !== socket) return;
    this.#heard = true;
    hastenCollection(chunk);
    const startedWhole = this.#fromEngine.isAtLineStart();
    const lines = this.#fromEngine.push(chunk);
    let unchanged = startedWhole && this.#fromEngine.isAtLineStart();
    const forward = new LineBatch();
    for (const line of lines) {
      if (line[0] === BANG) {
        unchanged = false;
        this.#onControl(Buffer.from(line).toString('utf8'));
        continue;
      }
      const frame = scanFrame(line);
      // Answered already, or cancelled: nobody answers twice.
      if (frame.kind === 'response' && !this.#client.noteAnswer(line, frame.id)) unchanged = false;
      else forward.add(line);
      this.#noteFromEngine(line, frame);
    }
    // A long line is passed on as it was put together, without another copy.
    if (!forward.isEmpty) this.#passOn(unchanged ? [chunk] : forward.take());
  }

  #onControl(line: string): void {
    if (line === '!journal unreliable') this.#journalReliable = false;
    else if (line === '!journal reliable') this.#journalReliable = true;
  }

  #toClient(text: string): void {
    this.#passOn([Buffer.from(text)]);
  }

  #passOn(pieces: readonly Uint8Array[]): void {
    if (writePieces(this.#options.output, pieces) || this.#link.kind !== 'connected') return;
    this.#link.socket.pause();
  }

  /** An engine that has just come up is given the moment that connecting takes. */
  #answerUnlessEngineComes(): void {
    if (this.#options.findEngine() === undefined) {
      this.#answerAlone();
      return;
    }
    // Not put off by further messages: a busy client would never be answered.
    if (this.#isEngineComing) return;
    this.#isEngineComing = true;
    this.#patience = this.#options.clock.setTimer(COMING_PATIENCE_MS, () => {
      this.#isEngineComing = false;
      this.#answerAlone();
    });
  }

  #answerAlone(): void {
    const { server, catalogue } = this.#options;
    let tell = false;
    for (const request of this.#client.unanswered) {
      tell ||= request.method === 'initialize' || request.method === 'tools/call';
      const { protocolVersion } = this.#client;
      this.#answer(request, ownAnswer(request, { server, catalogue, protocolVersion }));
    }
    if (tell) this.#toClient(`${noEngineLogMessage(server)}\n`);
  }

  #answer(request: UnansweredRequest, text: string): void {
    if (this.#client.noteAnswer(new TextEncoder().encode(text), request.id)) this.#toClient(`${text}\n`);
  }
}

/**
 * V8 collects when what it counts has grown, and a chunk counts next to nothing: 64 MB of them lie around until then. With each some kilobytes are made that
 * do count, and dropped, so that it collects every 4 MB. Takes about a microsecond.
 */
function hastenCollection({ length }: Buffer): void {
  // Held until the next one, so that the optimising compiler cannot leave its making out.
  if (length >= HEAVY_CHUNK_BYTES) ballast.last = new Array<undefined>(Math.floor(length / 32));
}
const ballast: { last: readonly unknown[] } = { last: [] };
