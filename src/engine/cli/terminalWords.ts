import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';

/**
 * The engine's sentences name what to do as VS Code calls it. In a terminal that is a command line: `recover` works with the engine of a window too, and the value of an input stands
 * in the environment unless the sentence says that an editor was asked.
 */
export function inTerminal(text: string, server?: string): string {
  const name = server === undefined || /^[\w.@/:-]+$/.test(server) ? server : `'${server}'`;
  const recover = `"mcp-lifeline recover${name === undefined ? '' : ` ${name}`}"`;
  return text.replaceAll('"MCP Lifeline: Force Recovery"', () => recover);
}

/** A snapshot whose sentences are those of a terminal. */
export function snapshotInTerminal(snapshot: Snapshot): Snapshot {
  const { alerts } = snapshot;
  return {
    ...snapshot,
    servers: snapshot.servers.map(serverInTerminal),
    ...(alerts === undefined
      ? {}
      : {
          alerts: alerts.map((alert) => ({ ...alert, sentence: inTerminal(alert.sentence, alert.server) })),
        }),
  };
}

export function serverInTerminal(server: ServerSnapshot): ServerSnapshot {
  const { id, sentence, lastError, diagnosis } = server;
  const words = (text: string): string => inTerminal(text, id);
  return {
    ...server,
    sentence: words(sentence),
    ...(lastError === undefined ? {} : { lastError: { ...lastError, message: words(lastError.message) } }),
    ...(diagnosis === undefined ? {} : { diagnosis: { ...diagnosis, advice: words(diagnosis.advice) } }),
  };
}
