import { Fault } from '../../shared/model/fault.ts';

/** The start took too long. `isInitialized`: the handshake was done, and only the ping after it is missing. */
export function startTimeoutFault(
  server: string,
  start: { readonly limitMs: number; readonly isInitialized: boolean; readonly isHttp: boolean },
): Fault {
  const what = start.isInitialized ? 'a ping' : 'initialize';
  const advice = start.isHttp
    ? 'Check "url" in its settings.'
    : 'Check that "command" and "args" in its settings start an MCP server that speaks on stdin and stdout.';
  const text = `The MCP server "${server}" did not finish its start within ${Math.round(start.limitMs / 1_000)} s: it has not answered ${what}. ${advice}`;
  return new Fault('startTimeout', text, { server });
}

/** What a server sends may end that server, never the engine. */
export function unforeseenFault(server: string, error: unknown): Fault {
  const why = error instanceof Error ? error.message : String(error);
  const text = `The MCP server "${server}" sent something that could not be handled (${why}) and was restarted.`;
  return new Fault('protocolGarbage', text, { server, cause: error });
}

export function refusedToInitialize(server: string, why: string): Fault {
  const text = `The MCP server "${server}" refused to initialize: ${why.slice(0, 500)}`;
  return new Fault('protocolGarbage', text, { server });
}

export function tooLongAnswerFault(server: string, sizeBytes: number): Fault {
  const megabytes = Math.floor(sizeBytes / 1_048_576);
  const text = `The MCP server "${server}" gave an answer of more than ${megabytes} MB, which is over the limit; it was dropped. Ask for less at a time.`;
  return new Fault('protocolGarbage', text, { server });
}

export function notJsonFault(server: string): Fault {
  const text = `The MCP server "${server}" answered with something that is not JSON, or is nested too deep.`;
  return new Fault('protocolGarbage', text, { server });
}

export function goneFault(server: string): Fault {
  return new Fault('brokenPipe', `The MCP server "${server}" was gone before it could be written to.`, {
    server,
  });
}

/** HTTP 400 to a call and to a ping. */
export function sessionLostFault(server: string, refusal: Fault): Fault {
  const text = `The MCP server "${server}" does not know the session any more. ${refusal.message}`;
  return new Fault('sessionLost', text, { server });
}
