import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { HttpPeer, sendJson, type PeerRequest } from '../support/httpPeer.ts';
import { textOf, type Message, type ToolResult } from '../support/lineClient.ts';
import { messagesOf, RawSession, StandaloneBed } from '../support/standalone.ts';
import { isRunning, scripted, TestBed, until } from '../support/testEngine.ts';

const done = { content: [{ type: 'text', text: 'done' }] };

/** Holds every tool call until it is let go, and counts those that are there together. */
class Gate {
  readonly held: { readonly request: PeerRequest; readonly response: ServerResponse }[] = [];
  mostAtOnce = 0;
  isOpen = false;

  hook = (request: PeerRequest, response: ServerResponse): boolean | undefined => {
    if (request.method !== 'tools/call') return undefined;
    this.held.push({ request, response });
    this.mostAtOnce = Math.max(this.mostAtOnce, this.held.length);
    // Not in the same turn, so that those that come together are there together.
    if (this.isOpen) setImmediate(() => this.letGo());
    return true;
  };

  letGo(): void {
    const next = this.held.shift();
    if (next !== undefined) sendJson(next.response, next.request.message['id'], done);
  }
}

describe('places at a server', () => {
  describe('in an editor', () => {
    let bed: TestBed;
    let peer: HttpPeer;
    let gate: Gate;
    beforeEach(async () => {
      bed = new TestBed();
      peer = await new HttpPeer().start();
      gate = new Gate();
      peer.hook = gate.hook;
    });
    afterEach(async () => {
      gate.isOpen = true;
      gate.letGo();
      await bed.dispose();
      await peer.stop();
    });

    it('R4.1 are shared by its sessions, which take turns; a list does not wait', async () => {
      bed.configure({ s: { type: 'http', url: peer.url } }, { maxConnections: 2 });
      const { control } = await bed.startEngine();
      const [a, b] = [await bed.session('s'), await bed.session('s')];
      const first = Array.from({ length: 6 }, (_, n) => a.call('echo', { from: 'a', n }));
      // As it is sent by itself: a view asks for nothing.
      const untilQueued = async (wanted: number) => {
        await until(`${wanted} in the line`, () => {
          const pool = control.snapshots.at(-1)?.servers[0]?.pool;
          return pool?.queued === wanted;
        });
        return control.snapshots.at(-1)?.servers[0]?.pool;
      };
      await untilQueued(4);
      const second = b.call('echo', { from: 'b' });
      assert.deepEqual(await untilQueued(5), { available: 0, max: 2, limit: 2, queued: 5 });
      const { result } = await a.request('tools/list');
      assert.equal((result?.['tools'] as unknown[]).length, 2);
      // What has left the line may still be on its way.
      await until('the two are there', () => gate.held.length === 2);
      assert.equal(peer.executions('echo'), 2);
      const from = (): string[] =>
        peer.requests
          .filter((request) => request.tool === 'echo')
          .map(({ message }) => {
            const { arguments: args } = message['params'] as { arguments: { from: string } };
            return args.from;
          });
      gate.letGo();
      gate.letGo();
      await until('two more have come', () => from().length === 4);
      assert.deepEqual([...from()].sort(), ['a', 'a', 'a', 'b']);
      gate.isOpen = true;
      gate.letGo();
      gate.letGo();
      await Promise.all([...first, second]);
      assert.equal(gate.mostAtOnce, 2);
      const after = await control.server('s', (server) => server.pool.available === 2);
      assert.equal(after.pool.queued, 0);
    });

    it('R2.6 a call that is cancelled while it waits never reaches the server, and frees its place in the line', async () => {
      bed.configure({ s: { type: 'http', url: peer.url } }, { maxConnections: 1 });
      const { control } = await bed.startEngine();
      const client = await bed.session('s');
      const running = client.call('echo', { key: 'running' });
      await until('it runs', () => gate.held.length === 1);
      const waits = client.send('tools/call', { name: 'read', arguments: {} });
      await control.server('s', ({ pool }) => pool.queued === 1);
      client.write({ method: 'notifications/cancelled', params: { requestId: waits } });
      await control.server('s', ({ pool }) => pool.queued === 0);
      gate.isOpen = true;
      gate.letGo();
      assert.equal(textOf(await running), 'done');
      assert.equal(textOf(await client.call('echo')), 'done');
      assert.equal(peer.executions('read'), 0);
    });

    it('R2 a call that never gets a place is told after its time that it was not carried out', async () => {
      const lifeline = { timeouts: { read: 1 } };
      bed.configure({ s: { type: 'http', url: peer.url, lifeline } }, { maxConnections: 1 });
      await bed.startEngine();
      const client = await bed.session('s');
      const running = client.call('echo');
      const waited = await client.call('read');
      assert.match(textOf(waited), /busy with other calls for 1 s, so the tool "read" was not carried out/);
      gate.isOpen = true;
      gate.letGo();
      await running;
      assert.equal(peer.executions('read'), 0);
    });

    it('R2.5 waiting for a place and a crash of the server: every call is answered, in order, none twice', async () => {
      bed.configure(
        { s: scripted({ RECORD: bed.record }, { trustAnnotations: true }) },
        { maxConnections: 2, retryBackoffBase: 0.1 },
      );
      await bed.startEngine();
      const client = await bed.session('s');
      const calls = Array.from({ length: 20 }, (_, n) => client.call('recordOnce', { key: `k${n}`, ms: 20 }));
      await until('some have run', () => bed.recorded.length >= 6);
      void client.call('die').catch(() => undefined);
      const answers = await Promise.all(calls);
      answers.forEach((result, n) => assert.match(textOf(result), new RegExp(`^recordOnce k${n}`)));
      const order = bed.recorded.map((line) => Number(/k(\d+)/.exec(line)?.[1]));
      // Those that were lost with the process run again first.
      assert.deepEqual(
        [...new Set(order)],
        [...new Set(order)].sort((a, b) => a - b),
      );
    });

    it('R2 a call that waits for its client frees its place: the client’s own calls meanwhile go on', async () => {
      bed.configure({ s: scripted() }, { maxConnections: 1 });
      const { control } = await bed.startEngine();
      const client = await bed.session('s', { roots: {} });
      let answerRoots = (): void => undefined;
      const asked = new Promise<void>((resolve) => {
        client.onServerRequest = ({ id }) => {
          answerRoots = () => client.write({ id, result: { roots: [] } });
          resolve();
        };
      });
      const asking = client.call('ask');
      await asked;
      assert.equal(textOf(await client.call('echo', { key: 'meanwhile' })), 'meanwhile');
      answerRoots();
      await asking;
      await control.server('s', ({ pool }) => pool.available === 1);
    });
  });

  describe('of which a session keeps', () => {
    let bed: TestBed;
    let starts: string;
    beforeEach(() => {
      bed = new TestBed();
      starts = join(bed.home, 'starts.txt');
    });
    afterEach(() => bed.dispose());

    const started = (): number[] =>
      existsSync(starts) ? readFileSync(starts, 'utf8').split('\n').filter(Boolean).map(Number) : [];
    const given = async (connection: Record<string, unknown>, lifeline: Record<string, unknown> = {}) => {
      bed.configure({ s: scripted({ STARTS: starts, RECORD: bed.record }, lifeline) }, connection);
      const { control } = await bed.startEngine();
      const client = await bed.session('s');
      await client.call('echo');
      return { control, client };
    };

    it('R4.2 one: it is replaced at once when it is lost, though nobody calls', async () => {
      const { control } = await given({});
      process.kill(started()[0] ?? assert.fail(), 'SIGKILL');
      await control.server('s', ({ state, metrics }) => state === 'ready' && metrics.restarts === 1);
      assert.equal(started().length, 2);
    });

    it('R4.2 none: a lost one rests, and is brought back by the next call', async () => {
      const { control, client } = await given({ minConnections: 0 });
      process.kill(started()[0] ?? assert.fail(), 'SIGKILL');
      const { pids } = await control.server('s', ({ state }) => state === 'idle');
      assert.deepEqual(pids, []);
      assert.equal(started().length, 1);
      assert.equal(textOf(await client.call('echo', { key: 'again' })), 'again');
      assert.equal(started().length, 2);
    });

    it('R4.2 none: a call that was under way brings it back', async () => {
      const { control, client } = await given({ minConnections: 0 }, { trustAnnotations: true });
      const call = client.call('recordOnce', { key: 'k', ms: 500 });
      await until('it runs', () => bed.executions('recordOnce', 'k') === 1);
      process.kill(started()[0] ?? assert.fail(), 'SIGKILL');
      assert.match(textOf(await call), /recordOnce k/);
      await control.server('s', ({ state }) => state === 'ready');
      assert.equal(started().length, 2);
    });

    it('R4.2 none, but it is kept warm: it is replaced at once', async () => {
      const { control } = await given({ minConnections: 0 }, { keepWarm: true });
      process.kill(started()[0] ?? assert.fail(), 'SIGKILL');
      await control.server('s', ({ state, metrics }) => state === 'ready' && metrics.restarts === 1);
    });

    it('R4.2 the minimum is nothing to a server without a client', async () => {
      const { control, client } = await given({ minConnections: 5 });
      const [pid = 0] = started();
      await client.close();
      await control.server('s', ({ state, sessions }) => state === 'idle' && sessions === 0);
      await until('it has ended', () => !isRunning(pid));
      assert.equal(started().length, 1);
    });
  });

  describe('stand-alone', () => {
    let bed: StandaloneBed;
    let peer: HttpPeer;
    beforeEach(async () => {
      bed = new StandaloneBed();
      peer = await new HttpPeer().start();
    });
    afterEach(async () => {
      await bed.dispose();
      await peer.stop();
    });

    for (const [clients, each] of [
      [5, 10],
      [100, 5],
    ] as const) {
      it(`R4.1 ${clients} clients with ${each} calls each at once: all succeed, never more than ten at the server`, async () => {
        const gate = new Gate();
        peer.hook = gate.hook;
        const { ready } = await bed.serve({ servers: { s: { type: 'http', url: peer.url } } });
        const url = ready.servers['s']?.url ?? assert.fail();
        const sessions = Array.from({ length: clients }, () => new RawSession(url, ready.token));
        for (const session of sessions) await session.initialize();
        const calls = sessions.flatMap((session) =>
          Array.from({ length: each }, (_, n) => session.call(n + 1, 'echo')),
        );
        await until('ten are there', () => gate.held.length === 10);
        gate.isOpen = true;
        for (let place = 0; place < 10; place += 1) gate.letGo();
        const answers = await Promise.all(calls);
        const failed = answers.filter(({ text }) => !text.includes('done'));
        assert.deepEqual(
          failed.map(({ status, text }) => `${status} ${text}`),
          [],
        );
        assert.equal(gate.mostAtOnce, 10);
        assert.equal(peer.executions('echo'), clients * each);
      });
    }

    it('R4.1 what does not fit is refused: not carried out, and never sent', async () => {
      const gate = new Gate();
      peer.hook = gate.hook;
      const { ready } = await bed.serve({
        servers: { s: { type: 'http', url: peer.url, lifeline: { connection: { maxConnections: 1 } } } },
      });
      const session = new RawSession(ready.servers['s']?.url ?? assert.fail(), ready.token);
      await session.initialize();
      const calls = Array.from({ length: 102 }, (_, n) => session.call(n + 1, 'echo'));
      const { text } = await Promise.race(calls);
      const message = text.startsWith('{') ? (JSON.parse(text) as Message) : messagesOf(text)[0];
      const result = message?.result as unknown as ToolResult;
      assert.equal(result._meta?.[OUTCOME_META]?.['code'], 'overloaded');
      assert.match(textOf(result), /was not carried out/);
      gate.isOpen = true;
      gate.letGo();
      await Promise.all(calls);
      assert.equal(peer.executions('echo'), 101);
    });
  });
});
