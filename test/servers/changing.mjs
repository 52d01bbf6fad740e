// A small MCP server for tests that offers what the file OFFER says, read at each request: JSON with `tools`, `prompts`, `resources` (names), a list that is
// absent being no capability, and `answers` (the result of a call, by tool name, or of a resource, by URI; else {"content": [a text with the process id]}).
// Tools called "read…" are declared read-only. A tool need not be listed to be called: `announce` says that the tools changed; `pid` gives the process id.
// RECORD: a file that gets "<tool> <key> <pid>" of each call.
import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { env } = process;
const offer = () => JSON.parse(readFileSync(env.OFFER, 'utf8'));
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const items = {
  tools: (name) => ({
    name,
    inputSchema: { type: 'object' },
    ...(name.startsWith('read') ? { annotations: { readOnlyHint: true } } : {}),
  }),
  prompts: (name) => ({ name }),
  resources: (uri) => ({ uri, name: uri }),
};

function call(id, { name, arguments: { key = '' } = {} }) {
  if (env.RECORD) appendFileSync(env.RECORD, `${name} ${key} ${process.pid}\n`);
  if (name === 'announce') send({ method: 'notifications/tools/list_changed' });
  const text = { content: [{ type: 'text', text: String(process.pid) }] };
  send({ id, result: offer().answers?.[name] ?? text });
}

function onRequest({ id, method, params = {} }) {
  const [list, action] = method.split('/');
  if (method === 'initialize') {
    const has = Object.keys(items).filter((name) => offer()[name] !== undefined);
    const capabilities = Object.fromEntries(has.map((name) => [name, { listChanged: true }]));
    const { protocolVersion } = params;
    send({ id, result: { protocolVersion, capabilities, serverInfo: { name: 'changing', version: '1' } } });
  } else if (action === 'list' && offer()[list] !== undefined) {
    send({ id, result: { [list]: offer()[list].map(items[list]) } });
  } else if (method === 'tools/call') call(id, params);
  else if (method === 'resources/read') {
    const known = { contents: [{ uri: params.uri, text: String(process.pid) }] };
    send({ id, result: offer().answers?.[params.uri] ?? known });
  } else if (method === 'prompts/get')
    send({
      id,
      result: { messages: [{ role: 'user', content: { type: 'text', text: String(process.pid) } }] },
    });
  else if (method === 'ping') send({ id, result: {} });
  else send({ id, error: { code: -32601, message: 'Method not found' } });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.method !== undefined && message.id !== undefined) onRequest(message);
  })
  .on('close', () => process.exit(0));
