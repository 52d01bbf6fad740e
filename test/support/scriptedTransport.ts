import type { Clock } from '../../src/shared/base/clock.ts';
import type { Disposable } from '../../src/shared/base/disposable.ts';
import { Fault, type FaultCode } from '../../src/shared/model/fault.ts';
import type {
  OutgoingRequest,
  Transport,
  TransportListener,
  Verdict,
} from '../../src/engine/upstream/transport.ts';

/** How one launch of a server goes. Times in milliseconds. */
export interface Script {
  /** `throws`: cannot even be opened. `fails`: ends with `fault` before it is open. `silent`: opens, and answers nothing. */
  readonly start: 'throws' | 'fails' | 'silent' | 'refuses' | 'noPing' | 'good';
  readonly fault: FaultCode;
  readonly startMs: number;
  /** What its end takes when it is stopped. */
  readonly stopMs: number;
  /** A call is answered after this; never when absent. */
  readonly callMs: number | undefined;
}

const encoder = new TextEncoder();

/** A server that exists only in memory, and behaves as its script says. */
export class ScriptedTransport implements Transport {
  readonly pid: number | undefined;
  readonly requestsAreIndependent: boolean;
  readonly script: Script;
  readonly #clock: Clock;
  readonly #listener: TransportListener;
  readonly #timers = new Set<Disposable>();
  readonly #asked = new Map<string, (verdict: Verdict) => void>();
  readonly #ending = Promise.withResolvers<undefined>();
  #isEnding = false;
  hasEnded = false;
  /** Answers nothing any more, but runs. */
  isHung = false;
  /** Handshake and readiness ping are answered. */
  isReady = false;

  constructor(clock: Clock, listener: TransportListener, script: Script, isHttp: boolean, pid: number) {
    if (script.start === 'throws') throw new Error('no such thing');
    this.#clock = clock;
    this.#listener = listener;
    this.script = script;
    this.requestsAreIndependent = isHttp;
    this.pid = isHttp ? undefined : pid;
    this.#after(script.startMs, () => {
      if (script.start === 'fails') this.end(script.fault);
      else this.#listener.onOpened();
    });
  }

  #after(ms: number, action: () => void): void {
    const timer = this.#clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      if (!this.hasEnded) action();
    });
    this.#timers.add(timer);
  }

  #say(message: Record<string, unknown>, id: string): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message }).replace('"@"', id);
    this.#listener.onLines([encoder.encode(text)]);
  }

  request({ id, line }: OutgoingRequest, settled: (verdict: Verdict) => void): void {
    if (this.hasEnded || this.#isEnding) {
      settled({ kind: 'broken', delivered: 'no' });
      return;
    }
    this.#asked.set(id, settled);
    settled({ kind: 'written' });
    const { method } = JSON.parse(typeof line === 'string' ? line : new TextDecoder().decode(line)) as {
      method: string;
    };
    const { start, startMs, callMs } = this.script;
    if (this.isHung || start === 'silent') return;
    const answer = (message: Record<string, unknown>, ms: number): void =>
      this.#after(ms, () => {
        if (!this.isHung && this.#asked.has(id)) this.#say({ id: '@', ...message }, id);
      });
    if (method === 'initialize') {
      if (start === 'refuses') answer({ error: { code: -32_600, message: 'no' } }, startMs);
      else answer({ result: { protocolVersion: '2025-11-25', capabilities: {} } }, startMs);
    } else if (method === 'ping') {
      if (start === 'noPing') return;
      answer({ result: {} }, 1);
    } else if (callMs !== undefined) answer({ result: { content: [] } }, callMs);
  }

  notify(_message: Uint8Array | string, settled?: (verdict: Verdict) => void): void {
    if (this.hasEnded) settled?.({ kind: 'broken', delivered: 'no' });
    else settled?.({ kind: 'written' });
  }

  release(id: string): void {
    this.#asked.delete(id);
  }

  /** Its process ends, or its session is lost, by itself. */
  end(code: FaultCode = 'exited'): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.isReady = false;
    for (const timer of this.#timers) timer.dispose();
    this.#timers.clear();
    this.#listener.onEnd(new Fault(code, `It ended: ${code}.`, { server: 's' }));
    this.#ending.resolve(undefined);
  }

  /** The server refuses one of the open requests. */
  refuse(code: FaultCode): void {
    for (const [id, settled] of [...this.#asked]) {
      this.#asked.delete(id);
      settled({ kind: 'failed', fault: new Fault(code, `Refused: ${code}.`), delivered: 'no' });
      return;
    }
  }

  stop(): Promise<void> {
    if (this.#isEnding || this.hasEnded) return this.#ending.promise;
    this.#isEnding = true;
    this.#after(this.script.stopMs, () => this.end());
    return this.#ending.promise;
  }

  pauseReading(): void {
    // nothing is read
  }

  resumeReading(): void {
    // nothing is read
  }

  useProtocol(): void {
    // one does for all
  }

  listen(): void {
    // it never speaks by itself
  }
}
