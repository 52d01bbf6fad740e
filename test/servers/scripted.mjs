// A small MCP server for tests, without any library, so that it can be as good or as bad as a test needs.
// Tools: echo, pid, record (not idempotent), recordOnce (idempotent), readRecord (read-only); all of them append the
// line "<tool> <key> <pid>" to the file RECORD before they answer, so that executions can be counted from outside.
// Environment: RECORD file; IGNORE_SIGTERM=1; IGNORE_END=1; EXIT_AT_START=code; EXIT_IF=file that exists; HANG_IF=file that exists (initialize is not answered); INIT_DELAY ms; INIT_RESULT json; NAME; STDERR text at start; ASK_ROOTS=1 asks for the roots when initialized; STARTS file that gets the pid of each start; LINES file that gets every line as it came.
import { appendFileSync, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { env } = process;
if (env.STARTS) appendFileSync(env.STARTS, `${process.pid}\n`);
if (env.STDERR) process.stderr.write(`${env.STDERR}\n`);
if (env.EXIT_IF && existsSync(env.EXIT_IF)) process.exit(4);
if (env.EXIT_AT_START) process.exit(Number(env.EXIT_AT_START));
if (env.IGNORE_SIGTERM) process.on('SIGTERM', () => {});
if (env.IGNORE_END) setTimeout(() => {}, 2_147_483_647);

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });
const timers = new Map();
const waiting = new Map();
let asked = 0;

const schema = {
  type: 'object',
  properties: { key: { type: 'string' }, ms: { type: 'number' }, size: { type: 'number' } },
};
const tools = [
  { name: 'echo', annotations: { readOnlyHint: true } },
  { name: 'pid', annotations: { readOnlyHint: true } },
  { name: 'cwd', annotations: { readOnlyHint: true } },
  { name: 'record' },
  { name: 'recordOnce', annotations: { idempotentHint: true } },
  { name: 'readRecord', annotations: { readOnlyHint: true } },
  { name: 'ask' },
  { name: 'die' },
  { name: 'garbage', annotations: { readOnlyHint: true } },
].map((tool) => ({ description: tool.name, inputSchema: schema, ...tool }));

/** Answers after `ms`; a cancelled call is not answered. */
function later(id, ms, result) {
  const key = JSON.stringify(id);
  timers.set(
    key,
    setTimeout(() => {
      timers.delete(key);
      send({ id, result });
    }, ms),
  );
}

function reportEvery(everyMs, forMs, progressToken) {
  for (let at = everyMs; at < forMs; at += everyMs) {
    setTimeout(() => send({ method: 'notifications/progress', params: { progressToken, progress: at } }), at);
  }
}

function call(id, { name, arguments: args = {}, _meta: meta }) {
  const { key = '', ms = 0, size = 0, progressEvery } = args;
  switch (name) {
    case 'echo':
      return later(id, ms, text(key));
    case 'pid':
      return later(id, ms, text(process.pid));
    case 'cwd':
      return later(id, ms, text(process.cwd()));
    case 'record':
    case 'recordOnce':
    case 'readRecord':
      if (env.RECORD) appendFileSync(env.RECORD, `${name} ${key} ${process.pid}\n`);
      if (meta?.progressToken !== undefined) {
        const params = { progressToken: meta.progressToken, progress: 1, total: 2 };
        send({ method: 'notifications/progress', params });
      }
      if (progressEvery) reportEvery(progressEvery, ms, meta?.progressToken);
      return later(id, ms, text(`${name} ${key}${'x'.repeat(size)}`));
    case 'ask':
      asked += 1;
      waiting.set(`q${asked}`, id);
      return send({ id: `q${asked}`, method: 'roots/list', params: {} });
    case 'die':
      process.exit(7);
      return undefined;
    case 'garbage':
      process.stdout.write('not json at all\n{"half":\n');
      return later(id, ms, text(key));
    default:
      return send({ id, error: { code: -32602, message: `Unknown tool: ${name}` } });
  }
}

function onRequest({ id, method, params = {} }) {
  switch (method) {
    case 'initialize':
      if (env.HANG_IF && existsSync(env.HANG_IF)) return undefined;
      if (env.INIT_RESULT) return send({ id, result: JSON.parse(env.INIT_RESULT) });
      return later(id, Number(env.INIT_DELAY ?? 0), {
        protocolVersion: params.protocolVersion ?? '2025-06-18',
        capabilities: { tools: { listChanged: true }, logging: {} },
        serverInfo: { name: env.NAME ?? 'scripted', version: '1.0.0' },
      });
    case 'ping':
      return send({ id, result: {} });
    case 'tools/list':
      return send({ id, result: { tools } });
    case 'tools/call':
      return call(id, params);
    case 'logging/setLevel':
      return send({ id, result: {} });
    default:
      return send({ id, error: { code: -32601, message: `Method not found: ${method}` } });
  }
}

function onMessage(message) {
  if (message.method !== undefined && message.id !== undefined) onRequest(message);
  else if (message.method === 'notifications/initialized' && env.ASK_ROOTS)
    send({ id: 'roots', method: 'roots/list' });
  else if (message.method === 'notifications/cancelled') {
    const key = JSON.stringify(message.params?.requestId);
    clearTimeout(timers.get(key));
    timers.delete(key);
    if (env.RECORD) appendFileSync(env.RECORD, `cancelled ${key} ${process.pid}\n`);
  } else if (message.id !== undefined && waiting.has(message.id)) {
    send({ id: waiting.get(message.id), result: text(JSON.stringify(message.result ?? message.error)) });
    waiting.delete(message.id);
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (env.LINES) appendFileSync(env.LINES, `${line}\n`);
  onMessage(JSON.parse(line));
});
