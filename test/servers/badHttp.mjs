// An MCP server over HTTP for tests that is as bad as the file MODE_FILE says, read at each request. Prints its URL when it listens.
// Tools: echo (read-only), record (appends "record <key> <pid>" to the file RECORD; not idempotent). Argument: the port, else any.
// Modes: well; a status, optionally with Retry-After in seconds (503:2); html; redirect (to another origin); drip (a byte a second); reset (in the
// middle of the body); endlessEvents (a stream of notifications, as fast as it is read, without the answer); endlessJson (a body without end, as
// fast as it is read); silent (accepts and never answers). "calls " before a mode: for calls of tools only.
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { clearInterval, setImmediate, setInterval } from 'node:timers';

const { env } = process;
const SESSION = 'session-1';

function modeFor(method) {
  let mode;
  try {
    mode = readFileSync(env.MODE_FILE, 'utf8').trim();
  } catch {
    return 'well';
  }
  if (!mode.startsWith('calls ')) return mode;
  return method === 'tools/call' ? mode.slice('calls '.length) : 'well';
}

function resultOf({ method, params = {} }) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'badHttp', version: '1' },
      };
    case 'tools/list': {
      const inputSchema = { type: 'object' };
      return {
        tools: [
          { name: 'echo', inputSchema, annotations: { readOnlyHint: true } },
          { name: 'record', inputSchema },
        ],
      };
    }
    case 'tools/call': {
      const { key = '' } = params.arguments ?? {};
      if (params.name === 'record' && env.RECORD)
        appendFileSync(env.RECORD, `record ${key} ${process.pid}\n`);
      return { content: [{ type: 'text', text: key }] };
    }
    default:
      return {};
  }
}

/** Writes for ever, as fast as it is read. */
function writeForEver(response, head, piece) {
  response.write(head);
  const block = piece.repeat(Math.ceil(65_536 / piece.length));
  const go = () => {
    while (!response.destroyed && response.write(block));
    if (!response.destroyed) response.once('drain', () => setImmediate(go));
  };
  go();
}

function misbehave(mode, response, message) {
  // Only where the server answers at all has it carried the request out.
  const carryOut = () => JSON.stringify({ jsonrpc: '2.0', id: message.id, result: resultOf(message) });
  const json = { 'content-type': 'application/json' };
  switch (mode) {
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' });
      return response.end('<!doctype html><title>Sign in</title><h1>Please sign in</h1>');
    case 'redirect':
      return response.writeHead(307, { location: 'http://localhost:9/elsewhere' }).end();
    case 'drip': {
      const body = carryOut();
      response.writeHead(200, { ...json, 'content-length': body.length });
      let at = 0;
      const timer = setInterval(() => response.write(body[at++] ?? ''), 1_000);
      return response.on('close', () => clearInterval(timer));
    }
    case 'reset': {
      const body = carryOut();
      response.writeHead(200, { ...json, 'content-length': body.length });
      return response.write(body.slice(0, 10), () => response.destroy());
    }
    case 'endlessEvents':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return writeForEver(
        response,
        ':\n\n',
        `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n`,
      );
    case 'endlessJson':
      response.writeHead(200, json);
      return writeForEver(
        response,
        `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"a":"`,
        'x',
      );
    case 'silent':
      return undefined;
    default: {
      const [status, retryAfter] = mode.split(':');
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
      response.writeHead(Number(status), { 'content-type': 'text/plain', ...headers });
      return response.end(`test status ${status}`);
    }
  }
}

function answer(response, message) {
  const mode = modeFor(message.method);
  if (mode !== 'well') return misbehave(mode, response, message);
  if (message.id === undefined || message.method === undefined) return response.writeHead(202).end();
  const session = message.method === 'initialize' ? { 'mcp-session-id': SESSION } : {};
  response.writeHead(200, { 'content-type': 'application/json', ...session });
  return response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: resultOf(message) }));
}

// Whoever started it may be killed; it must not stay.
process.stdin.on('end', () => process.exit(0)).resume();
const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    request.resume();
    response.writeHead(405).end();
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
  request.on('end', () => answer(response, JSON.parse(body)));
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/mcp`);
});
