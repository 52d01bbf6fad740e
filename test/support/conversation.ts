import type { LineClient } from './lineClient.ts';

/** What a full-featured client declares. */
export const fullCapabilities = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: {}, url: {} },
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
  experimental: { unknownCapability: { a: 1 } },
};

/** Answers what a server may ask its client. */
export function answerServerRequests(client: LineClient): void {
  const results: Record<string, Record<string, unknown>> = {
    'roots/list': { roots: [{ uri: 'file:///somewhere', name: 'somewhere' }] },
    'sampling/createMessage': {
      role: 'assistant',
      content: { type: 'text', text: 'sampled' },
      model: 'none',
      stopReason: 'endTurn',
    },
    'elicitation/create': { action: 'accept', content: { name: 'Ada', check: true, integer: 42 } },
  };
  client.onServerRequest = ({ id, method }) => {
    const result = results[method ?? ''];
    const error = { code: -32601, message: 'Method not found' };
    client.write(result === undefined ? { id, error } : { id, result });
  };
}

/**
 * One conversation that touches everything: lists, reads, calls, progress, requests of the server, cancellation, logging,
 * tasks, unknown methods and fields. `client` must not be initialized yet.
 */
export async function converseWithEverything(client: LineClient): Promise<void> {
  answerServerRequests(client);
  await client.initialize(fullCapabilities);
  await client.next('roots/list of the server', (message) => message.method === 'roots/list');
  for (const [method, params] of [
    ['ping', undefined],
    ['tools/list', {}],
    ['prompts/list', {}],
    ['resources/list', {}],
    ['resources/templates/list', {}],
    ['prompts/get', { name: 'simple-prompt' }],
    ['resources/read', { uri: 'demo://resource/dynamic/text/1' }],
    [
      'completion/complete',
      {
        ref: { type: 'ref/prompt', name: 'completable-prompt' },
        argument: { name: 'department', value: 'E' },
      },
    ],
    [
      'tools/call',
      {
        name: 'echo',
        arguments: { message: 'naïve "quoted" \\ 日本 \u0000 end' },
        _meta: { unknown: [1, 2] },
        extra: true,
      },
    ],
    ['tools/call', { name: 'get-sum', arguments: { a: 1.5, b: 2 } }],
    ['tools/call', { name: 'get-structured-content', arguments: { location: 'Chicago' } }],
    [
      'tools/call',
      { name: 'get-annotated-message', arguments: { messageType: 'error', includeImage: true } },
    ],
    ['tools/call', { name: 'get-tiny-image', arguments: {} }],
    ['tools/call', { name: 'no-such-tool', arguments: {} }],
    ['tools/call', { name: 'get-sum', arguments: { a: 'x' } }],
    [
      'tools/call',
      {
        name: 'trigger-long-running-operation',
        arguments: { duration: 0.3, steps: 3 },
        _meta: { progressToken: 'p1' },
      },
    ],
    ['tools/call', { name: 'trigger-sampling-request', arguments: { prompt: 'hi', maxTokens: 5 } }],
    ['tools/call', { name: 'trigger-elicitation-request', arguments: {} }],
    ['tools/call', { name: 'get-roots-list', arguments: {} }],
    ['resources/subscribe', { uri: 'demo://resource/dynamic/text/1' }],
    ['resources/unsubscribe', { uri: 'demo://resource/dynamic/text/1' }],
    ['unknown/method', { a: { b: [null, true, 1e21] } }],
    ['tasks/list', {}],
    ['logging/setLevel', { level: 'debug' }],
  ] as const) {
    await client.request(method, params);
  }
  client.write({ method: 'notifications/unknown', params: { x: 1 } });
  client.write({ method: 'notifications/roots/list_changed' });
  await cancelOne(client);
  await client.request('tools/call', { name: 'echo', arguments: { message: 'the end' } });
}

async function cancelOne(client: LineClient): Promise<void> {
  const params = {
    name: 'trigger-long-running-operation',
    arguments: { duration: 3, steps: 30 },
    _meta: { progressToken: 77 },
  };
  const id = client.send('tools/call', params);
  await client.next('first progress', (message) => message.params?.['progressToken'] === 77);
  client.write({ method: 'notifications/cancelled', params: { requestId: id, reason: 'changed my mind' } });
}

const volatile =
  /\b\d{4}-\d\d-\d\dT[\d:.]+Z?\b|\b\d{1,2}:\d\d:\d\d(?: [AP]M)?\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}\b|\b[0-9a-f]{32}\b/g;

export interface Transcript {
  /** Everything but list_changed notifications, in order, ids of the server's requests numbered, times taken out. */
  readonly messages: string[];
  /** How often each list_changed came: the layer fetches the list before it passes one on, so their place may differ. */
  readonly listChanged: Record<string, number>;
}

/** What a client received, without what differs between any two runs. */
export function transcriptOf(client: LineClient): Transcript {
  const messages: string[] = [];
  const listChanged: Record<string, number> = {};
  const serverIds = new Map<unknown, string>();
  for (const message of client.received) {
    if (message.method?.endsWith('/list_changed') === true) {
      listChanged[message.method] = (listChanged[message.method] ?? 0) + 1;
      continue;
    }
    // Progress of the cancelled call ends when the server notices, a few steps earlier or later.
    if (message.params?.['progressToken'] === 77) continue;
    // Log messages of a server come at its own times.
    if (message.method === 'notifications/message') continue;
    let id = message.id;
    if (message.method !== undefined && id !== undefined) {
      if (!serverIds.has(id)) serverIds.set(id, `server request ${serverIds.size + 1}`);
      id = serverIds.get(id) ?? null;
    }
    messages.push(
      JSON.stringify({ ...message, ...(id === undefined ? {} : { id }) }).replaceAll(volatile, '<volatile>'),
    );
  }
  return { messages, listChanged };
}
