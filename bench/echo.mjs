// What the echo servers of the benches answer: the least that still is an MCP server. `size` is the length of the text; a `key` stands at its
// beginning, so that an answer shows which call it belongs to.
const inputSchema = { type: 'object' };
const tools = [
  { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
  { name: 'write', inputSchema },
];

export function resultOf(method, params) {
  switch (method) {
    case 'initialize': {
      const serverInfo = { name: 'echo', version: '1.0.0' };
      return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
    }
    case 'tools/list':
      return { tools };
    case 'tools/call': {
      const { key, size = 1 } = params.arguments;
      const text = (key === undefined ? '' : `${key}:`).padEnd(size, 'x');
      return { content: [{ type: 'text', text }] };
    }
    default:
      return {};
  }
}
