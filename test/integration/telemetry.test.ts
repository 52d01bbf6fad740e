import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { providePrometheusParser } from '../../scripts/prometheusParser.mjs';
import { serverMetrics } from '../../src/engine/observability/exporters/metricTable.ts';
import { prometheusName } from '../../src/engine/observability/exporters/prometheusText.ts';
import type { Snapshot } from '../../src/shared/model/snapshot.ts';
import { HttpPeer } from '../support/httpPeer.ts';
import { LineClient } from '../support/lineClient.ts';
import { OtlpCollector, type ReceivedSpan } from '../support/otlpCollector.ts';
import { RawSession, send, StandaloneBed, type ReadyLine } from '../support/standalone.ts';
import { enginePath, scripted, until } from '../support/testEngine.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const SECRET = 'hunter2-hunter2-hunter2';

describe('R11.8 telemetry', () => {
  let bed: StandaloneBed;
  let collector: OtlpCollector;
  const closing: (() => unknown)[] = [];

  before(async function () {
    // Fetched once for all clones.
    this.timeout(180_000);
    collector = await OtlpCollector.start();
    await collector.stop();
  });
  beforeEach(async () => {
    bed = new StandaloneBed();
    collector = await OtlpCollector.start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await bed.dispose();
    await collector.stop();
  });

  const sessionOf = async (ready: ReadyLine, server = 's'): Promise<RawSession> => {
    const session = new RawSession(ready.servers[server]?.url ?? '', ready.token);
    await session.initialize();
    return session;
  };
  const get = (ready: ReadyLine, path: string) =>
    send(`${ready.url}${path}`, { headers: { authorization: `Bearer ${ready.token}` } });
  const snapshotOf = async (ready: ReadyLine) => JSON.parse((await get(ready, '/status')).text) as Snapshot;
  const lines = (file: string): string[] =>
    existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  /** What a server got for a call of `tool`, as it came. */
  const callsIn = (file: string, tool: string): string[] =>
    lines(file).filter((line) => line.includes('"tools/call"') && line.includes(`"${tool}"`));
  const traceparentOf = (line: string): string | undefined =>
    (JSON.parse(line) as { params: { _meta?: { traceparent?: string } } }).params._meta?.traceparent;
  const spansOf = async (count: number, traceId = TRACE): Promise<ReceivedSpan[]> => {
    const own = () => collector.spans.filter((span) => span.traceId === traceId);
    await until(`${count} spans`, () => own().length >= count, 20_000);
    return own();
  };
  const bridgeTo = async (ready: ReadyLine, server = 's'): Promise<LineClient> => {
    const args = [enginePath, 'bridge', '--server', server, '--endpoint', ready.endpoint];
    const client = new LineClient(process.execPath, args, { env: bed.environment() });
    closing.push(() => client.close());
    await client.initialize();
    return client;
  };

  it('R11.8 is off without a setting, whatever the environment says: nothing is sent, and bytes pass as they are', async () => {
    const file = join(bed.home, 'lines');
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'x',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
    };
    const { ready } = await bed.serve({ servers: { s: scripted({ LINES: file }) } }, { env });
    const client = await bridgeTo(ready);
    const line = `{"jsonrpc":"2.0", "id":"a\\u0031" ,"method":"tools/call","params":{"_meta":{"traceparent":"${TRACEPARENT}" , "baggage":"b=1"},"name":"echo","arguments":{"key":"x"}}}`;
    client.child.stdin?.write(`${line}\n`);
    await until('the answer', () => client.answers.has('a1'));
    assert.deepEqual(callsIn(file, 'echo'), [line]);
    assert.equal((await get(ready, '/metrics')).status, 404);
    assert.equal(collector.requests.length, 0);
  });

  it('R11.8 metrics are what Prometheus reads, and equal the snapshot', async function () {
    this.timeout(180_000);
    const parse = await providePrometheusParser();
    const { ready } = await bed.serve({
      servers: { s: scripted({ RECORD: '/dev/null' }), 'a "b"\\c': scripted() },
      lifeline: { telemetry: { prometheus: true } },
    });
    const session = await sessionOf(ready);
    for (let id = 1; id <= 7; id += 1) await session.call(id, 'echo', { key: 'x' });
    await session.call(8, 'nothing of that name');
    await session.call(9, 'die');
    await session.call(10, 'echo', { key: 'x' });
    const { status, headers, text } = await get(ready, '/metrics');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    const families = await parse(text);
    const snapshot = await snapshotOf(ready);
    const samples = new Map(
      families.flatMap((family) => family.samples.map((s) => [`${s[0]} ${s[1]['server']}`, s[2]])),
    );
    let compared = 0;
    for (const server of snapshot.servers)
      for (const spec of serverMetrics.filter(({ kind }) => kind === 'counter')) {
        const value = samples.get(`${prometheusName(spec, true)} ${server.id}`);
        assert.equal(value, spec.value(server), `${spec.name} of ${server.id}`);
        compared += 1;
      }
    assert.ok(compared >= 18);
    assert.equal(samples.get('mcp_lifeline_calls_taken_total s'), 10);
    assert.equal(samples.get('mcp_lifeline_calls_failed_total s'), 1);
    const states = families.find(({ name }) => name === 'mcp_lifeline_state')?.samples ?? [];
    assert.deepEqual(
      states
        .filter(([, labels, value]) => labels['server'] === 's' && value === 1)
        .map(([, { state }]) => state),
      ['ready'],
    );
    const durations = families.find(({ name }) => name === 'mcp_server_operation_duration_seconds');
    assert.equal(durations?.type, 'histogram');
    const counts = durations.samples.filter(([name]) => name.endsWith('_count'));
    const byError = Object.fromEntries(
      counts.map(([, labels, value]) => [labels['error_type'] ?? '', value]),
    );
    assert.deepEqual(byError, { '': 8, '-32602': 1, outcomeUnknown: 1 });
    for (const [name, labels] of durations.samples)
      if (name.endsWith('_bucket')) assert.ok(labels['le'] === '+Inf' || Number(labels['le']) <= 300);
    // Names of tools are not told unless they are asked for.
    assert.ok(!text.includes('gen_ai_tool_name'));
    // Counters only go up, and the name of every family says what it is.
    for (const { name, type, help } of families) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.ok(help.length > 0, name);
      assert.ok(type === 'counter' || type === 'gauge' || type === 'histogram', `${name}: ${type}`);
    }
  });

  it('R11.8 R14.2 metrics need the token, and changes of the settings take effect at once', async () => {
    const servers = { s: scripted() };
    const { ready, running } = await bed.serve({ servers });
    assert.equal((await get(ready, '/metrics')).status, 404);
    const change = async (telemetry: object, says: RegExp): Promise<void> => {
      const before = running.stderr.length;
      bed.writeConfig({ servers, lifeline: { telemetry } });
      running.child.kill('SIGHUP');
      await until(String(says), () => says.test(running.stderr.slice(before)));
    };
    await change({ prometheus: true }, /telemetry is on: metrics at \/metrics/);
    assert.equal((await get(ready, '/metrics')).status, 200);
    assert.equal((await send(`${ready.url}/metrics`, {})).status, 401);
    assert.equal((await get(ready, '/metrics?x=1')).status, 200);
    await change({ otlp: collector.url, interval: 1 }, /telemetry is on: metrics and traces by OTLP/);
    assert.equal((await get(ready, '/metrics')).status, 404);
    await until('metrics', () => collector.metrics.length > 0, 20_000);
    await change(
      { interval: 0 },
      /lifeline\.telemetry\.interval: must be a number from 1 to 3600; 60 is used/,
    );
    // What was on its way when it was switched off may still arrive; more than an interval without anything is the end.
    const quiet = async (): Promise<number> => {
      let last = { count: collector.requests.length, at: Date.now() };
      await until('no export for a while', () => {
        const count = collector.requests.length;
        if (count !== last.count) last = { count, at: Date.now() };
        return Date.now() - last.at > 1_500;
      });
      return last.count;
    };
    const sent = await quiet();
    const session = await sessionOf(ready);
    await session.call(1, 'echo', { key: 'x' });
    assert.equal(await quiet(), sent);
  });

  it('R11.8 spans join: client, call, attempt, and what a stdio server sees through the bridge', async () => {
    const file = join(bed.home, 'lines');
    const { ready } = await bed.serve({
      servers: { s: scripted({ LINES: file, API_KEY: SECRET }) },
      lifeline: { telemetry: { otlp: collector.url, interval: 1 } },
    });
    const client = await bridgeTo(ready);
    const params = {
      name: 'echo',
      arguments: { key: `${SECRET} the argument` },
      _meta: { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'user=me', progressToken: 'p' },
    };
    const answer = await client.request('tools/call', params);
    assert.ok(JSON.stringify(answer.result).includes('the argument'));
    const spans = await spansOf(2);
    const [attempt, call] = spans;
    assert.deepEqual([attempt?.kind, call?.kind], ['CLIENT', 'SERVER']);
    assert.equal(call?.parentSpanId, SPAN);
    assert.equal(attempt?.parentSpanId, call.spanId);
    assert.equal(call.traceState, 'vendor=1');
    const [seen = ''] = callsIn(file, 'echo');
    assert.equal(traceparentOf(seen), `00-${TRACE}-${attempt.spanId}-01`);
    // Everything else is byte for byte what the client wrote.
    const sent = JSON.stringify({ jsonrpc: '2.0', id: answer.id, method: 'tools/call', params });
    assert.equal(seen, sent.replace(TRACEPARENT, traceparentOf(seen) ?? ''));
    assert.equal(call.name, 'tools/call echo');
    const { attributes, resource } = call;
    assert.deepEqual(
      {
        method: attributes['mcp.method.name'],
        operation: attributes['gen_ai.operation.name'],
        tool: attributes['gen_ai.tool.name'],
        server: attributes['mcp.lifeline.server'],
        outcome: attributes['mcp.lifeline.outcome'],
        attempts: attributes['mcp.lifeline.attempts'],
        transport: attributes['network.transport'],
        error: attributes['error.type'],
        service: resource['service.name'],
      },
      {
        ...{ method: 'tools/call', operation: 'execute_tool', tool: 'echo', server: 's', outcome: 'ok' },
        ...{ attempts: 1, transport: 'pipe', error: undefined, service: 'mcp-lifeline' },
      },
    );
    assert.ok(
      call.startMs <= attempt.startMs &&
        attempt.endMs <= call.endMs &&
        Math.abs(Date.now() - call.endMs) < 60_000,
    );
    for (const { raw } of collector.requests) {
      assert.ok(!raw.includes('the argument'));
      assert.ok(!raw.includes(SECRET));
      assert.ok(!raw.includes(ready.token));
    }
  });

  it('R11.8 over HTTP the context of the header counts where the message has none, and an HTTP server gets it in both places', async () => {
    const peer = await new HttpPeer().start();
    closing.push(() => peer.stop());
    const { ready } = await bed.serve({
      servers: { h: { type: 'http', url: `${peer.url}?key=${SECRET}` } },
      lifeline: { telemetry: { otlp: collector.url, interval: 1 } },
    });
    const session = await sessionOf(ready, 'h');
    await session.post(
      { id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } },
      { traceparent: TRACEPARENT, tracestate: 'v=2', baggage: 'a=b' },
    );
    const [attempt, call] = await spansOf(2);
    const seen = peer.requests.find(({ tool }) => tool === 'read');
    const expected = `00-${TRACE}-${attempt?.spanId}-01`;
    assert.equal(seen?.headers['traceparent'], expected);
    assert.equal(seen.headers['tracestate'], 'v=2');
    assert.equal(seen.headers['baggage'], 'a=b');
    const { _meta: meta } = seen.message['params'] as { _meta?: object };
    assert.deepEqual(meta, { traceparent: expected, tracestate: 'v=2', baggage: 'a=b' });
    assert.equal(call?.parentSpanId, SPAN);
    assert.equal(attempt?.attributes['server.address'], '127.0.0.1');
    assert.equal(attempt.attributes['server.port'], Number(new URL(peer.url).port));
    assert.equal(attempt.attributes['network.transport'], 'tcp');
    // Requests of our own are not part of anybody's trace.
    for (const other of peer.requests.filter((request) => request !== seen))
      assert.equal(other.headers['traceparent'], undefined);
    for (const { raw } of collector.requests) {
      assert.ok(!raw.includes(SECRET));
      assert.ok(!raw.includes(session.id ?? '-'), 'whoever knows the id can speak in the session');
    }
  });

  it('R11.8 a server that is killed in the middle: two attempts, one of them with error.type, and the second one answered', async () => {
    const file = join(bed.home, 'lines');
    const { ready } = await bed.serve({
      servers: { s: scripted({ LINES: file }) },
      lifeline: { telemetry: { otlp: collector.url, interval: 1 } },
    });
    const client = await bridgeTo(ready);
    await client.request('tools/list', {});
    const answered = client.request('tools/call', {
      name: 'readRecord',
      arguments: { key: 'k', ms: 700 },
      _meta: { traceparent: TRACEPARENT },
    });
    await until('the call', () => callsIn(file, 'readRecord').length === 1);
    const [pid = 0] = (await snapshotOf(ready)).servers[0]?.pids ?? [];
    process.kill(pid, 'SIGKILL');
    assert.ok(JSON.stringify((await answered).result).includes('readRecord k'));
    const spans = await spansOf(3);
    const call = spans.find(({ kind }) => kind === 'SERVER');
    const attempts = spans
      .filter(({ kind }) => kind === 'CLIENT')
      .sort(
        (a, b) => Number(a.attributes['mcp.lifeline.attempt']) - Number(b.attributes['mcp.lifeline.attempt']),
      );
    assert.equal(attempts.length, 2);
    assert.deepEqual(
      attempts.map(({ parentSpanId }) => parentSpanId),
      [call?.spanId, call?.spanId],
    );
    assert.deepEqual(
      attempts.map(({ attributes, isError }) => [attributes['error.type'] !== undefined, isError]),
      [
        [true, true],
        [false, false],
      ],
    );
    assert.deepEqual(
      callsIn(file, 'readRecord').map(traceparentOf),
      attempts.map(({ spanId }) => `00-${TRACE}-${spanId}-01`),
    );
    assert.deepEqual([call?.isError, call?.attributes['mcp.lifeline.attempts']], [false, 2]);
  });

  it('R11.8 what the client has not sampled is not recorded, and a traceparent that is not valid counts as none', async () => {
    const file = join(bed.home, 'lines');
    const { ready } = await bed.serve({
      servers: { s: scripted({ LINES: file }) },
      lifeline: { telemetry: { otlp: collector.url, interval: 1 } },
    });
    const client = await bridgeTo(ready);
    const call = (key: string, traceparent: string) =>
      client.request('tools/call', { name: 'echo', arguments: { key }, _meta: { traceparent } });
    await call('one', `00-${TRACE}-${SPAN}-00`);
    await call('two', `00-${TRACE}-${'0'.repeat(16)}-01`);
    const [first, second] = callsIn(file, 'echo').map(traceparentOf);
    assert.equal(first, `00-${TRACE}-${SPAN}-00`);
    assert.match(second ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.notEqual(second?.split('-')[1], TRACE);
    const spans = await spansOf(2, second?.split('-')[1]);
    assert.equal(spans.find(({ kind }) => kind === 'SERVER')?.parentSpanId, undefined);
    assert.equal(collector.spans.filter(({ traceId }) => traceId === TRACE).length, 0);
  });

  it('R11.8 metrics by OTLP have the names of the conventions and equal the snapshot; the environment says who sends', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-from-environment=1',
      OTEL_SERVICE_NAME: 'my lifeline',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    };
    const { ready } = await bed.serve(
      {
        servers: { s: scripted() },
        lifeline: { telemetry: { otlp: true, headers: { 'x-own': 'two' }, interval: 1, toolNames: true } },
      },
      { env },
    );
    const session = await sessionOf(ready);
    for (let id = 1; id <= 3; id += 1) await session.call(id, 'echo', { key: 'x' });
    const counted = () =>
      collector.metrics
        .at(-1)
        ?.find(({ name }) => name === 'mcp.client.operation.duration')
        ?.points.find(({ attributes }) => attributes['gen_ai.tool.name'] === 'echo');
    await until('the durations', () => counted()?.count === 3, 20_000);
    assert.equal(counted()?.attributes['mcp.method.name'], 'tools/call');
    assert.equal(
      counted()?.bucketCounts.reduce((sum, count) => sum + count, 0),
      3,
    );
    const [server] = (await snapshotOf(ready)).servers;
    for (const spec of serverMetrics.filter(({ kind }) => kind === 'counter')) {
      const metric = collector.metrics.at(-1)?.find(({ name }) => name === spec.name);
      const expected = server === undefined ? NaN : spec.value(server);
      assert.equal(metric?.points[0]?.value, expected, spec.name);
      assert.ok(expected === undefined || metric?.kind === 'sum', spec.name);
    }
    const { path, headers } = collector.requests.find((request) => request.path.endsWith('metrics')) ?? {};
    assert.equal(path, '/base/v1/metrics');
    assert.equal(headers?.['content-type'], 'application/x-protobuf');
    assert.deepEqual([headers['x-own'], headers['x-from-environment']], ['two', '1']);
    await until('spans', () => collector.spans.length > 0, 20_000);
    const { resource } = collector.spans[0] ?? {};
    assert.equal(resource?.['service.name'], 'my lifeline');
    assert.equal(resource['deployment.environment.name'], 'test');
  });

  it('R11.8 R14.5 a collector that is down, hangs or answers without end costs spans and nothing else; it is told once', async () => {
    const hostile: [string, OtlpCollector['hook']][] = [
      ['hangs', () => true],
      [
        'drips',
        (response) => {
          response.writeHead(200);
          const timer = setInterval(() => response.write('x'), 50);
          response.once('close', () => clearInterval(timer));
          return true;
        },
      ],
      [
        'floods',
        (response) => {
          response.writeHead(500);
          const more = (): void => {
            if (!response.destroyed && response.write(Buffer.alloc(65_536, 'x'))) setImmediate(more);
            else response.once('drain', more);
          };
          more();
          return true;
        },
      ],
      ['refuses', (response) => response.writeHead(403, SECRET).end('no').writableEnded],
    ];
    for (const [what, hook] of hostile) {
      collector.hook = hook;
      const { ready, running } = await bed.serve({
        servers: { s: scripted() },
        lifeline: {
          telemetry: { otlp: collector.url, interval: 1, headers: { authorization: `Bearer ${SECRET}` } },
        },
      });
      const session = await sessionOf(ready);
      const sent = collector.requests.length;
      for (let id = 1; id <= 50; id += 1)
        assert.equal((await session.call(id, 'echo', { key: 'x' })).status, 200);
      await until(`${what}: a sending`, () => collector.requests.length > sent, 20_000);
      const began = performance.now();
      running.child.kill('SIGTERM');
      assert.equal(await running.end(), 0, what);
      // Other work of stopping, and other work of this machine, included.
      assert.ok(performance.now() - began < 7_000, `${what}: ${performance.now() - began} ms`);
      assert.ok(
        (running.stderr.match(/telemetry collector does not take/g) ?? []).length <= 1,
        running.stderr,
      );
      assert.ok(!running.stderr.includes(SECRET), running.stderr);
      await until('no connection', () => collector.openConnections === 0, 20_000);
    }
  });

  it('R11.8 goes on when the collector is there again, and says what was lost', async () => {
    await collector.stop();
    const { ready, running } = await bed.serve(
      {
        servers: { s: scripted() },
        lifeline: { telemetry: { otlp: collector.url, interval: 1, prometheus: true } },
      },
      { env: { OTEL_EXPORTER_OTLP_TIMEOUT: '500' } },
    );
    const session = await sessionOf(ready);
    await session.call(1, 'echo', { key: 'x' });
    await until('the loss', () => running.stderr.includes('telemetry collector does not take'), 20_000);
    const dropped = /^mcp_lifeline_telemetry_spans_dropped_total (\d+)/m;
    let lost = 0;
    while (lost < 2) lost = Number(dropped.exec((await get(ready, '/metrics')).text)?.[1]);
    await collector.listen();
    await session.call(2, 'echo', { key: 'x' });
    await until('spans', () => collector.spans.length >= 2, 20_000);
    await until('a word', () => running.stderr.includes('takes what it is sent again'), 20_000);
  });
});
