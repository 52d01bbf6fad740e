import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { ScriptedTransport, type Script } from '../../../test/support/scriptedTransport.ts';
import { seededRandom } from '../../shared/base/random.ts';
import { CatalogueStore } from '../catalogue/catalogue.ts';
import type { SessionDeps } from '../gateway/session.ts';
import { createConnection } from '../gateway/sessionConnection.ts';
import { HealthMonitor } from '../health/healthMonitor.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { ServerRegistry } from '../servers/serverRegistry.ts';
import type { Connection, ConnectionClient } from '../upstream/connection.ts';
import { StartGate } from '../upstream/startGate.ts';
import { EngineLog } from './engineLog.ts';
import { LogFiles } from './logFiles.ts';
import { LogObserver } from './logObserver.ts';
import { Observations } from './observations.ts';

const HOUR = 3_600_000;
const failing: Script = { start: 'fails', fault: 'exited', startMs: 3, stopMs: 1, callMs: 5 };
const good: Script = { ...failing, start: 'good' };
const client: ConnectionClient = {
  onInitialized: () => undefined,
  onClientMessage: () => undefined,
  onListChanged: () => undefined,
  onServerRequests: () => undefined,
  onProgress: () => true,
  onReady: () => undefined,
};

/** The real log, recovery and connections, over transports that behave as they are told. */
class World {
  readonly clock = new FakeClock();
  readonly folder = mkdtempSync(join(tmpdir(), 'lifeline-log-'));
  readonly log: EngineLog;
  readonly observations: Observations;
  readonly transports = new Map<string, ScriptedTransport>();
  readonly connections: Connection[];
  launches = 0;
  maxBytes = 0;

  constructor(scripts: Readonly<Record<string, () => Script>>, words = 'Error: cannot find module "x"') {
    const { clock } = this;
    const random = seededRandom(7);
    const files = new LogFiles({ clock, folder: this.folder, window: 'w', isRunning: () => false });
    this.log = new EngineLog({ clock, files });
    const fail = (error: unknown): void => {
      throw error;
    };
    this.observations = new Observations(fail);
    this.observations.add(new LogObserver(this.log, clock));
    const tide = new Tide(clock);
    const registry = new ServerRegistry({
      clock,
      store: new CatalogueStore(this.folder, 'w', () => undefined),
      environment: {},
      recovery: (name) => new ServerRecovery(name, { clock, random, tide }),
      onListenerError: fail,
    });
    const servers = Object.keys(scripts).map((name) => ({
      name,
      entry: { command: 'x', lifeline: { keepWarm: true } },
      origin: 'user' as const,
    }));
    registry.configure({ servers, connection: { user: {}, workspace: {} }, trusted: true });
    const deps = {
      clock,
      random,
      recovery: new RecoveryQueue({ clock, random, intervalMs: () => 10_000, onError: fail }),
      health: new HealthMonitor({
        clock,
        random,
        isStopped: () => Promise.resolve(false),
        networkDigest: () => '',
        log: () => undefined,
      }),
      startGate: new StartGate(clock),
      nextNumber: () => (this.launches += 1),
      launchPrefix: 'l',
      journal: { written: () => undefined, withdrawn: () => undefined },
      ports: { look: () => undefined },
      failover: () => undefined,
      log: (...line: Parameters<EngineLog['write']>) => this.log.write(...line),
      quote: (...line: Parameters<EngineLog['quote']>) => this.log.quote(...line),
      redact: (text: string) => text,
      observations: this.observations,
      onListenerError: fail,
      open: (runtime: { name: string }, listener: ConstructorParameters<typeof ScriptedTransport>[1]) => {
        const script = scripts[runtime.name]?.() ?? good;
        const pid = 10_000 + this.launches;
        if (script.start === 'fails') listener.onStderr(`${words}\n    at ${runtime.name}\n`);
        const transport = new ScriptedTransport(clock, listener, script, false, pid);
        this.transports.set(runtime.name, transport);
        return transport;
      },
    } as unknown as SessionDeps;
    this.connections = registry.servers.map((runtime) => {
      const connection = createConnection(deps, runtime, {
        key: `s-${runtime.name}`,
        client,
        after: undefined,
      });
      connection.setHello({ initialize: '{}', logLevel: undefined, subscriptions: [] });
      connection.open();
      return connection;
    });
  }

