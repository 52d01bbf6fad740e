// Our topology without anything in it, the client's side: bytes between stdio and a socket. `node socketBridge.mjs SOCKET`
import { createConnection } from 'node:net';

const socket = createConnection(process.argv[2]);
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('close', () => process.exit());
