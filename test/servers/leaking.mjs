// An MCP server that tells its secrets wherever it can. Environment: SECRET (and whatever else), MODE:
// chatty (all forms on stderr, then works; the tool "boom" dies with it in its last words, "sick" fails with it), crash (dies at the start),
// refuse (refuses to initialize with it), garbage (it stands on stdout), flood (it stands in 20 MB of stderr).
import { createInterface } from 'node:readline';

const { MODE = 'chatty', LEAK_TOKEN: secret = '' } = process.env;
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function tell() {
  const { stderr, env } = process;
  stderr.write(`environment: ${JSON.stringify(env)}\n`);
  for (const [name, value] of Object.entries(env)) stderr.write(`${name}=${value}\n`);
  stderr.write(`Basic ${Buffer.from(`me:${secret}`).toString('base64')}\n`);
  stderr.write(`https://me:${encodeURIComponent(secret)}@localhost/?key=${encodeURIComponent(secret)}\n`);
  stderr.write(`in JSON in JSON: ${JSON.stringify(JSON.stringify({ secret }))}\n`);
  for (const piece of secret.match(/.{1,5}/gs)) {
    stderr.write(piece);
    await pause(5);
  }
  stderr.write('\n');
}

if (MODE === 'crash') {
  process.stderr.write(`${'x'.repeat(4_090)}${secret}\n`);
  throw new Error(`invalid credentials: ${secret} was not accepted`);
}
if (MODE === 'flood') {
  const line = `flood ${secret} flood\n`;
  const block = line.repeat(Math.ceil(100_000 / line.length));
  for (let count = 0; count < 200; count += 1) process.stderr.write(block);
}
const told = MODE === 'chatty' ? tell() : Promise.resolve();
if (MODE === 'garbage') {
  process.stdout.write(`token ${secret} in the way\n`);
  process.stdout.write(`${'y'.repeat(195)}${secret}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined || method === undefined) return;
  if (method === 'initialize' && MODE === 'refuse')
    send({ id, error: { code: -32000, message: `${'z'.repeat(480)} ${secret} is no good` } });
  else if (method === 'initialize') {
    const { protocolVersion } = params;
    const serverInfo = { name: 'leaking', version: '1.0.0' };
    send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === 'tools/list') {
    const tool = (name) => ({
      name,
      inputSchema: { type: 'object' },
      annotations: { readOnlyHint: name === 'sick' },
    });
    send({ id, result: { tools: [tool('sick'), tool('boom'), tool('tell')] } });
  } else if (method !== 'tools/call') send({ id, result: {} });
  else if (params.name === 'boom') {
    // Not in the middle of the secret that is being told in pieces: what is then half of it, nobody can know.
    void told.then(() => {
      process.stderr.write(`Error: cannot go on with ${secret}\n`);
      process.exit(1);
    });
  } else if (params.name === 'sick')
    send({
      id,
      result: { isError: true, content: [{ type: 'text', text: `${'w'.repeat(290)} ${secret}` }] },
    });
  else send({ id, result: { content: [{ type: 'text', text: `the user's own data: ${secret}` }] } });
});
