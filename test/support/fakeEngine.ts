/**
 * A program that can be found and shaken hands with like an engine, and does nothing else. `FAKE_ENGINE` says how:
 * `listen` (default), `late` (half a second late), `taken` (exit code 3), `fail` (exit code 1). It ends with its
 * last connection, or after a few seconds without one. In `nodeArgs.json` it writes what Node was started with.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { EndpointInfo } from '../../src/endpoint/endpointFile.ts';
import { makeRefusal, makeWelcome, readHello } from '../../src/endpoint/handshake.ts';
import { endpointFile, endpointsFolder, lifelineHome } from '../../src/endpoint/location.ts';

const window = process.argv[process.argv.indexOf('--window') + 1] ?? '';
const mode = process.env['FAKE_ENGINE'] ?? 'listen';
const token = randomBytes(32).toString('hex');
const home = lifelineHome();

function listen(): void {
  const socket = join(home, `s${process.pid}`);
  const server = createServer((connection) => {
    connection.on('close', () => process.exit(0));
    connection.once('data', (chunk) => {
      const verdict = readHello(token, chunk.toString('utf8').trimEnd());
      connection.write(
        verdict.kind === 'accepted'
          ? makeWelcome(token, verdict.nonce, { pid: process.pid, engineVersion: 'fake' })
          : makeRefusal(verdict.reason),
      );
    });
  });
  server.listen(socket, () => {
    const info: EndpointInfo = {
      version: 1,
      window,
      socket,
      token,
      pid: process.pid,
      startedAt: Date.now(),
      engineVersion: 'fake',
    };
    mkdirSync(endpointsFolder(home), { recursive: true });
    writeFileSync(join(home, 'nodeArgs.json'), JSON.stringify(process.execArgv));
    const file = endpointFile(home, window);
    writeFileSync(`${file}.new`, JSON.stringify(info));
    renameSync(`${file}.new`, file);
  });
}

setTimeout(() => process.exit(0), 8_000).unref();
if (mode === 'taken') process.exitCode = 3;
else if (mode === 'fail') process.exitCode = 1;
else setTimeout(listen, mode === 'late' ? 500 : 0);
