const LIMIT_MS = 5_000;

/**
 * Whether an HTTP server wants a sign-in, which the engine cannot do yet (requirements R1.7): it answers 401 to a first message without credentials. An
 * entry that brings its own, or whose address is not known yet, is believed. Never rejects.
 */
export async function wantsSignIn(entry: unknown): Promise<boolean> {
  const { url, headers } = entry as { readonly url?: unknown; readonly headers?: Record<string, unknown> };
  if (typeof url !== 'string' || url.includes('${')) return false;
  const names = Object.keys(headers ?? {}).map((name) => name.toLowerCase());
  if (names.includes('authorization')) return false;
  const plain = Object.entries(headers ?? {}).filter(
    (header): header is [string, string] => typeof header[1] === 'string' && !header[1].includes('${'),
  );
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'mcp-lifeline', version: '1' },
    },
  };
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        ...Object.fromEntries(plain),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(initialize),
      signal: AbortSignal.timeout(LIMIT_MS),
      redirect: 'manual',
    });
    await answer.body?.cancel();
    const session = answer.headers.get('mcp-session-id');
    if (session !== null)
      await fetch(url, {
        method: 'DELETE',
        headers: { 'mcp-session-id': session },
        signal: AbortSignal.timeout(LIMIT_MS),
      }).catch(() => undefined);
    return answer.status === 401;
  } catch {
    return false; // not reachable now: that it wants a sign-in is not known
  }
}
