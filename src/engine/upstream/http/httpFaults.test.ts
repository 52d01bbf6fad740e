import assert from 'node:assert/strict';
import { networkFailure, parseRetryAfter, statusFailure } from './httpFaults.ts';

const given = (status: number, more: Partial<Parameters<typeof statusFailure>[0]> = {}) =>
  statusFailure({
    server: 's',
    status,
    contentType: '',
    location: undefined,
    retryAfterMs: undefined,
    body: new Uint8Array(),
    hasSession: true,
    ...more,
  });

describe('faults of HTTP', () => {
  for (const [status, code, delivered] of [
    [301, 'httpError', 'no'],
    [303, 'httpError', 'unknown'],
    [307, 'httpError', 'no'],
    [400, 'sessionNotReady', 'no'],
    [401, 'authRequired', 'no'],
    [403, 'forbidden', 'no'],
    [404, 'sessionLost', 'no'],
    [405, 'httpError', 'no'],
    [408, 'httpError', 'unknown'],
    [409, 'httpError', 'unknown'],
    [413, 'httpError', 'no'],
    [418, 'httpError', 'unknown'],
    [429, 'rateLimited', 'no'],
    [500, 'serverError', 'unknown'],
    [502, 'unavailable', 'unknown'],
    [503, 'unavailable', 'unknown'],
    [504, 'unavailable', 'unknown'],
    [599, 'serverError', 'unknown'],
  ] as const) {
    it(`R2.3 R2.4 ${status} is ${code}; delivered: ${delivered}`, () => {
      const failure = given(status);
      assert.equal(failure.fault.code, code);
      assert.equal(failure.delivered, delivered);
      assert.match(failure.fault.message, new RegExp(`^The MCP server "s" answered ${status}`));
    });
  }

  it('R2.3 404 without a session is a wrong address', () => {
    assert.match(given(404, { hasSession: false }).fault.message, /404 Not Found: check "url"/);
  });

  it('R2.3 quotes what the server says for people, cut to size, and nothing that it does not', () => {
    const json = (value: unknown) => ({
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify(value)),
    });
    const say = (more: object): string => given(500, more).fault.message;
    assert.match(say(json({ error: { code: 1, message: 'disk\nfull' } })), /\(disk full\)/);
    assert.match(say(json({ error: 'invalid_token', error_description: 'expired' })), /\(expired\)/);
    assert.match(say(json({ detail: 'no' })), /\(no\)/);
    assert.match(say({ contentType: 'text/plain', body: Buffer.from('x'.repeat(900)) }), /\(x{200}…\)/);
    for (const body of ['<html>', '{"message":', '[]', '\0'])
      for (const contentType of ['text/html', 'application/json', ''])
        assert.doesNotMatch(say({ contentType, body: Buffer.from(body) }), /\(/);
  });

  it('R2.3 R2.4 an error before a connection was there proves that nothing was delivered', () => {
    const fail = (code: string, began: boolean) =>
      networkFailure('s', 'h:1', Object.assign(new Error('m'), { code }), began);
    for (const [code, began, fault, delivered] of [
      ['ECONNREFUSED', false, 'connectionRefused', 'no'],
      ['ENOTFOUND', false, 'connectionRefused', 'no'],
      ['CERT_HAS_EXPIRED', false, 'connectionRefused', 'no'],
      ['UND_ERR_CONNECT_TIMEOUT', false, 'connectTimeout', 'no'],
      ['ECONNRESET', true, 'connectionReset', 'unknown'],
      ['UND_ERR_SOCKET', true, 'connectionReset', 'unknown'],
      ['HPE_INVALID_CONSTANT', true, 'protocolGarbage', 'unknown'],
    ] as const) {
      const failure = fail(code, began);
      assert.deepEqual([failure.fault.code, failure.delivered], [fault, delivered], code);
      assert.match(failure.fault.message, new RegExp(code));
    }
  });

  it('R14.4 tells where a server refers to without what may be a key', () => {
    for (const [location, told] of [
      ['https://me:SECRET@b.example/mcp?key=SECRET', '"https://b.example/mcp?…"'],
      ['/mcp/#SECRET', '"/mcp/?…"'],
      ['//b.example/mcp', '"//b.example/mcp"'],
    ] as const) {
      const { message } = given(307, { location }).fault;
      assert.ok(message.includes(`it refers to ${told}`), message);
      assert.doesNotMatch(message, /SECRET/);
    }
  });

  it('R2 Retry-After is seconds or a date, and an hour at most', () => {
    const now = Date.UTC(2026, 0, 1);
    for (const [value, ms] of [
      ['3', 3_000],
      [' 0 ', 0],
      ['99999', 3_600_000],
      ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
      ['Thu, 01 Jan 2020 00:00:10 GMT', 0],
      ['soon', undefined],
      [undefined, undefined],
      [['1', '2'], undefined],
    ] as const) {
      assert.equal(parseRetryAfter(value, now), ms, String(value));
    }
  });
});
