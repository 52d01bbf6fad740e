import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../shared/base/clock.ts';
import type { EndpointInfo } from './endpointFile.ts';
import { MAX_HELLO_BYTES, makeHello, readWelcome, type HelloBody, type WelcomeBody } from './handshake.ts';

export interface EngineConnection {
  /** Paused; what follows the welcome has been put back and is the first thing that will be read. */
  readonly socket: Socket;
  readonly welcome: WelcomeBody;
}

/**
 * Connects to an engine and shakes hands. Rejects when nobody listens, when the other side does not prove the
 * token, when it refuses, or after `timeoutMs`; the socket is then destroyed.
 */
export function connectToEngine(
  endpoint: EndpointInfo,
  body: HelloBody,
  options: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<EngineConnection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: endpoint.socket });
    const hello = makeHello(endpoint.token, body);
    const timer = options.clock.setTimer(options.timeoutMs, () =>
      fail(new Error('the engine did not answer in time')),
    );
    let received: Buffer = Buffer.alloc(0);

    // Only our own listeners are taken off: the socket has some of its own that it needs.
    const detach = (): void => {
      timer.dispose();
      socket.off('error', fail).off('close', onClose).off('data', onData);
    };
    const fail = (error: Error): void => {
      detach();
      // A destroyed socket may still report one error; without a listener it would end the process.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => fail(new Error('the engine closed the connection'));
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf(0x0a);
      if (end < 0) {
        if (received.length > MAX_HELLO_BYTES) fail(new Error('the engine answered without end'));
        return;
      }
      const verdict = readWelcome(endpoint.token, hello.nonce, received.toString('utf8', 0, end));
      if (verdict.kind === 'refused') {
        fail(new Error(`refused by the engine: ${verdict.reason}`));
        return;
      }
      detach();
      socket.pause();
      const rest = received.subarray(end + 1);
      if (rest.length > 0) socket.unshift(rest);
      resolve({ socket, welcome: verdict.body });
    };
    socket.once('error', fail);
    socket.once('close', onClose);
    socket.on('data', onData);
    socket.once('connect', () => socket.write(hello.line));
  });
}
