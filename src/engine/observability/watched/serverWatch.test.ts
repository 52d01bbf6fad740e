import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../../test/support/fakeClock.ts';
import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import { parseServerConfig } from '../../../shared/settings/serverConfig.ts';
import { parseConnectionSettings } from '../../../shared/settings/connectionSettings.ts';
import type { InternalAnswer } from '../../upstream/ownRequests.ts';
import { Breaker } from '../../policies/breaker/breaker.ts';
import { Places } from '../../policies/pool/places.ts';
import { RateLimiter } from '../../policies/rateLimit/rateLimiter.ts';
import { ServerWatch } from './serverWatch.ts';
import type { SampledLaunch, SampledServer } from './takeSample.ts';

/** A launch whose answers the test gives. */
class FakeLaunch implements SampledLaunch {
  readonly requests: { readonly params: unknown; readonly timeoutMs: number | undefined }[] = [];
  readonly #open: ((answer: InternalAnswer) => void)[] = [];
  hasEnded = false;
  readonly isLingering = false;
  toolHints: SampledLaunch['toolHints'] = new Map([
    ['read', { readOnly: true, idempotent: false }],
    ['write', { readOnly: false, idempotent: true }],
  ]);

  request(method: string, params: string | undefined, timeoutMs?: number): Promise<InternalAnswer> {
    assert.equal(method, 'tools/call');
    this.requests.push({ params: JSON.parse(params ?? ''), timeoutMs });
    return new Promise((resolve) => this.#open.push(resolve));
  }

  redact(text: string): string {
    return text.replaceAll('geheim', '***');
  }

  async answer(answer: InternalAnswer): Promise<void> {
    this.#open.shift()?.(answer);
    await settle();
  }

  value(value: unknown): Promise<void> {
    return this.answer({
      kind: 'result',
      result: '',
      value: { structuredContent: { phi: value } },
      line: new Uint8Array(),
    });
  }
}

const phi = { name: 'phi', tool: 'read', path: '$.phi', every: 10 };

function given(watch: unknown[] = [phi], lifeline: Record<string, unknown> = {}, trustByDefault = true) {
  const clock = new FakeClock();
  const entry = { command: 'x', lifeline: { ...lifeline, watch } };
  const { config } = parseServerConfig('s', entry, { pathPrefix: 'p', trustByDefault });
  const { settings } = parseConnectionSettings([]);
  const breakerOptions = { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000 };
  const places = new Places(
    2,
    () => clock.now(),
    () => undefined,
  );
  const server: { -readonly [K in keyof SampledServer]: SampledServer[K] } = {
    ...{ name: 's', config, settings, places, state: 'idle', touch: () => undefined },
    breaker: new Breaker(clock, breakerOptions, () => undefined),
    limiter: new RateLimiter({
      ...{ clock, cpuRatio: () => undefined, hasRoom: () => true, onChange: () => undefined },
    }),
  };
  const alerts: string[] = [];
  const logged: string[] = [];
  const own = new ServerWatch(
    {
      clock,
      alerts: {
        raiseWatched: (_server, subject, sentence) => alerts.push(`${subject}: ${sentence}`),
        clearWatched: (_server, subject) => alerts.push(`${subject} is well`),
      },
      log: (_level, message) => logged.push(message),
    },
    server,
  );
  own.configure(config?.lifeline.watch ?? []);
  const connect = (launch = new FakeLaunch(), key = 'k'): FakeLaunch => {
    server.state = 'ready';
    own.setLaunch(key, launch);
    return launch;
  };
  const lose = async (
    launch: FakeLaunch,
    state: ConnectionState = 'recovering',
    key = 'k',
  ): Promise<void> => {
    launch.hasEnded = true;
    server.state = state;
    own.setLaunch(key, undefined);
    await settle();
  };
  const told = (): unknown[] =>
    own.history[0]?.entries.map((one) => (one.kind === 'value' ? one.value : `${one.count} ${one.reason}`)) ??
    [];
  return { clock, own, server, connect, lose, told, alerts, logged };
}

describe('the watched values of a server', () => {
  it('R11.7 are asked for over the connection there is, with the server’s own time for the tool', async () => {
    const { clock, connect, told } = given([{ ...phi, arguments: { a: 1 } }], { timeouts: { read: 7 } });
    await clock.advance(25_000);
    const launch = connect();
    assert.deepEqual(launch.requests, [{ params: { name: 'read', arguments: { a: 1 } }, timeoutMs: 7_000 }]);
    await launch.value(0.5);
    assert.deepEqual(told(), ['2 idle', 0.5]);
    await clock.advance(5_000);
    assert.equal(launch.requests.length, 2);
  });

  it('R11.7 cost nothing while nobody uses the server: no timer, no request', async () => {
    const { clock, own, connect, lose, told } = given();
    assert.equal(clock.pending, 0);
    const launch = connect();
    await launch.value(1);
    assert.equal(clock.pending, 1);
    await lose(launch, 'idle');
    assert.equal(clock.pending, 0);
    await clock.advance(100_000);
    assert.deepEqual(told(), [1, '9 idle']);
    assert.equal(own.snapshot[0]?.state, 'missed');
    connect();
    own.dispose();
    assert.equal(clock.pending, 0);
  });

  it('R11.7 across a restart: what was lost is asked for at once of the next process, and nothing twice', async () => {
    const { clock, connect, lose, told } = given();
    const first = connect();
    await first.value(1);
    await clock.advance(10_000);
    assert.equal(first.requests.length, 2);
    await lose(first);
    await first.answer({ kind: 'failed' });
    await clock.advance(3_000);
    const second = connect();
    assert.equal(second.requests.length, 1);
    await second.value(2);
    await lose(second);
    await clock.advance(28_000);
    const third = connect();
    await third.value(3);
    assert.deepEqual(told(), [1, 2, '2 away', 3]);
  });

  it('R11.7 wait until a process that has just come up has told its tools', async () => {
    const { clock, connect, told } = given();
    const launch = new FakeLaunch();
    const hints = launch.toolHints;
    launch.toolHints = undefined;
    connect(launch);
    await clock.advance(500);
    assert.equal(launch.requests.length, 0);
    launch.toolHints = hints;
    await clock.advance(500);
    assert.equal(launch.requests.length, 1);
    await launch.value(1);
    assert.deepEqual(told(), [1]);
  });

  it('R11.7 call only what is declared read-only, and believed, or what a person allows', async () => {
    const cases: readonly (readonly [unknown, boolean, RegExp | undefined])[] = [
      [{ ...phi, tool: 'write' }, true, /does not declare the tool "write" read-only/],
      [{ ...phi, tool: 'none' }, true, /no tool "none"/],
      [phi, false, /not believed/],
      [phi, true, undefined],
      [{ ...phi, tool: 'write', repeatable: true }, false, undefined],
      [{ ...phi, tool: 'none', repeatable: true }, true, undefined],
    ];
    for (const [watch, trust, why] of cases) {
      const { clock, own, connect, told, logged } = given([watch], {}, trust);
      const launch = connect();
      await clock.advance(20_000);
      assert.equal(launch.requests.length, why === undefined ? 1 : 0);
      if (why === undefined) continue;
      assert.deepEqual(told(), ['3 notAllowed']);
      assert.match(own.snapshot[0]?.missed?.why ?? '', why);
      assert.equal(logged.length, 1, 'said once, not with each sample');
    }
  });

  it('R11.7 say why there is none: an error, no number, no answer; without secrets', async () => {
    const { clock, own, connect, told, logged } = given();
    const launch = connect();
    await launch.answer({ kind: 'error', error: 'geheim is wrong', code: 1 });
    assert.equal(own.snapshot[0]?.missed?.why, 'The tool "read" failed: *** is wrong');
    await clock.advance(10_000);
    const value = { isError: true, content: [{ type: 'text', text: 'no geheim' }] };
    await launch.answer({ kind: 'result', result: '', value, line: new Uint8Array() });
    assert.match(own.snapshot.at(0)?.missed?.why ?? '', /with an error: no \*\*\*$/);
    await clock.advance(10_000);
    await launch.value('much');
    await clock.advance(10_000);
    await launch.answer({ kind: 'failed' });
    assert.deepEqual(told(), ['2 failed', '1 noValue', '1 timeout']);
    assert.match(logged.join(), /no number at \$\.phi/);
  });

  it('R11.7 are held back with everybody: by the breaker, and for want of a place', async () => {
    const { clock, server, connect, told } = given();
    const isolation = server.breaker.isolate();
    const launch = connect();
    await clock.advance(10_000);
    assert.equal(launch.requests.length, 0);
    isolation.dispose();
    const places = server.places.session('x');
    const [one, other] = [places.take(), places.take()];
    assert.ok(one !== undefined && other !== undefined && !server.places.hasRoom);
    await clock.advance(5_000);
    assert.equal(launch.requests.length, 0);
    one.release('nothing');
    await clock.advance(1_000);
    await launch.value(1);
    assert.deepEqual(told(), ['1 heldBack', 1]);
  });

  it('R11.7 go through the rate limiter as background work', async () => {
    const { server, connect } = given();
    const classes: string[] = [];
    const { limiter } = server;
    const inTurn = limiter.inTurn.bind(limiter);
    limiter.inTurn = (requestClass, withinMs, run) => {
      classes.push(`${requestClass} ${withinMs}`);
      return inTurn(requestClass, withinMs, run);
    };
    connect();
    await settle();
    assert.deepEqual(classes, ['low 10000']);
  });

  it('R11.7 alert beyond a threshold, and no more when they are within it', async () => {
    const { clock, connect, alerts } = given([{ ...phi, max: 0.5 }]);
    const launch = connect();
    for (const value of [0.02, 0.04, 0.6]) {
      await launch.value(value);
      await clock.advance(10_000);
    }
    assert.deepEqual(alerts, [
      'phi: The watched value "phi" is 0.02, below its threshold of 0.03.',
      'phi is well',
      'phi: The watched value "phi" is 0.6, above its threshold of 0.5.',
    ]);
  });

  it('R11.7 go on as they were when other settings are taken over, and end when they are not wanted any more', async () => {
    const { clock, own, server, connect, told, alerts } = given();
    const launch = connect();
    await launch.value(1);
    own.configure([...(server.config?.lifeline.watch ?? [])].map((entry) => structuredClone(entry)));
    assert.deepEqual(told(), [1]);
    alerts.length = 0;
    own.configure([]);
    assert.deepEqual(alerts, ['phi is well']);
    await clock.advance(60_000);
    assert.deepEqual([launch.requests.length, clock.pending, own.hasTracks], [1, 0, false]);
  });

  it('R11.7 keep to the oldest connection while it lasts: each process may have a value of its own', async () => {
    const { clock, connect, lose } = given();
    const [first, second] = [connect(), connect(new FakeLaunch(), 'other')];
    await first.value(1);
    await clock.advance(10_000);
    assert.deepEqual([first.requests.length, second.requests.length], [2, 0]);
    await first.value(2);
    await lose(first, 'ready');
    await clock.advance(10_000);
    assert.equal(second.requests.length, 1);
  });

  it('R11.7 tell that the engine stood still, or the machine slept', async () => {
    const { clock, connect, told } = given();
    const launch = connect();
    await launch.value(1);
    clock.stall(45_000);
    await clock.advance(0);
    await launch.value(2);
    clock.sleep(60_000);
    await clock.advance(10_000);
    await launch.value(3);
    assert.deepEqual(told(), [1, '3 paused', 2, '6 paused', 3]);
  });
});
