// The fastest Streamable HTTP server that still is one: JSON answers, one session id. Prints its port.
import { createServer } from 'node:http';
import { resultOf } from './echo.mjs';

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
    const headers = { 'content-type': 'application/json' };
    if (method === 'initialize') headers['mcp-session-id'] = 'bench';
    response
      .writeHead(200, headers)
      .end(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) }));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
