import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { brotliCompressSync, constants, createGzip, gzipSync } from 'node:zlib';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { HttpPeer, sse, type PeerRequest } from '../support/httpPeer.ts';
import { textOf, type ToolResult } from '../support/lineClient.ts';
import { TestBed, until, type ControlClient } from '../support/testEngine.ts';

describe('an HTTP server that compresses its answers', () => {
  let bed: TestBed;
  let peer: HttpPeer;
  let control: ControlClient;
  beforeEach(async () => {
    bed = new TestBed();
    peer = await new HttpPeer().start();
    // On this machine nothing is asked for; what comes compressed is decoded anyway.
    bed.configure({ s: { type: 'http', url: peer.url } });
    ({ control } = await bed.startEngine());
  });
  afterEach(async () => {
    await bed.dispose();
    await peer.stop();
  });

  const codeOf = (result: ToolResult): unknown => result._meta?.[OUTCOME_META]?.['code'];
  const answerTo = ({ message, tool }: PeerRequest, text = `${tool ?? ''} done`): Buffer =>
    Buffer.from(
      JSON.stringify({ jsonrpc: '2.0', id: message['id'], result: { content: [{ type: 'text', text }] } }),
    );
  const send = (response: ServerResponse, encoding: string, body: Buffer): true => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body);
    return true;
  };

  it('R4.3 is understood with gzip and br, small and large', async () => {
    const large = 'x'.repeat(3_000_000);
    peer.hook = (request, response) => {
      if (request.tool === undefined) return undefined;
      if (request.tool === 'echo') return send(response, 'gzip', gzipSync(answerTo(request)));
      return send(response, 'br', brotliCompressSync(answerTo(request, large)));
    };
    const client = await bed.session('s');
    for (let n = 0; n < 3; n += 1) assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal(textOf(await client.call('read')), large);
    const ports = new Set(peer.requests.filter(({ tool }) => tool !== undefined).map(({ port }) => port));
    assert.equal(ports.size, 1, 'its connection is used again');
  });

  it('R9.2 gives progress as it comes, before the answer is there', async () => {
    let finish: (() => void) | undefined;
    peer.hook = (request, response) => {
      if (request.tool !== 'echo') return undefined;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      const gzip = createGzip();
      gzip.pipe(response);
      gzip.write(sse({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'early' } }));
      gzip.flush();
      finish = () => gzip.end(sse(String(answerTo(request))));
      return true;
    };
    const client = await bed.session('s');
    const call = client.call('echo');
    await until('the message', () =>
      client.received.some(({ method }) => method === 'notifications/message'),
    );
    finish?.();
    assert.equal(textOf(await call), 'echo done');
  });

  const ways = [
    ['where its compressed stream was cut', (response: ServerResponse) => void response.destroy()],
    [
      'also where it ended its stream without the end of what was compressed',
      (response: ServerResponse) => void response.end(),
    ],
  ] as const;
  for (const [where, stop] of ways)
    it(`R2.4 is resumed ${where}`, async () => {
      peer.hook = (request, response) => {
        if (request.tool === 'echo') {
          response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
          const gzip = createGzip();
          gzip.on('data', (chunk: Buffer) => response.write(chunk));
          gzip.write('id: e1\nretry: 10\ndata: \n\n');
          gzip.flush(constants.Z_SYNC_FLUSH, () => void turn().then(() => stop(response)));
          return true;
        }
        if (request.httpMethod !== 'GET' || request.headers['last-event-id'] !== 'e1') return undefined;
        const call = peer.requests.find((one) => one.tool === 'echo') ?? assert.fail();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(sse(String(answerTo(call)), 'e2'));
        return true;
      };
      const client = await bed.session('s');
      assert.equal(textOf(await client.call('echo')), 'echo done');
      assert.equal(peer.executions('echo'), 1);
    });

  it('R2.4 that is asked for the rest of a stream and has none (204) is not asked again', async () => {
    let asked = 0;
    peer.hook = (request, response) => {
      if (request.tool === 'echo') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end('id: e1\nretry: 10\ndata: \n\n');
        return true;
      }
      if (request.headers['last-event-id'] !== 'e1') return undefined;
      asked += 1;
      response.writeHead(204).end();
      return true;
    };
    const client = await bed.session('s');
    assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown');
    assert.deepEqual([asked, peer.executions('echo')], [1, 1]);
  });

  it('R14.3 and answers what cannot be decoded leaves one outcome unknown, and nothing else', async () => {
    const whole = gzipSync(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'.padEnd(5_000)));
    const bodies: [string, Buffer][] = [
      ['gzip', Buffer.from('this is no gzip')],
      ['gzip', whole.subarray(0, whole.length - 6)],
      ['gzip', Buffer.concat([whole.subarray(0, 20), Buffer.from('broken in the middle')])],
      ['br', Buffer.from([0xff, 0xff, 0xff, 0xff])],
      ['zstd', whole],
    ];
    const client = await bed.session('s');
    for (const [encoding, body] of bodies) {
      peer.hook = (request, response) =>
        request.tool === 'echo' ? send(response, encoding, body) : undefined;
      const before = peer.executions('echo');
      assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown', encoding);
      assert.equal(peer.executions('echo'), before + 1);
      peer.hook = () => undefined;
      // More good calls than bad ones, or the breaker would speak.
      for (let n = 0; n < 4; n += 1) assert.equal(textOf(await client.call('echo')), 'echo done');
    }
    assert.equal((await control.snapshot()).servers[0]?.state, 'ready');
  });

  it('R14.3 and sends a bomb is told that its answer is too long', async () => {
    // 512 MB of blanks in half a megabyte.
    const gzip = createGzip({ level: 9 });
    const packed: Buffer[] = [];
    gzip.on('data', (chunk: Buffer) => packed.push(chunk));
    const blanks = Buffer.alloc(16_777_216, ' ');
    for (let n = 0; n < 32; n += 1)
      if (!gzip.write(blanks)) await new Promise((go) => gzip.once('drain', go));
    await new Promise<void>((go) => gzip.end(go));
    const bomb = Buffer.concat(packed);
    assert.ok(bomb.length < 2_000_000);
    const client = await bed.session('s');
    for (const type of ['application/json', 'text/event-stream']) {
      peer.hook = (request, response) => {
        if (request.tool !== 'echo') return undefined;
        response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' }).end(bomb);
        return true;
      };
      assert.equal(codeOf(await client.call('echo')), 'outcomeUnknown', type);
    }
    peer.hook = () => undefined;
    assert.equal(textOf(await client.call('echo')), 'echo done');
    assert.equal((await control.snapshot()).servers[0]?.metrics.restarts, 0);
  });
});
