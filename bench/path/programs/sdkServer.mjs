// The echo server as most people would write it: on the official SDK, over stdio.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { resultOf } from '../../echo.mjs';

const server = new Server({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
for (const schema of [ListToolsRequestSchema, CallToolRequestSchema])
  server.setRequestHandler(schema, ({ method, params }) => resultOf(method, params));
await server.connect(new StdioServerTransport());
