// Our topology without anything in it, the engine's side: bytes between a socket and a server of its own for each connection.
// `node socketGateway.mjs SOCKET COMMAND ARG…`, and prints a line when it listens.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

const [path, command, ...args] = process.argv.slice(2);
createServer((socket) => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
  socket.on('error', () => undefined).on('close', () => child.kill());
  child.stdin.on('error', () => undefined);
  child.on('exit', () => socket.destroy());
}).listen(path, () => console.log('ready'));
