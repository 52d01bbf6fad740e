import assert from 'node:assert/strict';
import { HttpPeer } from '../support/httpPeer.ts';
import { textOf, type LineClient } from '../support/lineClient.ts';
import { TestBed, until, type ControlClient } from '../support/testEngine.ts';

describe('a server with several endpoints', () => {
  let bed: TestBed;
  let control: ControlClient;
  let client: LineClient;
  let a: HttpPeer;
  let b: HttpPeer;
  beforeEach(async () => {
    bed = new TestBed();
    a = await new HttpPeer().start();
    b = await new HttpPeer().start();
  });
  afterEach(async () => {
    await bed.dispose();
    await Promise.all([a.stop(), b.stop()]);
  });

  const start = async (lifeline: Record<string, unknown> = {}): Promise<void> => {
    const headers = { 'X-Key': 'secret' };
    bed.configure(
      {
        s: {
          type: 'http',
          url: `${a.url}?key=1`,
          headers,
          lifeline: { endpoints: [b.url], trustAnnotations: true, ...lifeline },
        },
      },
      { healthCheckInterval: 1 },
    );
    ({ control } = await bed.startEngine());
    client = await bed.session('s');
    assert.equal(textOf(await client.call('read')), 'read done');
  };
  const isReadyAt = (peer: HttpPeer): Promise<unknown> =>
    control.server('s', ({ state, endpoint }) => state === 'ready' && endpoint === peer.url, 30_000);

  it('R4.4 uses the first one, and shows it without its query', async () => {
    await start();
    await isReadyAt(a);
    assert.equal(b.requests.length, 0);
  });

  it('R4.4 begins with another one when the preferred one is not there', async () => {
    await a.stop();
    await start();
    await isReadyAt(b);
    const { headers } = b.requests.find(({ tool }) => tool === 'read') ?? assert.fail();
    assert.equal(headers['x-key'], 'secret');
    await a.start();
  });

  it('R4.4 R2.4 goes over under load when the preferred one dies, and back when it is well; every call is answered, none runs twice', async () => {
    await start();
    const names: string[] = [];
    const outcomes: string[] = [];
    const isOver = { value: false };
    const work = async (worker: number): Promise<void> => {
      for (let turn = 0; !isOver.value; turn += 1) {
        const key = `${worker}.${turn}`;
        const tool = worker % 2 === 0 ? 'read' : 'echo';
        names.push(`${tool} ${key}`);
        outcomes.push(`${tool} ${key} ${textOf(await client.call(tool, { key }, 30_000))}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const workers = [0, 1, 2, 3].map(work);
    const count = (peer: HttpPeer): number => peer.executions('read') + peer.executions('echo');
    await until('calls run', () => count(a) > 40);
    await a.stop();
    await isReadyAt(b);
    const beforeReturn = count(b);
    await until('calls go on', () => count(b) > beforeReturn + 40);
    await a.start();
    await isReadyAt(a);
    const afterReturn = count(a);
    await until('calls go on where they were', () => count(a) > afterReturn + 40);
    isOver.value = true;
    await Promise.all(workers);

    assert.equal(outcomes.length, names.length);
    // A call that may not be repeated and was under way when the server died is the only one that may not have its result.
    const failed = outcomes.filter((outcome) => !outcome.endsWith(' done'));
    assert.ok(
      failed.every((outcome) => /^echo .* is unknown/.test(outcome)),
      failed.join('\n'),
    );
    assert.ok(failed.length <= 2, failed.join('\n'));
    const executions = new Map<string, number>();
    for (const { tool, message } of [...a.requests, ...b.requests]) {
      if (tool !== 'echo') continue;
      const { arguments: args } = message['params'] as { arguments: { key?: string } };
      executions.set(args.key ?? '', (executions.get(args.key ?? '') ?? 0) + 1);
    }
    assert.deepEqual(
      [...executions].filter(([, times]) => times > 1),
      [],
    );
  });

  it('R4.4 goes over when a gateway answers 503 for it', async () => {
    await start();
    a.hook = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    assert.equal(textOf(await client.call('read', {}, 30_000)), 'read done');
    await isReadyAt(b);
    a.hook = () => undefined;
    await isReadyAt(a);
  });

  it('R4.4 asks the preferred one by a ping that opens no session and holds no stream', async () => {
    await start();
    await a.stop();
    assert.equal(textOf(await client.call('read', {}, 30_000)), 'read done');
    await isReadyAt(b);
    const before = a.requests.length;
    let probes = 0;
    a.hook = ({ method, headers }, response) => {
      if (headers['mcp-session-id'] !== undefined || method === 'initialize') return undefined;
      probes += 1;
      // As a server that has gone into maintenance behind its address.
      if (probes <= 2) response.writeHead(502).end();
      return probes <= 2;
    };
    await a.start();
    await isReadyAt(a);
    const asked = a.requests.slice(before).filter(({ headers }) => headers['mcp-session-id'] === undefined);
    const methods = asked.map(({ httpMethod, method }) => `${httpMethod} ${method ?? ''}`);
    assert.equal(methods.at(-1), 'POST initialize');
    assert.ok(methods.length >= 5);
    assert.ok(methods.slice(0, -1).every((method) => method === 'POST ping'));
    assert.ok(asked.every(({ headers }) => headers['x-key'] === 'secret'));
  });

  it('R4.4 when none is there it is tried again as ever, and whichever comes is used', async () => {
    await start();
    await Promise.all([a.stop(), b.stop()]);
    const call = client.call('read', {}, 30_000);
    await control.server(
      's',
      ({ state, nextAttemptAt }) => state === 'recovering' && nextAttemptAt !== undefined,
    );
    await b.start();
    assert.equal(textOf(await call), 'read done');
    await isReadyAt(b);
    await a.start();
  });
});
