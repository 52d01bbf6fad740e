// A small MCP server for tests that does what no server should, without any library.
// Tools: echo (read-only), pid (read-only), record (not idempotent, or read-only: see VERSION_2_IF), toString, ask, flood, raw, progress, listed;
// all append "<tool> <key> <pid>" to the file RECORD, and each answer of the client to a request "ANSWER <json>".
// Environment: RECORD file; INIT_DELAY ms; PING_DELAY ms; LISTS=nested|announced (endlessly deep, or each with a list_changed);
// ASK_FIRST=1 (asks for roots as soon as it may); DIE_AT_PROMPTS_IF file that exists; VERSION_2_IF file that exists: an update after which
// "record" is no longer read-only, and which takes longer to start.
import { appendFileSync, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { clearInterval, setInterval } from 'node:timers';

const { env } = process;
const isUpdated = env.VERSION_2_IF !== undefined && existsSync(env.VERSION_2_IF);
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const sendRaw = (id, result) =>
  process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}\n`);
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });
const note = (line) => env.RECORD && appendFileSync(env.RECORD, `${line}\n`);
const tool = (name, annotations) => ({
  name,
  description: name,
  inputSchema: { type: 'object' },
  annotations,
});
const tools = [
  tool('echo', { readOnlyHint: true }),
  tool('pid', { readOnlyHint: true }),
  tool('record', { readOnlyHint: env.VERSION_2_IF !== undefined && !isUpdated }),
  tool('toString', { readOnlyHint: true }),
  tool('ask'),
  tool('flood'),
  tool('raw', { readOnlyHint: true }),
  tool('progress', { readOnlyHint: true }),
  tool('listed', { readOnlyHint: true }),
];
let asked = 0;
let listed = 0;

function ask(method, params) {
  asked += 1;
  send({ id: `q${asked}`, method, params });
}

/** Writes `count` lines as fast as they are taken, and then answers. */
function flood(id, { kind, count }) {
  const line = {
    garbage: (n) => `garbage ${n}\n`,
    listChanged: () => '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n',
  }[kind];
  let written = 0;
  const go = () => {
    while (written < count) {
      const lines = Array.from({ length: Math.min(1_000, count - written) }, (_, n) => line(written + n));
      written += lines.length;
      if (!process.stdout.write(lines.join(''))) {
        process.stdout.once('drain', go);
        return;
      }
    }
    send({ id, result: text('flooded') });
  };
  go();
}

function reportProgress(id, progressToken, end) {
  let progress = 0;
  const timer = setInterval(() => {
    progress += 1;
    send({ method: 'notifications/progress', params: { progressToken, progress } });
    if (progress < end) return;
    clearInterval(timer);
    send({ id, result: text('done') });
  }, 30);
}

function call(id, { name, arguments: args = {}, _meta: meta }) {
  const { key = '', ms = 0 } = args;
  note(`${name} ${key} ${process.pid}`);
  switch (name) {
    case 'pid':
      return send({ id, result: text(process.pid) });
    case 'listed':
      return send({ id, result: text(listed) });
    case 'ask':
      ask('elicitation/create', { message: key, requestedSchema: { type: 'object', properties: {} } });
      return send({ id, result: text('asked') });
    case 'flood':
      return flood(id, args);
    case 'raw':
      return sendRaw(id, args.result);
    case 'progress':
      return reportProgress(id, meta?.progressToken, 8);
    default:
      return setTimeout(() => send({ id, result: text(key) }), ms);
  }
}

function onRequest({ id, method, params = {} }) {
  switch (method) {
    case 'initialize': {
      const capabilities = {
        tools: { listChanged: true },
        resources: { subscribe: true },
        ...(env.DIE_AT_PROMPTS_IF === undefined ? {} : { prompts: {} }),
      };
      const result = {
        protocolVersion: params.protocolVersion,
        capabilities,
        serverInfo: { name: 'hostile', version: '1' },
      };
      return setTimeout(() => send({ id, result }), isUpdated ? 400 : Number(env.INIT_DELAY ?? 0));
    }
    case 'ping':
      return setTimeout(() => send({ id, result: {} }), Number(env.PING_DELAY ?? 0));
    case 'tools/list':
      listed += 1;
      if (env.LISTS === 'nested')
        return sendRaw(
          id,
          `{"tools":[{"name":"a","inputSchema":${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}}]}`,
        );
      if (env.LISTS === 'announced') send({ method: 'notifications/tools/list_changed' });
      return send({ id, result: { tools } });
    case 'prompts/list':
      if (env.DIE_AT_PROMPTS_IF && existsSync(env.DIE_AT_PROMPTS_IF)) process.exit(3);
      return send({ id, result: { prompts: [{ name: 'p' }] } });
    case 'resources/list':
      return send({ id, result: { resources: [] } });
    case 'resources/templates/list':
      return send({ id, result: { resourceTemplates: [] } });
    case 'tools/call':
      return call(id, params);
    default:
      return send({ id, result: {} });
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line);
  if (message.method === undefined) note(`ANSWER ${line}`);
  else if (message.id !== undefined) onRequest(message);
  else if (message.method === 'notifications/initialized' && env.ASK_FIRST) ask('roots/list');
});
