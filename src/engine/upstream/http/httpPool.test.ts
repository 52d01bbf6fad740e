import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { HttpPool, loadClientFactory, type Lease } from './httpPool.ts';

describe('the pool of HTTP connections', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let pool: HttpPool;
  let clock: FakeClock;
  let settings = { connectTimeoutMs: 1_000, maxIdle: 2, idleExpiryMs: 60_000 };

  beforeEach(async () => {
    settings = { connectTimeoutMs: 1_000, maxIdle: 2, idleExpiryMs: 60_000 };
    server = createServer((_request, response) => response.end('ok'));
    server.keepAliveTimeout = 120_000;
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    clock = new FakeClock();
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const createClient = await loadClientFactory();
    pool = new HttpPool({ origin, clock, settings: () => settings, createClient });
  });
  afterEach(() => {
    pool.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const use = async (lease: Lease): Promise<void> => {
    const answer = await lease.dispatcher.request({ path: '/', method: 'GET' });
    await answer.body.dump();
  };
  const open = async (count: number): Promise<Lease[]> => {
    const leases = Array.from({ length: count }, () => pool.take(false));
    await Promise.all(leases.map(use));
    return leases;
  };
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    for (let turn = 0; !holds(); turn += 1) {
      assert.ok(turn < 500, what);
      await wait(10);
    }
  };

  it('R5.9 uses no connection that was idle when the machine slept, however little its own clock moved', async () => {
    const [first] = await open(1);
    first?.release(true);
    clock.sleep(3_600_000);
    assert.notEqual(pool.take(false).dispatcher, first?.dispatcher);
    assert.equal(pool.idle, 0);
  });

  it('R5.9 drops what is idle when it is told to, and goes on keeping connections', async () => {
    const [first] = await open(1);
    first?.release(true);
    pool.dropIdle();
    assert.equal(pool.idle, 0);
    const [second] = await open(1);
    second?.release(true);
    assert.equal(pool.idle, 1);
  });

  it('R4.3 gives the connection that was used last, and opens another only when none is idle', async () => {
    const [first, second] = await open(2);
    assert.equal(sockets.size, 2);
    first?.release(true);
    second?.release(true);
    const again = pool.take(false);
    assert.equal(again.dispatcher, second?.dispatcher);
    await use(again);
    assert.equal(sockets.size, 2);
  });

  it('R4.3 a call that nobody may repeat takes no connection that was idle for more than a second', async () => {
    const [lease] = await open(1);
    lease?.release(true);
    await clock.advance(1_000);
    const fresh = pool.take(true);
    assert.equal(fresh.dispatcher, lease?.dispatcher);
    fresh.release(true);
    await clock.advance(1_001);
    assert.notEqual(pool.take(true).dispatcher, lease?.dispatcher);
    assert.equal(pool.take(false).dispatcher, lease?.dispatcher);
  });

  it('R2 keeps more than its limit for a second only, because calls come in crowds', async () => {
    for (const lease of await open(5)) lease.release(true);
    const again = await open(5);
    assert.equal(sockets.size, 5);
    for (const lease of again) lease.release(true);
    await clock.advance(1_000);
    await until('all but two to be closed', () => sockets.size === 2);
    assert.equal(pool.take(false).dispatcher, again.at(-1)?.dispatcher);
  });

  it('R4.3 closes none that a load beyond the limit uses again and again, and all of them when it is over', async () => {
    const leases = await open(5);
    const dispatchers = new Set(leases.map(({ dispatcher }) => dispatcher));
    for (const lease of leases) lease.release(true);
    for (let turn = 0; turn < 10; turn += 1) {
      await clock.advance(400);
      const again = await open(5);
      for (const { dispatcher } of again) assert.ok(dispatchers.has(dispatcher), `turn ${turn}`);
      for (const lease of again) lease.release(true);
    }
    await clock.advance(1_500);
    await until('all but two to be closed', () => sockets.size === 2);
    assert.equal(pool.idle, 2);
  });

  it('R2 closes what was given back as unusable, and everything when nothing is to be kept', async () => {
    const [broken, good] = await open(2);
    broken?.release(false);
    await until('the broken one to be closed', () => sockets.size === 1);
    settings = { ...settings, maxIdle: 0 };
    good?.release(true);
    await until('the other one to be closed', () => sockets.size === 0);
    assert.equal(pool.idle, 0);
  });

  it('R4.3 forgets a connection that the server closes', async () => {
    const [lease] = await open(1);
    lease?.release(true);
    assert.equal(pool.idle, 1);
    for (const socket of sockets) socket.destroy();
    await until('it to be forgotten', () => pool.idle === 0);
    await use(pool.take(true));
  });

  it('R3.3 R4.3 leaves nothing behind on a connection that is used again and again', async () => {
    const [lease] = await open(1);
    lease?.release(true);
    const client = lease?.dispatcher as unknown as EventEmitter;
    const before = client.listenerCount('disconnect');
    for (let turn = 0; turn < 20; turn += 1) pool.take(false).release(true);
    assert.equal(client.listenerCount('disconnect'), before);
  });

  it('R14.5 closes what is idle at its end, and what is given back after it', async () => {
    const [busy, idle] = await open(2);
    idle?.release(true);
    pool.close();
    await until('the idle one to be closed', () => sockets.size === 1);
    busy?.release(true);
    await until('the busy one to be closed', () => sockets.size === 0);
    assert.equal(clock.pending, 0);
  });
});
