import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { HttpPeer } from '../support/httpPeer.ts';
import { textOf } from '../support/lineClient.ts';
import { TestBed, type ControlClient } from '../support/testEngine.ts';

/** What servers and what stands before them do that the specification did not foresee, each seen somewhere. */
describe('a Streamable HTTP server with its own ideas', () => {
  let bed: TestBed;
  let peer: HttpPeer;
  let control: ControlClient;
  beforeEach(async () => {
    bed = new TestBed();
    peer = await new HttpPeer().start();
  });
  afterEach(async () => {
    await bed.dispose();
    await peer.stop();
  });

  const start = async (connection: Record<string, unknown> = {}): Promise<void> => {
    bed.configure({ s: { type: 'http', url: peer.url } }, connection);
    ({ control } = await bed.startEngine());
  };
  const refuse = (response: ServerResponse, status: number, id: unknown, code: number): true => {
    const body = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'no' } });
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    return true;
  };

  for (const [status, id, code] of [
    [404, 'server-error', -32_600],
    [404, undefined, -32_001],
    [400, undefined, -32_000],
  ] as const) {
    it(`R3.2 ${status} with the error ${code} of JSON-RPC (id: ${id ?? 'the request’s'}) is a lost session`, async () => {
      await start();
      const client = await bed.session('s');
      await client.call('echo');
      peer.sessions.clear();
      peer.hook = ({ method, headers, message }, response) =>
        method !== 'initialize' &&
        !peer.sessions.has(String(headers['mcp-session-id'])) &&
        refuse(response, status, id ?? message['id'] ?? null, code);
      assert.equal(textOf(await client.call('echo')), 'echo done');
      assert.equal(peer.count('initialize'), 2);
    });
  }

  it('R3.5 an answer of MCP is passed on with 404, 400 and 500 too', async () => {
    await start();
    const client = await bed.session('s');
    for (const [status, code] of [
      [404, -32_601],
      [400, -32_602],
      [500, -32_603],
    ] as const) {
      peer.hook = ({ tool, message }, response) =>
        tool !== undefined && refuse(response, status, message['id'], code);
      assert.equal((await client.request('tools/call', { name: 'echo' })).error?.code, code);
    }
    assert.equal(peer.count('initialize'), 1);
  });

  it('R3.8 401 needs a sign-in also when it comes with an error of JSON-RPC', async () => {
    peer.hook = ({ message }, response) => refuse(response, 401, message['id'] ?? null, -32_001);
    await start();
    const client = bed.bridge('s');
    void client.initialize().catch(() => undefined);
    await control.server('s', (server) => server.state === 'needsSignIn');
  });
});
