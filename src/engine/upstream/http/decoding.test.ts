import assert from 'node:assert/strict';
import { once } from 'node:events';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { asksForCompression, Decoder, decodingOf } from './decoding.ts';

describe('compressed answers', () => {
  it('R4.3 are asked for where the way is long', () => {
    for (const url of ['https://example.com/mcp', 'http://192.168.1.2:8000/', 'http://localhost.example/'])
      assert.equal(asksForCompression(new URL(url)), true, url);
    for (const url of ['http://localhost:8000/', 'http://127.0.0.1/', 'http://127.8.8.8/', 'http://[::1]:1/'])
      assert.equal(asksForCompression(new URL(url)), false, url);
  });

  const decoded = (encoding: string, bytes: Uint8Array, pieceBytes: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const make = decodingOf(encoding);
      if (typeof make !== 'function') throw new Error(encoding);
      const chunks: Uint8Array[] = [];
      const decoder = new Decoder(make(), {
        onData: (chunk) => chunks.push(chunk),
        onFull: () => undefined,
        onError: reject,
      });
      for (let at = 0; at < bytes.length; at += pieceBytes)
        decoder.write(bytes.subarray(at, at + pieceBytes));
      decoder.end(() => resolve(Buffer.concat(chunks)));
    });

  it('R4.3 are decoded however they are cut', async () => {
    const text = Buffer.from('{"text":"ä"}'.repeat(10_000));
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(text)],
      ['X-GZip', gzipSync(text)],
      ['deflate', deflateSync(text)],
      ['br', brotliCompressSync(text)],
    ] as const)
      for (const pieceBytes of [7, 1_000_000])
        assert.deepEqual(await decoded(encoding, bytes, pieceBytes), text, `${encoding} ${pieceBytes}`);
  });

  it('R14.3 that are broken, or break off, are an error', async () => {
    const bytes = gzipSync(Buffer.from('x'.repeat(1_000)));
    await assert.rejects(decoded('gzip', bytes.subarray(0, bytes.length - 5), 1_000));
    await assert.rejects(decoded('gzip', Buffer.from('no gzip at all'), 1_000));
    await assert.rejects(decoded('br', Buffer.from([0xff, 0xff, 0xff, 0xff]), 1_000));
  });

  it('R2.1 end, whatever stands behind them and whenever that came', async () => {
    for (const behind of [Buffer.alloc(20), Buffer.from('x')]) {
      const make = decodingOf('gzip');
      assert.ok(typeof make === 'function');
      const stream = make();
      let text = '';
      const decoder = new Decoder(stream, {
        onData: (chunk) => (text += Buffer.from(chunk).toString()),
        onFull: () => undefined,
        onError: (error) => assert.fail(error),
      });
      decoder.write(Buffer.concat([gzipSync('whole'), Buffer.alloc(3)]));
      await once(stream, 'end');
      decoder.write(behind);
      await new Promise<void>((resolve) => decoder.end(resolve));
      assert.equal(text, 'whole');
    }
  });

  it('in an encoding that nobody asked for are not guessed at', () => {
    for (const encoding of ['zstd', 'gzip, br', 'compress']) assert.equal(decodingOf(encoding), undefined);
    for (const encoding of [undefined, '', 'Identity']) assert.equal(decodingOf(encoding), 'identity');
  });
});
