// The fastest stdio MCP server that still is one, so that a bench measures what is around it. One write for each answer, as the servers of the SDKs
// do; with the argument `batch` one for all answers to what came in one piece.
import { resultOf } from './echo.mjs';

const isBatching = process.argv[2] === 'batch';
let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  let out = '';
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    const answer = `${JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) })}\n`;
    if (isBatching) out += answer;
    else process.stdout.write(answer);
  }
  if (out !== '') process.stdout.write(out);
});
