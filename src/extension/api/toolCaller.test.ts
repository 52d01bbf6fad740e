import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { ToolCaller, type ToolRequest } from './toolCaller.ts';

interface Said {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly requestId?: number };
}

/** A bridge whose other end is the test. */
class FakeBridge {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly said: Said[] = [];
  isEnded = false;
  #exit: () => void = () => undefined;

  constructor(readOnly: boolean) {
    this.stdin.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split('\n'))
        this.#onMessage(JSON.parse(line) as Said, readOnly);
    });
  }

  onExit(listener: () => void): void {
    this.#exit = listener;
  }
  end(): void {
    this.isEnded = true;
  }
  exit(): void {
    this.#exit();
  }
  say(message: object): void {
    this.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
  count(method: string): number {
    return this.said.filter((each) => each.method === method).length;
  }

  #onMessage(message: Said, readOnlyHint: boolean): void {
    this.said.push(message);
    const { id, method, params } = message;
    if (method === 'initialize') this.say({ id, result: {} });
    if (method === 'tools/list')
      this.say({
        id,
        result: { tools: [{ name: 'read', annotations: { readOnlyHint } }, { name: 'hang' }] },
      });
    if (method === 'tools/call' && params?.name === 'read')
      this.say({ id, result: { content: [{ type: 'text', text: 'well' }], isError: false } });
  }
}

describe('tool calls of other extensions', () => {
  let clock: FakeClock;
  let bridges: FakeBridge[];
  let asked: string[];
  let callerWith: (parts?: { readOnly?: boolean; trusts?: boolean; allows?: boolean }) => ToolCaller;
  const callers: ToolCaller[] = [];
  beforeEach(() => {
    clock = new FakeClock();
    bridges = [];
    asked = [];
    callerWith = ({ readOnly = true, trusts = true, allows = false } = {}) => {
      const caller = new ToolCaller({
        clock,
        servers: () => [
          {
            name: 'git',
            enabled: true,
            config: { lifeline: { trustAnnotations: trusts } },
          } as unknown as ConfiguredServer,
          { name: 'off', enabled: false, config: undefined },
        ],
        startBridge: () => {
          const bridge = new FakeBridge(readOnly);
          bridges.push(bridge);
          return bridge;
        },
        mayRun: (server, tool) => {
          asked.push(`${server} ${tool}`);
          return Promise.resolve(allows);
        },
      });
      callers.push(caller);
      return caller;
    };
  });
  afterEach(() => {
    for (const caller of callers.splice(0)) caller.dispose();
  });
  const request = (changes: Partial<ToolRequest> = {}): ToolRequest => ({
    server: 'git',
    tool: 'read',
    args: {},
    timeoutMs: undefined,
    signal: new AbortController().signal,
    ...changes,
  });
  const rejectedWith = (code: string) => (error: unknown) => (error as { code: string }).code === code;
  const untilCalled = async (): Promise<FakeBridge> => {
    for (let turn = 0; turn < 1_000; turn += 1) {
      const [bridge] = bridges;
      if (bridge !== undefined && bridge.count('tools/call') > 0) return bridge;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('no call was made');
  };

  it('R12.7 answer what the server answered, in one session', async () => {
    const caller = callerWith();
    assert.deepEqual((await caller.call(request())).content, [{ type: 'text', text: 'well' }]);
    await caller.call(request());
    assert.equal(bridges.length, 1);
    assert.equal(bridges[0]?.count('initialize'), 1);
    assert.deepEqual(asked, []);
  });

  it('R12.7 ask the person unless the tool is known to be read-only', async () => {
    for (const parts of [{ readOnly: false }, { trusts: false }])
      await assert.rejects(callerWith(parts).call(request()), rejectedWith('notAllowed'));
    assert.deepEqual(asked, ['git read', 'git read']);
    assert.deepEqual(
      bridges.map((bridge) => bridge.count('tools/call')),
      [0, 0],
    );
    await callerWith({ readOnly: false, allows: true }).call(request());
  });

  it('R12.7 are cancelled, at the server too, by who asked or by the deadline', async () => {
    const cancel = new AbortController();
    const caller = callerWith({ allows: true });
    const cancelled = assert.rejects(
      caller.call(request({ tool: 'hang', signal: cancel.signal })),
      rejectedWith('cancelled'),
    );
    const bridge = await untilCalled();
    cancel.abort();
    await cancelled;
    // Expected from the start: it fails while the time passes, and a failure that nobody expects then is warned of.
    const late = assert.rejects(
      caller.call(request({ tool: 'hang', timeoutMs: 5_000 })),
      rejectedWith('requestTimeout'),
    );
    while (bridge.count('tools/call') < 2) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5_000);
    await late;
    while (bridge.count('notifications/cancelled') < 2) await new Promise((resolve) => setImmediate(resolve));
    const calls = bridge.said.filter(({ method }) => method === 'tools/call').map(({ id }) => id);
    const ended = bridge.said.filter(({ method }) => method === 'notifications/cancelled');
    assert.deepEqual(
      ended.map(({ params }) => params?.requestId),
      calls,
    );
  });

  it('R12.7 are never sent again: a call whose connection is lost has an unknown outcome', async () => {
    const caller = callerWith({ allows: true });
    const lost = assert.rejects(caller.call(request({ tool: 'hang' })), rejectedWith('outcomeUnknown'));
    const bridge = await untilCalled();
    bridge.exit();
    await lost;
    assert.equal(bridge.count('tools/call'), 1);
    await caller.call(request());
    assert.equal(bridges.length, 2);
    assert.equal(bridges[1]?.count('tools/call'), 1);
  });

  it('R12.7 name what is not there', async () => {
    const caller = callerWith();
    for (const server of ['off', 'gti'])
      await assert.rejects(caller.call(request({ server })), rejectedWith('unknownServer'));
    assert.equal(bridges.length, 0);
    await assert.rejects(caller.call(request({ tool: 'reed' })), rejectedWith('unknownTool'));
  });

  it('R12.7 leave no session behind that nobody uses', async () => {
    await callerWith().call(request());
    await clock.advance(59_000);
    await settle();
    assert.equal(bridges[0]?.isEnded, false);
    await clock.advance(1_000);
    await settle();
    assert.equal(bridges[0].isEnded, true);
  });
});
