// A small MCP server for tests that was well once, and is bad in its next life. The file MODE_FILE says how, read at start.
// Tools: echo, pid (read-only), record (not idempotent: appends "record <key> <pid>" to the file RECORD).
// Modes: well; exitAtOnce; exitLater (1 s after its start); neverInitializes; notificationsInstead (of the answer to initialize); slowInitialize (20 s); garbage (between the answers, half
// messages too); glued (each answer of a tool follows half a line); hugeLine (1 GB, once it may speak); hugeAnswer, hugeAnswerIdLast (1 GB, of a tool); endlessLine;
// notifications (100,000 a second); stderr (10 MB a second); stderrMax (as fast as it is read); wrongIds; late (1.5 s); twice; deep (answers of
// tools); manyTools (10,000); changingTools (10,000, announced ten times a second).
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setInterval } from 'node:timers';

const { env } = process;
const mode = readMode();
const GIGABYTE = 1_000_000_000;
const TICK_MS = 10;

function readMode() {
  try {
    return readFileSync(env.MODE_FILE, 'utf8').trim();
  } catch {
    return 'well';
  }
}

const write = (text) => process.stdout.write(text);
const send = (message) => write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });
const tool = (name, annotations) => ({
  name,
  description: name,
  inputSchema: { type: 'object' },
  annotations,
});
const usualTools = [
  tool('echo', { readOnlyHint: true }),
  tool('pid', { readOnlyHint: true }),
  tool('record', {}),
];
const hasManyTools = mode === 'manyTools' || mode === 'changingTools';
let version = 0;

/** About 600 bytes each, as real ones have. */
function manyTools() {
  const properties = Object.fromEntries(
    ['path', 'query', 'limit', 'offset'].map((name) => [
      name,
      { type: 'string', description: `The ${name} that the tool is to use, as text. `.repeat(2) },
    ]),
  );
  const more = Array.from({ length: 10_000 - usualTools.length }, (_, index) => ({
    ...tool(`tool_${index}`, { readOnlyHint: true }),
    description: `Tool number ${index}, version ${version}`,
    inputSchema: { type: 'object', properties },
  }));
  return [...usualTools, ...more];
}

/** One line of a gigabyte. The writes are synchronous: it says nothing else meanwhile. */
function writeGigabyte(head, tail) {
  const piece = Buffer.alloc(1_000_000, 'x');
  writeAll(1, Buffer.from(head));
  for (let written = 0; written < GIGABYTE; written += piece.length) writeAll(1, piece);
  writeAll(1, Buffer.from(`${tail}\n`));
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps while the reader is behind, as a blocking write does. */
function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(1);
      Atomics.wait(nobody, 0, 0, 1);
    }
  }
}

/** Calls `action` with how many are due, `perSecond` in all; what a slow reader makes it miss is not made up for. */
function pace(perSecond, action) {
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    const due = Math.min(perSecond / 10, ((now - last) / 1_000) * perSecond);
    last = now;
    action(Math.ceil(due));
  }, TICK_MS);
}

function misbehave() {
  switch (mode) {
    case 'garbage':
      return setInterval(() => {
        write('Starting up...\n\u0000\u0001\ufffd\n{"jsonrpc":"2.0","id":\n{"half":\n]]]]\n"text"\n');
      }, TICK_MS);
    case 'hugeLine':
      return writeGigabyte('{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"', '"}}');
    case 'endlessLine':
      return setInterval(() => writeAll(1, Buffer.alloc(1_000_000, 'x')), 0);
    case 'notifications': {
      const params = { level: 'info', logger: 'bad', data: 'x'.repeat(40) };
      const line = `${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n`;
      return pace(100_000, (count) => writeAll(1, Buffer.from(line.repeat(count))));
    }
    case 'changingTools':
      return setInterval(() => {
        version += 1;
        send({ method: 'notifications/tools/list_changed' });
      }, 100);
    default:
      return undefined;
  }
}

function answerTool(id, result) {
  switch (mode) {
    case 'glued':
      return write(`Working on it... ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
    case 'hugeAnswer':
      return writeGigabyte(
        `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`,
        '"}]}}',
      );
    case 'hugeAnswerIdLast':
      return writeGigabyte(
        '{"result":{"content":[{"type":"text","text":"',
        `"}]},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`,
      );
    case 'wrongIds':
      return send({ id: `wrong-${JSON.stringify(id)}`, result });
    case 'late':
      return setTimeout(() => send({ id, result }), 1_500);
    case 'twice':
      send({ id, result });
      return send({ id, result });
    case 'deep': {
      const nested = `${'{"a":'.repeat(1_000_000)}1${'}'.repeat(1_000_000)}`;
      return write(
        `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[],"structuredContent":${nested}}}\n`,
      );
    }
    default:
      return send({ id, result });
  }
}

function call(id, { name, arguments: args = {} }) {
  const { key = '' } = args;
  if (name === 'record' && env.RECORD) appendFileSync(env.RECORD, `record ${key} ${process.pid}\n`);
  return answerTool(id, text(name === 'pid' ? process.pid : key));
}

function onRequest({ id, method, params = {} }) {
  switch (method) {
    case 'initialize': {
      if (mode === 'neverInitializes') return undefined;
      if (mode === 'notificationsInstead') {
        const params = { level: 'info', data: 'x'.repeat(4_000) };
        const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
        const lines = Buffer.from(`${line}\n`.repeat(100));
        return setInterval(() => writeAll(1, lines), 1);
      }
      const result = {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: { listChanged: true }, logging: {} },
        serverInfo: { name: 'bad', version: '1' },
      };
      return setTimeout(() => send({ id, result }), mode === 'slowInitialize' ? 20_000 : 0);
    }
    case 'tools/list':
      return send({ id, result: { tools: hasManyTools ? manyTools() : usualTools } });
    case 'tools/call':
      return call(id, params);
    default:
      return send({ id, result: {} });
  }
}

function floodStderr() {
  const line = `${'2026-01-01 12:00:00 INFO still working on something, see '.padEnd(99, '.')}\n`;
  if (mode === 'stderr') pace(100_000, (count) => writeAll(2, Buffer.from(line.repeat(count))));
  if (mode !== 'stderrMax') return;
  const block = Buffer.from(line.repeat(1_000));
  setInterval(() => writeAll(2, block), 0);
}

if (mode === 'exitAtOnce') {
  process.stderr.write('Error: the environment variable API_KEY is missing\n');
  process.exit(3);
}
if (mode === 'exitLater') setTimeout(() => process.exit(5), 1_000);
floodStderr();
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.method === 'notifications/initialized') misbehave();
    else if (message.method !== undefined && message.id !== undefined) onRequest(message);
  })
  .on('close', () => process.exit(0));
