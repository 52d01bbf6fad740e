import assert from 'node:assert/strict';
import { HttpPeer } from '../support/httpPeer.ts';
import { textOf } from '../support/lineClient.ts';
import { scripted, TestBed, until, type ControlClient } from '../support/testEngine.ts';

/** Mistakes that other gateways made with their health checks (numbers as in the survey of peers, §8). */
describe('mistakes of peers: health checks', () => {
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

  const startHttp = async (): Promise<void> => {
    bed.configure({ s: { type: 'http', url: peer.url } }, { healthCheckInterval: 1 });
    ({ control } = await bed.startEngine());
  };

  it('R5.3 6: a probe is a ping in the session that is there: no GET, no initialize, no further session', async () => {
    await startHttp();
    await bed.session('s');
    await control.server('s', ({ state }) => state === 'ready');
    const before = peer.requests.length;
    await until(
      'three probes',
      () => peer.requests.slice(before).filter(({ method }) => method === 'ping').length >= 3,
    );
    const others = peer.requests
      .slice(before)
      .filter(({ method }) => method !== 'ping' && method !== 'tools/list');
    assert.deepEqual(
      others.map(({ httpMethod, method }) => `${httpMethod} ${method ?? ''}`),
      [],
    );
    assert.equal(peer.sessions.size, 1);
    assert.equal(peer.count('initialize'), 1);
  });

  it('R5.3 R3.8 6: a probe that is refused with 401 is no outage: sign-in is asked for, and the breaker stays closed', async () => {
    await startHttp();
    await bed.session('s');
    await control.server('s', ({ state }) => state === 'ready');
    peer.hook = (_request, response) => {
      response.writeHead(401).end();
      return true;
    };
    const shown = await control.server('s', ({ state }) => state === 'needsSignIn');
    assert.equal(shown.breaker.state, 'closed');
    assert.equal(shown.breaker.failures, 0);
    assert.equal(shown.metrics.restarts, 0);
  });

  it('R5.3 a remote server whose probe meets "too many requests" is well', async () => {
    await startHttp();
    const client = await bed.session('s');
    await control.server('s', ({ state }) => state === 'ready');
    let refused = 0;
    peer.hook = ({ method }, response) => {
      if (method !== 'ping') return undefined;
      refused += 1;
      response.writeHead(429).end();
      return true;
    };
    await until('three refusals', () => refused >= 3);
    assert.ok(control.snapshots.every(({ servers }) => servers[0]?.state !== 'suspect'));
    assert.equal(textOf(await client.call('read')), 'read done');
  });

  it('R5.3 8: a server that hangs in initialize is never shown as ready', async () => {
    bed.configure({ s: scripted({ INIT_DELAY: '4000' }) }, { healthCheckInterval: 1 });
    ({ control } = await bed.startEngine());
    const client = bed.bridge('s');
    client.send('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    });
    await control.server('s', ({ state }) => state === 'initializing');
    const firstReady = await control.server('s', ({ state }) => state === 'ready');
    const states = control.snapshots.map(({ servers }) => servers[0]?.state);
    assert.equal(firstReady.state, 'ready');
    assert.ok(states.lastIndexOf('initializing') < states.indexOf('ready'), states.join());
    assert.ok(!states.includes('suspect'));
  });
});
