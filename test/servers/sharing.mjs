// A small MCP server for tests of what several clients share, without any library.
// Tools: tell { log: [levels], updated: [uris], changed } says all that and answers "told"; pid.
// Levels below the one that was set are not said; what was not subscribed to is said all the same, so that a test sees who filters.
// Environment: RECORD file that gets "<method> <level or uri> <pid>" of each request that sets something; HOLD: a path that only one process
// may hold at a time (it listens there as on a port); the next one ends with "address already in use".
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const { env } = process;
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
let level = 'debug';
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });
const note = (line) => env.RECORD && appendFileSync(env.RECORD, `${line}\n`);
const tools = [
  { name: 'tell', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'pid', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
];

function tell({ log = [], updated = [], changed = false }) {
  for (const one of log)
    if (levels.indexOf(one) >= levels.indexOf(level))
      send({ method: 'notifications/message', params: { level: one, data: one } });
  for (const uri of updated) send({ method: 'notifications/resources/updated', params: { uri } });
  if (changed) send({ method: 'notifications/tools/list_changed' });
  return text('told');
}

function onRequest({ id, method, params = {} }) {
  switch (method) {
    case 'initialize':
      return send({
        id,
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
          serverInfo: { name: 'sharing', version: '1' },
        },
      });
    case 'tools/list':
      return send({ id, result: { tools } });
    case 'resources/list':
      return send({ id, result: { resources: [] } });
    case 'resources/templates/list':
      return send({ id, result: { resourceTemplates: [] } });
    case 'tools/call':
      return send({ id, result: params.name === 'pid' ? text(process.pid) : tell(params.arguments ?? {}) });
    case 'logging/setLevel':
      level = params.level;
      note(`${method} ${level} ${process.pid}`);
      return send({ id, result: {} });
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      note(`${method} ${params.uri} ${process.pid}`);
      return send({ id, result: {} });
    default:
      return send({ id, result: {} });
  }
}

function serve() {
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const message = JSON.parse(line);
      if (message.method !== undefined && message.id !== undefined) onRequest(message);
    })
    .on('close', () => process.exit(0));
}

if (env.HOLD) {
  // An abstract name (Linux) goes with its process, as a port does, whatever becomes of the process.
  const holder = createServer();
  holder.on('error', (error) => {
    process.stderr.write(`Error: listen ${error.code}: address already in use\n`);
    process.exit(1);
  });
  holder.listen(`\0${env.HOLD}`, serve);
} else serve();
