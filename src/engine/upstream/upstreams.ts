import { homedir } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Redactor } from '../../shared/redaction/redactor.ts';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import type { ConnectionSettings } from '../../shared/settings/connectionSettings.ts';
import {
  endpointsOf,
  withoutQuery,
  type HttpServerConfig,
  type ServerConfig,
  type StdioServerConfig,
} from '../../shared/settings/serverConfig.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import { checkByCommand } from '../health/checks.ts';
import type { CheckResult } from '../health/ownCheck.ts';
import type { ProcessList } from '../state/processList.ts';
import { MARK_VARIABLE, markOf } from '../state/processTable.ts';
import { upstreamEnvironment } from './environment.ts';
import type { Guardian } from './guardian.ts';
import { Failover } from './http/failover.ts';
import { answersPing } from './http/endpointProbe.ts';
import { HttpPool, loadClientFactory } from './http/httpPool.ts';
import { HttpTransport } from './http/httpTransport.ts';
import { withLoginShell, type LoginShell } from './loginShell.ts';
import { ServerProcess } from './serverProcess.ts';
import type { Transport, TransportListener } from './transport.ts';

/** Longest message of a server. */
const MAX_MESSAGE_BYTES = 67_108_864;

/** What is asked of a server to open a way to it. */
export interface UpstreamTarget {
  readonly name: string;
  readonly config: ServerConfig | undefined;
  readonly settings: ConnectionSettings;
}

export interface UpstreamsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (message: string, server: string) => void;
  readonly redactor: Redactor;
  readonly guardian: Guardian;
  /** Hash of the window, a part of the processes' mark. */
  readonly window: string;
  /** On disk, for the next engine of the window. */
  readonly processes: ProcessList;
  /** Called before each write to a process: completes the records of the calls in it. */
  readonly beforeWrite: () => void;
  readonly environment: NodeJS.ProcessEnv;
  readonly loginShell: LoginShell;
  /** Where processes start unless their entry says otherwise; the home folder when there is none. */
  readonly defaultFolder: (server: string) => string | undefined;
}

interface KnownFailover {
  /** As it is now. */
  target: UpstreamTarget;
  readonly failover: Failover;
}

/** Opens the way to a server, by whatever transport its entry names. Keeps the connections that its sessions share. */
export class Upstreams implements Disposable {
  readonly #options: UpstreamsOptions;
  /** By server and origin: nobody's credentials meet on one connection. */
  readonly #pools = new Map<string, Promise<HttpPool>>();
  /** The server of each pool as it is now: one that is removed and added again is another, with settings of its own. */
  readonly #targets = new Map<string, UpstreamTarget>();

  /** By server. */
  readonly #failovers = new Map<string, KnownFailover>();

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  open(target: UpstreamTarget, listener: TransportListener): Transport {
    const { config } = target;
    if (config === undefined) throw new Error(`The server "${target.name}" has no configuration.`);
    return config.type === 'http' ? this.#connect(target, config, listener) : this.#start(config, listener);
  }

  /** Runs the command of a server's own health check, in the folder and environment of the server. */
  runCheck(
    { name, config }: UpstreamTarget,
    check: Extract<HealthCheck, { kind: 'command' }>,
  ): Promise<CheckResult> {
    const { clock, guardian, environment, defaultFolder } = this.#options;
    const own = config?.type === 'stdio' ? config : undefined;
    return checkByCommand(clock, check, {
      cwd: own?.cwd ?? defaultFolder(name) ?? homedir(),
      env: upstreamEnvironment(environment, own?.env ?? {}),
      guardian,
    });
  }

