import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/base/clock.ts';
import { unknownServerInitialize } from '../../shared/protocol/answers.ts';
import { memberRange, splice } from '../../shared/protocol/frameScanner.ts';

/** A server that is remembered is waited for this long before its client is answered from memory. */
const REMEMBERED_PATIENCE_MS = 2_000;

export interface InitializeQuestion {
  readonly server: string;
  /** The `initialize` result of last time. */
  readonly remembered: Record<string, unknown> | undefined;
  /** The client's parameters, JSON text. */
  readonly params: string;
  readonly startTimeoutMs: number;
  /** Why the server is not there; asked only when that is answered. */
  readonly reason: () => string;
}

export interface InitializeAnswer {
  /** JSON text. */
  readonly result: string;
  /** The server's whole answer; absent when it is not the server's. */
  readonly line?: Uint8Array;
}

/**
 * What a client was told in answer to `initialize`. VS Code waits for that answer without limit, so one is always given:
 * the server's own, last time's, or one that says what is wrong. When the server turns out to be something else, the
 * promise is broken and the client's session should be started anew.
 */
export class InitializePromise {
  readonly #clock: Clock;
  readonly #first = Promise.withResolvers<InitializeAnswer | undefined>();
  #promised: string | undefined;
  #broken = false;

  constructor(clock: Clock, promised: string | undefined) {
    this.#clock = clock;
    this.#promised = promised;
  }

  /** What the client was told, JSON text; absent until it was. */
  get promised(): string | undefined {
    return this.#promised;
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  /** The server has answered. */
  fulfil(result: string, line: Uint8Array): void {
    this.#first.resolve({ result, line });
    if (this.#promised === undefined) return;
    this.#broken = !sameServer(this.#promised, result);
  }

  /** The server does not come soon. */
  giveUp(): void {
    this.#first.resolve(undefined);
  }

  /** What to answer with. */
  async take(question: InitializeQuestion): Promise<InitializeAnswer> {
    const patienceMs = question.remembered === undefined ? question.startTimeoutMs : REMEMBERED_PATIENCE_MS;
    const timer = this.#clock.setTimer(patienceMs, () => this.giveUp());
    const own = await this.#first.promise;
    timer.dispose();
    const answer = own ?? { result: this.#substitute(question) };
    this.#promised = answer.result;
    return answer;
  }

  #substitute(question: InitializeQuestion): string {
    if (question.remembered !== undefined) return JSON.stringify(question.remembered);
    return unknownServerInitialize(question.server, protocolVersionOf(question.params), question.reason());
  }
}

/** `initialize` (parameters, JSON text) that asks for the protocol version which `promised` (a result) says was agreed on. */
export function withPromisedVersion(initialize: string, promised: string | undefined): string {
  if (promised === undefined) return initialize;
  const line = new TextEncoder().encode(initialize);
  const asked = memberRange(line, { start: 0, end: line.length }, 'protocolVersion');
  if (asked === undefined) return initialize;
  return new TextDecoder().decode(splice(line, asked, JSON.stringify(protocolVersionOf(promised))));
}

function protocolVersionOf(params: string): string {
  try {
    const { protocolVersion } = JSON.parse(params) as Record<string, unknown>;
    if (typeof protocolVersion === 'string') return protocolVersion;
  } catch {
    // the client's own parameters are not JSON: it will hardly care for the version
  }
  return '2025-06-18';
}

function sameServer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => JSON.parse(text) as Record<string, unknown>);
  return ['protocolVersion', 'capabilities', 'serverInfo'].every((key) =>
    isDeepStrictEqual(left?.[key], right?.[key]),
  );
}