  /** Lets time pass in steps, and looks at the folder after each. */
  async pass(ms: number, stepMs = 60_000, each: () => void = () => undefined): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      each();
      await this.clock.advanceQuickly(stepMs);
      this.maxBytes = Math.max(this.maxBytes, this.bytes);
    }
  }

  get bytes(): number {
    return readdirSync(this.folder)
      .filter((name) => name.includes('.log'))
      .reduce((all, name) => all + statSync(join(this.folder, name)).size, 0);
  }

  /** The lines of the files, of one server if it is named. */
  lines(server?: string): string[] {
    this.log.flush();
    const numberOf = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? Infinity);
    const names = readdirSync(this.folder).filter((name) => name.includes('.log'));
    return names
      .sort((a, b) => numberOf(a) - numberOf(b))
      .flatMap((name) => readFileSync(join(this.folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '' && (server === undefined || line.includes(`[${server}]`)));
  }

  async dispose(): Promise<void> {
    for (const connection of this.connections) void connection.stop();
    await this.clock.advanceQuickly(120_000);
    this.log.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('the log of four hours', () => {
  let world: World;
  afterEach(() => world.dispose());

  it('R11.4 a crash loop is summarised: when it began, how often, and when it ended', async function () {
    this.timeout(60_000);
    let script = failing;
    world = new World({ s: () => script });
    await world.pass(4 * HOUR);
    const during = world.lines('s');
    assert.ok(during.length < 80, `${during.length} lines\n${during.join('\n')}`);
    const attempts = world.launches;
    assert.ok(attempts > 45, `${attempts} launches`);
    const full = during.filter((line) => line.includes(' connecting -> broken (') && !line.includes(' x '));
    assert.equal(full.length, 5, 'the first in full');
    assert.match(full[0] ?? '', /warn \[s\] .*after \d.* ms, .*connection 1\): exited: .*Its last output/);
    const summaries = during.filter((line) => line.includes('repeated since'));
    // After 1, 2, 4, 8, 16, 32, 60, 60 … minutes.
    assert.ok(summaries.length >= 5 && summaries.length <= 10, summaries.join('\n'));
    assert.match(summaries.at(-1) ?? '', /\d+ x connecting -> broken: exited.*; the last: .*next attempt in/);
    assert.equal(
      during.filter((line) => line.includes('cannot find module') && line.includes('stderr')).length,
      5,
    );
    // Well again: that, and the sum.
    script = good;
    await world.pass(6 * 60_000);
    const after = world.lines('s').slice(during.length);
    const ready = after.findIndex((line) => line.includes('probing -> ready'));
    assert.ok(ready >= 0, after.join('\n'));
    const sum = after.find((line) => line.includes('over now: in all')) ?? '';
    assert.match(sum, /repeated from 20\S+Z to 20\S+Z \(\d+ s\), over now: in all /);
    assert.ok(sum.includes(`${attempts} x connecting -> broken: exited`), `${attempts}: ${sum}`);
    assert.match(after.join('\n'), /recovered: the outage \(exited\) lasted 14\d{6} ms, \d+ attempts/);
    // What comes next is told in full again.
    world.transports.get('s')?.end('exited');
    await world.pass(1_000, 1_000);
    assert.match(world.lines('s').join('\n'), /ready -> broken \(after \d+ ms, .*\): exited: /);
    assert.ok(world.maxBytes < 100_000, `${world.maxBytes} bytes`);
  });

  it('R11.4 a server that comes and goes, and several at once, too', async function () {
    this.timeout(120_000);
    world = new World({ a: () => failing, b: () => failing, c: () => good });
    await world.pass(3 * HOUR, 31_000, () => world.transports.get('c')?.end('exited'));
    assert.ok(world.launches > 300, `${world.launches} launches`);
    for (const name of ['a', 'b', 'c']) {
      const lines = world.lines(name);
      assert.ok(lines.length < 120, `${name}: ${lines.length} lines\n${lines.slice(-20).join('\n')}`);
      assert.ok(
        lines.some((line) => line.includes('repeated since')),
        name,
      );
    }
  });

  it('R11.4 a flood of stderr stays far below 10 MB, and does not push out what was done', async function () {
    this.timeout(120_000);
    world = new World({ loud: () => good, s: () => failing });
    await world.pass(10 * 60_000);
    let number = 0;
    await world.pass(4 * HOUR, 20_000, () => {
      for (let line = 0; line < 300; line += 1)
        world.log.quote('info', `stderr: ${(number += 1)} ${'x'.repeat(300)}`, 'loud');
    });
    assert.ok(world.maxBytes < 5_000_000, `${world.maxBytes} bytes`);
    assert.match(world.lines('loud').join('\n'), /\d{4,} lines of its output were left out of this file/);
    const told = world.lines('loud').filter((line) => line.includes('left out'));
    assert.ok(told.length < 60, `${told.length} lines tell what was left out`);
    assert.match(world.lines('s')[0] ?? '', /idle -> connecting/, 'what came first is still there');
  });

  it('R11.4 an agent that calls a broken server every second is told of at growing intervals', async function () {
    this.timeout(60_000);
    world = new World({ s: () => good });
    await world.pass(1_000, 1_000);
    let number = 0;
    await world.pass(4 * HOUR, 1_000, () => {
      const label = 'call build failed: requestTimeout';
      const text = `call c${(number += 1).toString(36)} (build) failed after 60000 ms: requestTimeout: It took too long.`;
      world.log.write('warn', text, 's', { kind: label, label });
    });
    const lines = world.lines('s').filter((line) => line.includes('build'));
    assert.equal(lines.filter((line) => !line.includes('repeated')).length, 5);
    assert.ok(lines.length < 16, lines.join('\n'));
    assert.match(
      lines.at(-1) ?? '',
      /\d{4} x call build failed: requestTimeout; the last: call c[a-z0-9]+ \(build\)/,
    );
    world.log.close();
    assert.match(world.lines('s').at(-1) ?? '', /over now: in all 14400 x call build failed/);
  });
});
