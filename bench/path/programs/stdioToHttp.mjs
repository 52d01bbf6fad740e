// A bare bridge from stdio to HTTP, without any policy: each line is a POST, each JSON body a line. `node stdioToHttp.mjs PORT`
import { Agent, request as send } from 'node:http';

const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true });
const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function post(line) {
  const length = Buffer.byteLength(line);
  const options = { host: '127.0.0.1', port, agent, method: 'POST', path: '/mcp' };
  send({ ...options, headers: { ...headers, 'content-length': length } }, (answer) => {
    const session = answer.headers['mcp-session-id'];
    if (session !== undefined) headers['mcp-session-id'] = session;
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => {
      if (chunks.length === 0) return;
      chunks.push(Buffer.from('\n'));
      process.stdout.write(Buffer.concat(chunks));
    });
  }).end(line);
}

let rest = '';
process.stdin.setEncoding('latin1').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) post(Buffer.from(line, 'latin1'));
});
process.stdin.on('end', () => process.exit());