  #start(config: StdioServerConfig, listener: TransportListener): ServerProcess {
    const { clock, guardian, processes, window, environment, loginShell, defaultFolder } = this.#options;
    const envFrom = (own: NodeJS.ProcessEnv): Record<string, string> => ({
      ...upstreamEnvironment(own, config.env),
      [MARK_VARIABLE]: markOf(window, config.name),
    });
    const otherEnv = async (): Promise<Record<string, string> | undefined> => {
      const shell = await loginShell.environment();
      // What only a profile sets is told to the server too, which may print it (requirements R14.4).
      if (shell !== undefined) this.#options.redactor.learn(secretsIn({ env: shell }));
      return shell && envFrom(withLoginShell(environment, shell));
    };
    return new ServerProcess(
      {
        server: config.name,
        command: config.command,
        args: config.args,
        cwd: config.cwd ?? defaultFolder(config.name) ?? homedir(),
        env: envFrom(environment),
        // An entry that sets PATH has said where to look.
        otherEnv: config.env['PATH'] === undefined ? otherEnv : undefined,
        clock,
        redactor: this.#options.redactor,
        guardian: {
          add: (pid) => {
            guardian.add(pid);
            processes.add(pid, config.name);
          },
          remove: (pid) => {
            guardian.remove(pid);
            processes.remove(pid);
          },
        },
        beforeWrite: this.#options.beforeWrite,
        maxLineBytes: MAX_MESSAGE_BYTES,
      },
      listener,
    );
  }

  #connect(target: UpstreamTarget, config: HttpServerConfig, listener: TransportListener): HttpTransport {
    const { headers } = config;
    const url = this.failover(target)?.current ?? config.url;
    return new HttpTransport(
      {
        server: target.name,
        url,
        headers,
        clock: this.#options.clock,
        redactor: this.#options.redactor,
        readTimeoutMs: () => target.settings.readTimeout * 1_000,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        pool: this.#pool(target, new URL(url).origin),
      },
      listener,
    );
  }

  /** The endpoints of a server that has several; what is known of them lasts as long as the list. */
  failover(target: UpstreamTarget): Failover | undefined {
    const { name, config } = target;
    const urls = config?.type === 'http' ? endpointsOf(config) : [];
    const known = this.#failovers.get(name);
    if (known !== undefined && isDeepStrictEqual(known.failover.urls, urls)) {
      known.target = target;
      return known.failover;
    }
    known?.failover.dispose();
    this.#failovers.delete(name);
    if (urls.length < 2) return undefined;
    const { clock, random, log } = this.#options;
    const entry: KnownFailover = {
      target,
      failover: new Failover({
        urls,
        clock,
        random,
        probeIntervalMs: () => entry.target.settings.healthCheckInterval * 1_000,
        probe: (url) => this.#probe(entry.target, url),
        onChange: (url) => log(`the endpoint for new connections is ${withoutQuery(url)}`, name),
      }),
    };
    this.#failovers.set(name, entry);
    return entry.failover;
  }

  async #probe(target: UpstreamTarget, url: string): Promise<boolean> {
    const { config, name } = target;
    if (config?.type !== 'http') return false;
    try {
      const pool = await this.#pool(target, new URL(url).origin);
      return await answersPing({
        server: name,
        url,
        headers: config.headers,
        clock: this.#options.clock,
        pool,
      });
    } catch {
      return false; // the client library is not there; the connections tell so
    }
  }

  #pool(target: UpstreamTarget, origin: string): Promise<HttpPool> {
    const key = `${target.name}\0${origin}`;
    this.#targets.set(key, target);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#createPool(() => this.#targets.get(key) ?? target, origin);
      this.#pools.set(key, pool);
      // Without its library (an update has removed it, say) the next connection tries again.
      pool.catch(() => this.#pools.delete(key));
    }
    return pool;
  }

  async #createPool(target: () => UpstreamTarget, origin: string): Promise<HttpPool> {
    return new HttpPool({
      origin,
      clock: this.#options.clock,
      settings: () => {
        const { settings } = target();
        return {
          connectTimeoutMs: settings.connectionTimeout * 1_000,
          maxIdle: settings.maxKeepaliveConnections,
          idleExpiryMs: settings.keepaliveExpiry * 1_000,
        };
      },
      createClient: await loadClientFactory(),
    });
  }

  dispose(): void {
    // One that could not be made has been told by its transport, and has nothing to close.
    for (const pool of this.#pools.values())
      pool.then(
        (open) => open.close(),
        () => undefined,
      );
    this.#pools.clear();
    this.#targets.clear();
    for (const { failover } of this.#failovers.values()) failover.dispose();
    this.#failovers.clear();
  }
}
