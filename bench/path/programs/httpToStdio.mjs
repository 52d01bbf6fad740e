// A bare bridge from HTTP to stdio, without any policy: a server for each session, answers found by their id, bytes passed on as they are. Only as
// much of a message is looked at as holds its id. `node httpToStdio.mjs COMMAND ARG…`; prints its port.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const idOf = (text) =>
  /"id":(\d+)/.exec(text.slice(0, 40))?.[1] ?? /"id":(\d+)\}$/.exec(text.slice(-40))?.[1];
const newline = Buffer.from('\n');
const sessions = new Map();

function openSession() {
  const child = spawn(process.argv[2], process.argv.slice(3), { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map();
  let rest = [];
  child.stdout.on('data', (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line =
        rest.length === 0 ? chunk.subarray(from, end) : Buffer.concat([...rest, chunk.subarray(from, end)]);
      rest = [];
      from = end + 1;
      const id =
        idOf(line.latin1Slice(0, 40)) ?? idOf(line.latin1Slice(Math.max(0, line.length - 40), line.length));
      waiting.get(id)?.(line);
      waiting.delete(id);
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  });
  return { child, waiting };
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    let name = request.headers['mcp-session-id'];
    if (name === undefined) {
      name = String(sessions.size + 1);
      sessions.set(name, openSession());
    }
    const { child, waiting } = sessions.get(name);
    const id = idOf(body.latin1Slice(0, 40));
    child.stdin.write(Buffer.concat([body, newline]));
    if (id === undefined) response.writeHead(202).end();
    else
      waiting.set(id, (line) =>
        response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': name }).end(line),
      );
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
