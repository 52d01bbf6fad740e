import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { GivenInputs, NeededInputs } from '../../shared/protocol/engineMessages.ts';
import type { Redactor } from '../../shared/redaction/redactor.ts';
import { secretsIn } from '../../shared/redaction/secretValues.ts';
import type { ServerConfig } from '../../shared/settings/serverConfig.ts';
import type { StartReason } from '../upstream/preparation.ts';
import type { UpstreamTarget } from '../upstream/upstreams.ts';
import type { ServerInputs } from '../../shared/settings/serverTemplate.ts';
import type { ServerRuntime } from './serverRuntime.ts';

/** Who knows the values of inputs: the editor, or the environment of a stand-alone engine. May reject, or take as long as a person takes. */
export type InputSource = (needed: NeededInputs) => Promise<GivenInputs>;

/**
 * A person who is asked gets this long before those who wait are told so: less than the time of a call (60 s), so that each is answered. What is
 * given later starts the server then.
 */
const ASK_LIMIT_MS = 45_000;
/** A window that is being reloaded is back by then. */
const SOURCE_LIMIT_MS = 10_000;

/** What is the case while somebody is asked. */
export function awaitsInputSentence(ids: readonly string[]): string {
  return `It waits for the value of ${inputNames(ids)}, which the editor asks for.`;
}

/** The inputs that one of the connections waits for, for the snapshot. */
export function needsInputOf(
  inputs: ServerInputs | undefined,
  connections: readonly { readonly awaitsInput: boolean }[],
): Pick<ServerSnapshot, 'needsInput'> {
  const isAwaited = inputs !== undefined && connections.some(({ awaitsInput }) => awaitsInput);
  return isAwaited ? { needsInput: inputs.ids.map((id) => id.slice(0, 256)) } : {};
}

function inputNames(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).map((id) => `"${id.slice(0, 100)}"`);
  const more = ids.length > shown.length ? ' and others' : '';
  return `${ids.length === 1 ? 'the input' : 'the inputs'} ${shown.join(', ')}${more}`;
}

interface KnownServer {
  readonly values: ReadonlyMap<string, string>;
  /** The entry that they were given for: another of the same name, of a workspace say, must not get them. */
  readonly digest: string;
  /** What was made of them last, and for which settings. */
  filled?: { readonly inputs: ServerInputs; readonly config: ServerConfig | undefined };
}

interface OpenAsk {
  readonly why: StartReason;
  readonly inputs: ServerInputs;
  readonly done: Promise<void>;
}

/**
 * Holds the values that people gave for the inputs of entries (requirements R1.4), in memory only. They are asked for when a server is started, once for
 * all its sessions, and told to the redactor before anything uses them.
 */
export class InputDesk {
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #known = new Map<string, KnownServer>();
  readonly #open = new Map<string, OpenAsk>();
  /** Servers whose question was turned down: not asked again because of a call. */
  readonly #declined = new Set<string>();
  #sources: InputSource[] = [];
  #onSource = new Set<() => void>();

  constructor(clock: Clock, redactor: Redactor) {
    this.#clock = clock;
    this.#redactor = redactor;
  }

