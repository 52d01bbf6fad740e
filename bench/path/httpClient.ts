import { Client as Connection, Pool, type Dispatcher } from 'undici';
import { Answers, idOf } from '../answers.ts';
import { checkAnswer, nextCall, type Client } from './client.ts';

/** Clients over HTTP that cost as little as possible, on the cheapest interface that undici has. */

const PROTOCOL = '2025-06-18';
const clientInfo = { name: 'bench', version: '1.0.0' };
const initializeParams = { protocolVersion: PROTOCOL, capabilities: {}, clientInfo };

export interface HttpClientOptions {
  readonly token?: string | undefined;
  readonly tool?: string;
  /** Connections at most; default 100. */
  readonly connections?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The message with the id that was asked for; empty when there is none. */
  readonly text: string;
}

/** An answer that is one JSON body, or an event of a stream. Settles with the event, as clients do, before the stream ends. */
class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #id: number;
  #status = 0;
  #headers: Answer['headers'] = {};
  #isStream = false;
  #text = '';

  constructor(id: number, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#id = id;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {
    // Nothing has to be known of it.
  }

  onResponseStart(_: unknown, status: number, headers: Answer['headers']): void {
    this.#status = status;
    this.#headers = headers;
    this.#isStream = String(headers['content-type']).startsWith('text/event-stream');
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    // The end of an event, which may itself be cut in two.
    if (this.#isStream && (chunk.includes('\n\n') || chunk.at(-1) === 10)) this.#readEvents();
  }

  #readEvents(): void {
    const events = this.#text.split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) {
      const from = event.startsWith('data: ') ? 0 : event.indexOf('\ndata: ') + 1;
      const data = event.startsWith('data: ', from) ? event.slice(from + 6) : '';
      if (idOf(data) === this.#id) this.#settle(data);
    }
  }

  #settle(text: string): void {
    this.#resolve({ status: this.#status, headers: this.#headers, text });
  }

  onResponseEnd(): void {
    if (this.#isStream) this.#readEvents();
    this.#settle(this.#isStream ? '' : this.#text);
  }

  onResponseError(_: unknown, error: Error): void {
    this.#reject(error);
  }
}

/** One session over Streamable HTTP. */
export class HttpClient implements Client {
  readonly #dispatcher: Dispatcher;
  readonly #path: string;
  readonly #tool: string;
  readonly #headers: Record<string, string>;
  #lastId = 0;

  constructor(url: string, { token, tool = 'read', connections = 100 }: HttpClientOptions = {}) {
    const { origin, pathname } = new URL(url);
    this.#dispatcher = connections === 1 ? new Connection(origin) : new Pool(origin, { connections });
    this.#path = pathname;
    this.#tool = tool;
    this.#headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  #post(id: number, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#dispatcher.dispatch(
        { path: this.#path, method: 'POST', headers: this.#headers, body },
        new AnswerReader(id, resolve, reject),
      );
    });
  }

  async #request(method: string, params: unknown): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = await this.#post(id, JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    if (answer.status !== 200 || idOf(answer.text) !== id)
      throw new Error(`${method}: status ${answer.status}, ${answer.text.slice(0, 300)}`);
    return answer;
  }

  async initialize(): Promise<this> {
    const answer = await this.#request('initialize', initializeParams);
    const session = answer.headers['mcp-session-id'];
    if (typeof session === 'string') this.#headers['mcp-session-id'] = session;
    this.#headers['mcp-protocol-version'] = PROTOCOL;
    await this.#post(0, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
    await this.#request('tools/list', {});
    return this;
  }

  async call(size: number): Promise<void> {
    const { key, params } = nextCall(this.#tool, size);
    const { text } = await this.#request('tools/call', params);
    checkAnswer(text, key, size);
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }
}

/** One session over the older transport: everything is answered on one event stream. */
export class SseClient implements Client {
  readonly #dispatcher: Dispatcher;
  readonly #tool: string;
  readonly #answers = new Answers();
  #path = '';
  #lastId = 0;

  constructor(origin: string, tool: string) {
    this.#dispatcher = new Pool(origin, { connections: 101, bodyTimeout: 0 });
    this.#tool = tool;
  }

  /** Opens the stream; resolves when it has told where to send. */
  open(path: string): Promise<this> {
    return new Promise((resolve, reject) => {
      let isOpen = false;
      this.#dispatcher.dispatch(
        { path, method: 'GET', headers: { accept: 'text/event-stream' } },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_, status) => {
            if (status !== 200) reject(new Error(`GET ${path}: status ${status}`));
          },
          onResponseData: (_, chunk) => {
            const text = chunk.toString('latin1');
            const endpoint = isOpen ? undefined : /^event: endpoint\r?\ndata: (\S+)/m.exec(text)?.[1];
            if (endpoint !== undefined) {
              isOpen = true;
              this.#path = endpoint;
              resolve(this);
            } else this.#answers.onChunk(text);
          },
          onResponseEnd: () => reject(new Error('the stream has ended')),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
  }

  #post(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let accepted = 0;
      this.#dispatcher.dispatch(
        { path: this.#path, method: 'POST', headers: { 'content-type': 'application/json' }, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_, status) => (accepted = status),
          onResponseData: () => undefined,
          onResponseEnd: () =>
            accepted === 202 ? resolve() : reject(new Error(`POST ${this.#path}: status ${accepted}`)),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
  }

  async #request(method: string, params: unknown): Promise<string> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = this.#answers.of(id);
    const posted = this.#post(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    // The answer counts, whether it comes before or after the word that the request was taken.
    return Promise.race([answer, posted.then(() => answer)]);
  }

  async initialize(): Promise<this> {
    await this.#request('initialize', initializeParams);
    await this.#post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    await this.#request('tools/list', {});
    return this;
  }

  async call(size: number): Promise<void> {
    const { key, params } = nextCall(this.#tool, size);
    checkAnswer(await this.#request('tools/call', params), key, size);
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }
}
