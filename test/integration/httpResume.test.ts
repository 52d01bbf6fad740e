import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, buildConnector, fetch } from 'undici';
import { everythingServer } from '../support/testEngine.ts';
import { textOf } from '../support/lineClient.ts';
import { StandaloneBed } from '../support/standalone.ts';

describe('the official SDK’s client, whose connections are cut', () => {
  const bed = new StandaloneBed();
  const sockets = new Set<Socket>();
  const connect = buildConnector({});
  const agent = new Agent({
    connect: (options, done) =>
      connect(options, (...result) => {
        if (result[1] !== null) sockets.add(result[1]);
        done(...result);
      }),
  });
  const cutAll = (): number => {
    const cut = [...sockets].filter((socket) => !socket.destroyed);
    for (const socket of cut) socket.destroy();
    return cut.length;
  };
  after(async () => {
    await agent.destroy();
    await bed.dispose();
  });

  it('R9.2 gets all progress and the answer of a call that was under way, which ran once', async () => {
    const { ready } = await bed.serve({
      servers: { everything: { command: process.execPath, args: [everythingServer, 'stdio'] } },
    });
    const client = new Client({ name: 'sdk', version: '1.0.0' }, { capabilities: {} });
    const transport = new StreamableHTTPClientTransport(new URL(ready.servers['everything']?.url ?? ''), {
      requestInit: { headers: { authorization: `Bearer ${ready.token}` } },
      reconnectionOptions: {
        initialReconnectionDelay: 100,
        maxReconnectionDelay: 1_000,
        reconnectionDelayGrowFactor: 2,
        maxRetries: 5,
      },
      // The same library as the global one's, with connections that can be reached.
      fetch: ((url: URL, init: object) => fetch(url, { ...init, dispatcher: agent })) as never,
    });
    await client.connect(transport);
    try {
      const steps: number[] = [];
      let cut = 0;
      const long = { name: 'trigger-long-running-operation', arguments: { duration: 3, steps: 6 } };
      const answer = await client.callTool(long, undefined, {
        timeout: 30_000,
        onprogress: ({ progress }) => {
          steps.push(progress);
          if (progress === 2 || progress === 4) cut += cutAll();
        },
      });
      assert.ok(cut >= 2, 'its connections were cut twice');
      assert.match(textOf(answer), /completed/);
      assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
      await transport.terminateSession();
    } finally {
      await client.close();
    }
  });
});