  /** The newest source is asked. */
  use(source: InputSource): Disposable {
    this.#sources.push(source);
    for (const tell of [...this.#onSource]) tell();
    return { dispose: () => (this.#sources = this.#sources.filter((other) => other !== source)) };
  }

  /** The entry with all values in it; `undefined` while one is missing. */
  filled({
    name,
    config,
    inputs,
    configurationDigest,
  }: Pick<ServerRuntime, 'name' | 'config' | 'inputs' | 'configurationDigest'>): ServerConfig | undefined {
    if (inputs === undefined) return config;
    const known = this.#known.get(name);
    if (known?.digest !== configurationDigest) return undefined;
    if (known.filled?.inputs !== inputs) known.filled = { inputs, config: inputs.fill(known.values).config };
    return known.filled.config;
  }

  /** The server as it is started; without an entry while a value is missing, so that nothing is started with half a command. */
  target(runtime: ServerRuntime): UpstreamTarget {
    if (runtime.inputs === undefined) return runtime;
    return { name: runtime.name, settings: runtime.settings, config: this.filled(runtime) };
  }

  /** Whether a call may make the question appear again. */
  mayAskFor(server: string): boolean {
    return !this.#declined.has(server);
  }

  /** Before a start: `undefined` when nothing is missing; else resolves when it is there, and rejects with `inputNeeded`. */
  prepare(runtime: ServerRuntime, why: StartReason): Promise<void> | undefined {
    const { inputs } = runtime;
    return inputs === undefined || this.filled(runtime) !== undefined
      ? undefined
      : this.#obtain(runtime, inputs, why);
  }

  /** Values may be others than before: a server that was started with them is started afresh, once, when they are. */
  async refresh(runtime: ServerRuntime): Promise<void> {
    const { name, inputs } = runtime;
    this.#declined.delete(name);
    if (inputs === undefined) return;
    // Whoever is being asked right now may have just answered.
    await this.#open.get(name)?.done.catch(() => undefined);
    const before = this.#known.get(name);
    this.#known.delete(name);
    await this.#obtain(runtime, inputs, 'start').catch(() => undefined);
    const after = this.#known.get(name);
    if (before === undefined) return;
    // Kept when others cannot be had: what runs goes on.
    if (after === undefined) this.#known.set(name, before);
    else if (!isSame(before.values, after.values)) runtime.inputsChanged();
  }

  /** Values were deleted where they are kept: the next start asks for them, and what runs goes on. */
  forget(server: string): void {
    this.#known.delete(server);
    this.#declined.delete(server);
  }

  #obtain(runtime: ServerRuntime, inputs: ServerInputs, why: StartReason): Promise<void> {
    const { name } = runtime;
    const open = this.#open.get(name);
    // Somebody who is interrupted anyway is not asked twice; a question that interrupts nobody is not enough for a call.
    if (open?.inputs === inputs && (open.why !== 'start' || why === 'start')) return open.done;
    const done = this.#ask(runtime, inputs, why).finally(() => {
      if (this.#open.get(name)?.done === done) this.#open.delete(name);
    });
    this.#open.set(name, { why, inputs, done });
    return done;
  }

  async #ask(runtime: ServerRuntime, inputs: ServerInputs, why: StartReason): Promise<void> {
    const { name, configurationDigest: digest } = runtime;
    if (why === 'byHand') this.#declined.delete(name);
    const needed = `The MCP server "${name}" needs the value of ${inputNames(inputs.ids)}.`;
    const fault = (reason: string): Fault =>
      new Fault('inputNeeded', `${needed} ${reason}`, { server: name });
    const source = await this.#source();
    if (source === undefined) throw fault('There is no editor that could be asked for it.');
    const asked = source({ server: name, inputs: [...inputs.ids], why });
    const answer = asked.then((given) => this.#keep(runtime, inputs, digest, given));
    let reason: string | undefined;
    try {
      reason = await this.#withinLimit(answer);
    } catch {
      throw fault('The editor could not be asked for it; it is tried again.');
    }
    if (reason !== undefined) throw fault(reason);
  }

  /**
   * Takes an answer, also one that comes too late: then it starts the server for whoever needs it by now. Answers why it is not enough, as a
   * sentence.
   */
  #keep(
    runtime: ServerRuntime,
    inputs: ServerInputs,
    digest: string,
    given: GivenInputs,
  ): string | undefined {
    const { name } = runtime;
    // Before anything is done with them (requirements R14.4).
    this.#redactor.learn(given.values.filter(({ secret }) => secret).map(({ value }) => value));
    if (given.declined === true) this.#declined.add(name);
    const values = new Map(given.values.map(({ id, value }) => [id, value]));
    if (!inputs.ids.every((id) => values.has(id)))
      return given.message ?? 'Use "MCP Lifeline: Enter Input Value" to give it.';
    const { config, problems } = inputs.fill(values);
    if (config === undefined) {
      const [first] = problems;
      const why =
        first === undefined
          ? 'it cannot be used'
          : `"${first.path.split('.').at(-1) ?? ''}" ${first.message}`;
      return `With the value that was given, ${why}.`;
    }
    this.#redactor.learn(secretsIn(config));
    this.#known.set(name, { values, digest });
    runtime.inputsGiven();
    return undefined;
  }

  async #withinLimit(work: Promise<string | undefined>): Promise<string | undefined> {
    const done = new AbortController();
    const tooLate = sleep(this.#clock, ASK_LIMIT_MS, done.signal).then(
      () => 'VS Code asks for it; the server starts when it is entered.',
    );
    tooLate.catch(() => undefined); // the answer came first
    work.catch(() => undefined); // it may fail after the limit
    try {
      return await Promise.race([work, tooLate]);
    } finally {
      done.abort();
    }
  }

  #source(): Promise<InputSource | undefined> {
    const newest = this.#sources.at(-1);
    if (newest !== undefined) return Promise.resolve(newest);
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.dispose();
        this.#onSource.delete(finish);
        resolve(this.#sources.at(-1));
      };
      const timer = this.#clock.setTimer(SOURCE_LIMIT_MS, finish);
      this.#onSource.add(finish);
    });
  }
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...other].every(([id, value]) => one.get(id) === value);
}
