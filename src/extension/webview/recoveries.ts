import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { isIsolated } from '../health/conditions.ts';
import { canRun, isWell, type HealthView } from '../health/healthView.ts';

/** A verdict is shown for this long; a later recovery replaces it at once. */
const VERDICT_STANDS_MS = 60_000;

export type Recovery =
  | { readonly kind: 'running'; readonly mode: RecoverParams['mode'] }
  | {
      readonly kind: RecoverResult['results'][number]['outcome'];
      readonly message: string;
      readonly durationMs: number;
    };

/** Where recoveries are told: the engine's client. */
export interface RecoverySource {
  readonly onDidStartRecovery: Event<{
    readonly params: RecoverParams;
    readonly done: Promise<RecoverResult>;
  }>;
}

interface Entry {
  readonly recovery: Recovery;
  readonly timer: Disposable | undefined;
}

/** Which recoveries are under way, and what became of those that are just over; for cards. */
export class Recoveries implements Disposable {
  readonly #clock: Clock;
  readonly #view: () => HealthView;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<undefined>;
  readonly #entries = new Map<string, Entry>();

  constructor(
    source: RecoverySource,
    clock: Clock,
    view: () => HealthView,
    onListenerError: (error: unknown) => void,
  ) {
    this.#clock = clock;
    this.#view = view;
    this.#changed = this.#store.add(new Emitter<undefined>(onListenerError));
    this.#store.add(source.onDidStartRecovery(({ params, done }) => this.#follow(params, done)));
    this.#store.add(
      toDisposable(() => {
        for (const { timer } of this.#entries.values()) timer?.dispose();
        this.#entries.clear();
      }),
    );
  }

  get onDidChange(): Event<undefined> {
    return this.#changed.event;
  }

  of(server: string): Recovery | undefined {
    return this.#entries.get(server)?.recovery;
  }

  dispose(): void {
    this.#store.dispose();
  }

  #follow(params: RecoverParams, done: Promise<RecoverResult>): void {
    const running: Recovery = { kind: 'running', mode: params.mode };
    const servers = this.#targets(params);
    for (const server of servers) this.#set(server, running);
    this.#changed.fire(undefined);
    const finish = (settle: (server: string) => Recovery | undefined): void => {
      if (this.#store.isDisposed) return;
      for (const server of servers) {
        // A later recovery of the same server may have begun meanwhile.
        if (this.#entries.get(server)?.recovery === running) this.#set(server, settle(server));
      }
      this.#changed.fire(undefined);
    };
    done.then(
      ({ results }) =>
        finish((server) => {
          const result = results.find((candidate) => candidate.server === server);
          if (result === undefined) return undefined;
          const { outcome: kind, message, durationMs } = result;
          // Of all servers, those left alone are none that anybody asked about.
          return kind === 'skipped' && params.server === undefined
            ? undefined
            : { kind, message, durationMs };
        }),
      (error: unknown) =>
        finish(() =>
          Fault.is(error, 'cancelled')
            ? undefined
            : {
                kind: 'failed',
                message: error instanceof Error ? error.message : String(error),
                durationMs: 0,
              },
        ),
    );
  }

  #targets({ server }: RecoverParams): string[] {
    const { servers } = this.#view();
    return servers
      .filter(({ name, health, snapshot }) => {
        if (server !== undefined) return name === server;
        // What a recovery of all leaves alone.
        return canRun(health) && !isWell(health) && (snapshot === undefined || !isIsolated(snapshot));
      })
      .map(({ name }) => name);
  }

  #set(server: string, recovery: Recovery | undefined): void {
    this.#entries.get(server)?.timer?.dispose();
    if (recovery === undefined) {
      this.#entries.delete(server);
      return;
    }
    const timer =
      recovery.kind === 'running'
        ? undefined
        : this.#clock.setTimer(VERDICT_STANDS_MS, () => {
            this.#entries.delete(server);
            this.#changed.fire(undefined);
          });
    this.#entries.set(server, { recovery, timer });
  }
}
