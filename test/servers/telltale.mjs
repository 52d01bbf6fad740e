// An MCP server that tells everything it knows wherever it can: its environment, its arguments and what it is asked, on stderr, as garbage on stdout, in
// logging notifications, in errors, in the name of a tool, and in its last words. Tools: the one it names after NAMED_AFTER, "refuse" (an error of the
// protocol), "sick" (an error of the tool), "die".
import { createInterface } from 'node:readline';

const { NAMED_AFTER = '', ...env } = process.env;
const known = [
  ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ...process.argv,
  NAMED_AFTER,
];
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const tell = () => {
  for (const word of known) process.stderr.write(`I know ${word}\n`);
  for (const word of known) process.stdout.write(`not JSON: ${word}\n`);
};
tell();
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined || method === undefined) return;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    const serverInfo = { name: 'telltale', title: `I am ${NAMED_AFTER}`, version: '1.0.0' };
    send({ id, result: { protocolVersion, capabilities: { tools: {}, logging: {} }, serverInfo } });
  } else if (method === 'tools/list') {
    const tool = (name) => ({
      name,
      inputSchema: { type: 'object' },
      annotations: { readOnlyHint: name === 'sick' },
    });
    send({ id, result: { tools: ['refuse', 'sick', 'die', `tool_${NAMED_AFTER}`].map(tool) } });
  } else if (method !== 'tools/call') send({ id, result: {} });
  else {
    const told = `${JSON.stringify(params.arguments)} ${known.join(' ')}`;
    send({ method: 'notifications/message', params: { level: 'error', data: told } });
    process.stderr.write(`asked: ${told}\n`);
    if (params.name === 'refuse') send({ id, error: { code: -32_000, message: told } });
    else if (params.name === 'sick')
      send({ id, result: { isError: true, content: [{ type: 'text', text: told }] } });
    else process.stderr.write(`${told}\n`, () => process.exit(9));
  }
});
