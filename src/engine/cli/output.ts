import { exitCodes } from './arguments.ts';

/** Writes what a command has to say. */
export function say(text: string): void {
  const { stdout } = process;
  if (stdout.listenerCount('error') === 0) stdout.on('error', onError);
  stdout.write(`${text}\n`);
}

function onError(error: NodeJS.ErrnoException): void {
  // The reader has seen enough (`| head -1`); the exit code tells the rest.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`mcp-lifeline: the answer could not be written: ${error.message}\n`);
  process.exit(exitCodes.unhealthy);
}
