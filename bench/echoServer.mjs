// The fastest MCP server that still is one, so that a bench measures what is around it. `size` pads the result.
let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  let out = '';
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    let result = {};
    if (method === 'initialize') {
      const serverInfo = { name: 'echo', version: '1.0.0' };
      result = { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
    } else if (method === 'tools/list') {
      const inputSchema = { type: 'object' };
      result = {
        tools: [
          { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
          { name: 'write', inputSchema },
        ],
      };
    } else if (method === 'tools/call') {
      result = { content: [{ type: 'text', text: 'x'.repeat(params.arguments.size ?? 1) }] };
    }
    out += `${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`;
  }
  if (out !== '') process.stdout.write(out);
});
