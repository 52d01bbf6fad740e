// An MCP server for fault runs that appends "<tool> <key> <pid>" to the file RECORD when it executes a tool, before it answers, so that executions
// can be counted from outside, whoever dies meanwhile. Over stdio; with `--http PORT` over HTTP (prints its URL).
// Tools: safe (read-only), idempotent, other (neither). Arguments: key; ms between execution and answer; never: no answer at all.
// Each start is recorded as "start -", each session over HTTP as "session -".
// MODE_FILE, read at start and at `initialize`: exit (at once, with a reason), silent (never answers initialize), port (ends when it cannot listen on PORT).
// Over HTTP one line of JSON on stdin replaces the orders, `{}` none; each is a chance from 0 to 1 for a call of a tool, drawn from SEED:
// reset, resetAfter (execution), cut (in the middle of the answer), lose (the session: 404), busy (429), down (503); of 429 and 503 retryAfter (s) is told.
// readyAfterMs: a session is told 400 until so long after `initialized`; such a request of another kind than ping is recorded as "early <method>".
// {"forget":true} loses all sessions once; {"report":true} prints how many there are.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { createInterface } from 'node:readline';

const { env } = process;
const record = env.RECORD ? openSync(env.RECORD, 'a') : undefined;
const note = (line) => record !== undefined && writeSync(record, `${line} ${process.pid}\n`);
const inputSchema = { type: 'object', properties: { key: { type: 'string' }, ms: { type: 'number' } } };
const tools = [
  { name: 'safe', annotations: { readOnlyHint: true } },
  { name: 'idempotent', annotations: { readOnlyHint: false, idempotentHint: true } },
  { name: 'other' },
].map((tool) => ({ description: tool.name, inputSchema, ...tool }));

function mode() {
  try {
    return readFileSync(env.MODE_FILE, 'utf8').trim();
  } catch {
    return 'well';
  }
}

function resultOf(method, params = {}) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion ?? '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'counting', version: '1.0.0' },
      };
    case 'tools/list':
      return { tools };
    case 'tools/call':
      note(`${params.name} ${params.arguments?.key}`);
      return { content: [{ type: 'text', text: String(params.arguments?.key) }] };
    default:
      return {};
  }
}

function serveStdio() {
  const timers = new Map();
  const send = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method === 'notifications/cancelled') {
        clearTimeout(timers.get(params?.requestId));
        timers.delete(params?.requestId);
      }
      if (id === undefined || method === undefined) return;
      if (method === 'initialize' && mode() === 'silent') return;
      const result = resultOf(method, params);
      const { ms = 0, never = false } = params?.arguments ?? {};
      if (never) return;
      if (ms === 0) send(id, result);
      else
        timers.set(
          id,
          setTimeout(() => {
            timers.delete(id);
            send(id, result);
          }, ms),
        );
    })
    .on('close', () => process.exit(0));
}

/** mulberry32, as src/shared/base/random.ts */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function serveHttp(port) {
  const random = seeded(Number(env.SEED ?? 1));
  const sessions = new Map();
  let orders = {};
  let lastSession = 0;
  const happens = (what) => orders[what] > 0 && random() < orders[what];

  function refuse(request, response, status) {
    const headers = orders.retryAfter === undefined ? {} : { 'retry-after': String(orders.retryAfter) };
    request.resume();
    response.writeHead(status, status === 429 || status === 503 ? headers : {}).end();
  }

  function respond(response, id, result) {
    const body = JSON.stringify({ jsonrpc: '2.0', id, result });
    if (happens('cut')) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      response.write(body.slice(0, body.length / 2), () => response.destroy());
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  }

  function onMessage(request, response, { id, method, params }) {
    if (method === 'initialize') {
      if (mode() === 'silent') return;
      lastSession += 1;
      const session = `${process.pid}-${lastSession}`;
      note('session -');
      sessions.set(session, { readyAt: Number.POSITIVE_INFINITY });
      response.setHeader('mcp-session-id', session);
      respond(response, id, resultOf(method, params));
      return;
    }
    const name = request.headers['mcp-session-id'];
    const isCall = method === 'tools/call';
    if (isCall && happens('lose')) sessions.delete(name);
    const session = sessions.get(name);
    if (session === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (request.method === 'DELETE') {
      sessions.delete(name);
      response.writeHead(204).end();
      return;
    }
    if (method === 'notifications/initialized') session.readyAt = Date.now() + (orders.readyAfterMs ?? 0);
    else if (Date.now() < session.readyAt) {
      if (method !== 'ping') note(`early ${method}`);
      response.writeHead(400).end();
      return;
    }
    if (request.method === 'GET') {
      response.writeHead(405).end();
      return;
    }
    if (id === undefined || method === undefined) {
      response.writeHead(202).end();
      return;
    }
    if (isCall && happens('busy')) return refuse(request, response, 429);
    if (isCall && happens('down')) return refuse(request, response, 503);
    if (isCall && happens('reset')) return request.socket.resetAndDestroy();
    const result = resultOf(method, params);
    if (isCall && happens('resetAfter')) return request.socket.resetAndDestroy();
    const { ms = 0, never = false } = params?.arguments ?? {};
    if (!never) setTimeout(() => respond(response, id, result), ms);
  }

  const server = createServer((request, response) => {
    let raw = '';
    request
      .setEncoding('utf8')
      .on('data', (text) => (raw += text))
      .on('error', () => {})
      .on('end', () => onMessage(request, response, raw === '' ? {} : JSON.parse(raw)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { forget = false, report = false, ...rest } = JSON.parse(line);
      if (forget) sessions.clear();
      else if (report) console.log(sessions.size);
      else orders = rest;
    })
    .on('close', () => {
      if (record !== undefined) closeSync(record);
      process.exit(0);
    });
}

note('start -');
if (mode() === 'exit') {
  process.stderr.write('Error: the configuration is broken\n');
  process.exit(3);
}
const httpAt = process.argv.indexOf('--http');
if (httpAt > 0) serveHttp(Number(process.argv[httpAt + 1] ?? 0));
else if (mode() === 'port') {
  createTcpServer()
    .on('error', ({ message }) => {
      process.stderr.write(`Error: ${message}\n`);
      process.exit(1);
    })
    .listen(Number(env.PORT), '127.0.0.1', serveStdio);
} else serveStdio();
