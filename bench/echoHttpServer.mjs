// The fastest Streamable HTTP server that still is one: JSON answers, one session id. Prints its port.
import { createServer } from 'node:http';

const inputSchema = { type: 'object' };
const results = {
  'tools/list': {
    tools: [
      { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
      { name: 'write', inputSchema },
    ],
  },
};

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(request.method === 'GET' ? 405 : 200).end();
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    let result = results[method] ?? {};
    const headers = { 'content-type': 'application/json' };
    if (method === 'initialize') {
      const serverInfo = { name: 'echo', version: '1.0.0' };
      result = { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
      headers['mcp-session-id'] = 'bench';
    } else if (method === 'tools/call') {
      result = { content: [{ type: 'text', text: 'x'.repeat(params.arguments.size ?? 1) }] };
    }
    response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
