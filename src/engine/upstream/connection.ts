import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import {
  isUsable,
  isWaitable,
  legalMoves,
  type ConnectionState,
} from '../../shared/model/connectionState.ts';
import type { Fault } from '../../shared/model/fault.ts';
import type { Frame } from '../../shared/protocol/frameScanner.ts';
import type { Call } from '../pipeline/call.ts';
import type { Diagnosis } from '../../shared/model/snapshot.ts';
import type { Watch } from '../health/watch.ts';
import { diagnose } from '../recovery/diagnosis/diagnose.ts';
import type { Attempt, RecoveryPlan } from '../recovery/serverRecovery.ts';
import { notOpenedFault, restartedFault, unusableFault } from './connectionFaults.ts';
import { lastWords } from './lastWords.ts';
import { Launch, type ClientHello, type LaunchListener } from './launch.ts';
import { LaunchPatient } from './launchPatient.ts';
import { OpenQuestions } from './openQuestions.ts';
import { Preparation } from './preparation.ts';
import type { ServerLink } from './serverLink.ts';
import { WaitingCalls } from './waitingCalls.ts';
import type { ConnectionClient, ConnectionOptions } from './connectionOptions.ts';

export type { ConnectionClient, ConnectionPolicy } from './connectionOptions.ts';

/** Who refuses a credential will refuse it again; a person is waited for, and asked after anew only this often. */
const SIGN_IN_INTERVAL_MS = 300_000;

/**
 * The connection of one session to its server: one state machine over all launches. Restarts behind the gateway;
 * callers wait in order (requirements R2.5, design §4).
 */
export class Connection implements ServerLink {
  /** Who is told; changes when a connection that was kept for somebody is handed over. */
  client: ConnectionClient;
  readonly #options: ConnectionOptions;
  readonly #changed: Emitter<ConnectionState>;
  readonly #waiters = new WaitingCalls();
  readonly #memberships: readonly Disposable[];
  #state: ConnectionState = 'idle';
  #since: number;
  #hello: ClientHello | undefined;
  #launch: Launch | undefined;
  #watch: Watch | undefined;
  /** Launches that take no more calls, and are still being answered. */
  readonly #lingering = new Set<Launch>();
  readonly #questions = new OpenQuestions();
  #lastFault: Fault | undefined;
  #startFault: Fault | undefined;
  #attempt: Attempt | undefined;
  /** Its place among the starts, or in their queue. */
  #place: Disposable | undefined;
  #launches = 0;
  #everReady = false;
  #stderrTail = '';
  #crash: Diagnosis | undefined;
  /** The running launch is being ended for a fresh start that was asked for. */
  #forced = false;
  #endWasAskedFor = false;
  #isWaitingForPredecessor = false;
  readonly #preparation: Preparation;
  /** The end of what ran when it was isolated. */
  #retiring: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.client = options.client;
    this.#since = options.clock.wallNow();
    this.#changed = new Emitter(options.onListenerError);
    const { key, recovery, serverRecovery } = options;
    const ifConnecting =
      <T extends unknown[]>(action: (...args: T) => void) =>
      (...args: T): void => {
        if (this.#state === 'connecting' && this.#launch === undefined) action(...args);
      };
    this.#preparation = new Preparation({
      server: options.server,
      ask: options.prepare,
      mayAsk: options.mayAsk,
      isCallWaiting: () => this.#waiters.size > 0,
      go: ifConnecting(() => this.#enter()),
      onMissing: ifConnecting((fault: Fault) => this.#onMissing(fault)),
      onAsked: () => options.onHealth(),
    });
    this.#memberships = [
      recovery.join(key, {
        needsAttempt: () => this.#needsAttempt,
        retry: () => this.#tryAgain(),
      }),
      serverRecovery.join(key, {
        retry: () => {
          if (!this.#isPlanned) return false;
          this.#tryAgain();
          return true;
        },
        follow: (plan) => {
          if (this.#isPlanned) this.#follow(plan);
        },
      }),
    ];
  }

  /** Fired after each change of state. */
  get onDidChange(): Emitter<ConnectionState>['event'] {
    return this.#changed.event;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Wall-clock milliseconds when the state was entered. */
  get since(): number {
    return this.#since;
  }

  /** The last launch was ended for a fresh start that was asked for: no failure. */
  get endWasAskedFor(): boolean {
    return this.#endWasAskedFor;
  }

  get lastFault(): Fault | undefined {
    return this.#lastFault;
  }

  /** Milliseconds until the next attempt; only while one is planned. */
  get nextAttemptInMs(): number | undefined {
    return this.#options.recovery.dueInMs(this.#options.key);
  }

  get pid(): number | undefined {
    return this.#launch?.pid;
  }

  /** The address it goes to; absent where there is none, or no connection now. */
  get endpoint(): string | undefined {
    return this.#launch?.endpoint;
  }

  /** φ of its silence, 0 to 100; only while it is watched. */
  get suspicion(): number | undefined {
    return this.#watch?.suspicion;
  }

  /** Wall-clock milliseconds since when a call has been under way without a word of the server; from 15 s on. */
  get busySince(): number | undefined {
    const { clock } = this.#options;
    const since = this.#watch?.busySince;
    return since === undefined ? undefined : clock.wallNow() - (clock.now() - since);
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get inFlight(): number {
    return [...this.#lingering].reduce((all, launch) => all + launch.inFlight, this.#launch?.inFlight ?? 0);
  }

  /** The first start is under way: it may take long (`npx` downloads), and deadlines stand still meanwhile. */
  get isFirstStart(): boolean {
    return !this.#everReady && this.#launches <= 1 && isWaitable(this.#state);
  }

  /** The launch that calls may be written to now. */
  get usableLaunch(): Launch | undefined {
    // One that is being ended for a fresh start would take a call with it, or run it where the settings point no more.
    return isUsable(this.#state) && !this.#forced ? this.#launch : undefined;
  }

  /** The launch there is now, in whatever state: what the client answers or tells may be for it before calls are. */
  get currentLaunch(): Launch | undefined {
    return this.#launch;
  }

  /** Passes the client's answer on to the launch that asked, also to one that takes no more calls. False when none did. */
  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): boolean {
    return [this.#launch, ...this.#lingering].some((launch) => launch?.answer(line, frame) === true);
  }

  /** Passes a notification of the client on; one that falls into a time without a server is dropped, with what it was about. */
  notify(line: Uint8Array): void {
    this.#launch?.notify(line);
  }

  /** Sets what every launch tells the server; must precede `open`. */
  setHello(hello: ClientHello): void {
    this.#hello = hello;
  }

  /** Why the start before this one failed; absent once it is ready. */
  get startFault(): Fault | undefined {
    return this.#startFault;
  }

  get hasHello(): boolean {
    return this.#hello !== undefined;
  }

  /** Starts the server unless it is started, or planned to be, already. */
  open(): void {
    if (this.#state !== 'idle' || this.#isWaitingForPredecessor) return;
    const predecessor = this.#launches > 0 ? this.#retiring : this.#options.after;
    if (predecessor === undefined) {
      this.#start();
      return;
    }
    this.#isWaitingForPredecessor = true;
    void predecessor.finally(() => {
      this.#isWaitingForPredecessor = false;
      if (this.#state === 'idle') this.#start();
    });
  }

  /**
   * Resolves with the launch that a call may be written to, in order of arrival. Rejects with the call's own fault when it is
   * aborted, or with the reason when nothing can be waited for.
   */
  whenUsable(call: Pick<Call, 'seq' | 'controller'>): Promise<Launch> {
    this.open();
    // A call is a good reason to ask a person who was not asked yet, or may be asked again.
    if (this.#state === 'needsSignIn' && this.awaitsInput && this.#preparation.mayAsk) this.#start('call');
    const launch = this.usableLaunch;
    if (launch !== undefined) return Promise.resolve(launch);
    if (!isWaitable(this.#state) && !this.#forced) return Promise.reject(this.#unusableFault());
    return this.#waiters.wait(call);
  }

  /** Why calls fail at once in the present state. */
  #unusableFault(): Fault {
    return unusableFault(this.#options.server, this);
  }

  /** What is known of the last failure, with the server's own last words. */
  get diagnosis(): string {
    const last = lastWords(this.#stderrTail);
    const words = /[\w)\]'"`]$/.test(last) ? `${last}.` : last;
    return `${this.#lastFault?.message ?? 'No failure is known.'}${words === '' ? '' : ` Its last output: ${words}`}`;
  }

  /** Why it is down (requirements R5.5); absent when it never failed, and once it is ready again. */
  get crash(): Diagnosis | undefined {
    return this.#crash;
  }

  /** It is down, and nothing is under way to bring it back. */
  get #needsAttempt(): boolean {
    return this.#isPlanned || (this.#state === 'broken' && this.#launch === undefined);
  }

  /** It waits for its time in the recovery queue, for a reason that all connections of the server share. */
  get #isPlanned(): boolean {
    return this.#state === 'recovering' || this.#state === 'crashLoop';
  }

  /** More became known of why it is down. */
  explain(crash: Diagnosis): void {
    this.#crash = crash;
  }

  /** It waits for a value that a person has to give; or that person is being asked. */
  get awaitsInput(): boolean {
    return (
      this.#preparation.isOpen || (this.#state === 'needsSignIn' && this.#lastFault?.code === 'inputNeeded')
    );
  }

  /** What was missing for a start is there. */
  inputGiven(): void {
    if (this.#state === 'needsSignIn' && this.awaitsInput) this.#start();
  }

  #start(why: 'start' | 'call' = 'start'): void {
    const isUnderWay = this.#launch !== undefined || this.#state === 'connecting';
    if (this.#hello === undefined || isUnderWay) return;
    if (this.#state === 'stopped' || this.#state === 'isolated') return;
    const { key, recovery, serverRecovery } = this.#options;
    const held = serverRecovery.heldBack(key, this.#launches === 0);
    if (held !== undefined) {
      this.#follow(held);
      return;
    }
    recovery.begin(key);
    const isAsked = this.#preparation.begin(this.#preparation.reasonOr(why));
    this.#move('connecting');
    if (!isAsked) this.#enter();
  }

  /** Waits for a person, as for a sign-in. */
  #onMissing(fault: Fault): void {
    this.#lastFault = fault;
    this.#crash = undefined;
    this.#plan('needsSignIn', SIGN_IN_INTERVAL_MS);
    this.#rejectWaiters();
  }

  #enter(): void {
    const { startGate } = this.#options;
    if (startGate === undefined) {
      this.#launchNow();
      return;
    }
    this.#place?.dispose();
    this.#place = startGate.enter({
      tier: this.#options.policy().tier,
      isAwaited: () => this.#waiters.size > 0,
      go: () => this.#launchNow(),
    });
    // It may have come to nothing already.
    if (this.#launch === undefined && this.#state !== 'connecting') this.#leavePlace();
  }

  #launchNow(): void {
    const hello = this.#hello;
    // A listener may have ended it, or another session may have found out meanwhile that the server is down.
    if (this.#state !== 'connecting' || this.#launch !== undefined || hello === undefined) return;
    const { server, clock, open, journal, key, serverRecovery, redact } = this.#options;
    const held = serverRecovery.heldBack(key, this.#launches === 0);
    if (held !== undefined) {
      this.#leavePlace();
      this.#follow(held);
      return;
    }
    this.#launches += 1;
    this.#options.onLaunch?.(this.#launches === 1);
    this.#stderrTail = '';
    this.#attempt = serverRecovery.begin();
    const { startTimeoutMs } = this.#options.policy();
    // A launch reports to this listener; what comes from an earlier launch is recognised and dropped.
    const slot: { launch?: Launch } = {};
    const name = this.#options.nextLaunchName();
    const listener = this.#listenerFor(slot);
    try {
      slot.launch = new Launch(
        { server, name, clock, hello, startTimeoutMs, open, journal, redact },
        listener,
      );
    } catch (error) {
      this.#onEnd(notOpenedFault(server, error));
      return;
    }
    if (!slot.launch.hasEnded) this.#launch = slot.launch;
  }

  #leavePlace(): void {
    this.#place?.dispose();
    this.#place = undefined;
  }

  #listenerFor(slot: { readonly launch?: Launch }): LaunchListener {
    // A stopped connection takes no more news: its launch may still be shaking hands while it is being ended.
    const isCurrent = (): boolean => slot.launch === this.#launch && this.#state !== 'stopped';
    const ifCurrent =
      <T extends unknown[]>(action: (...args: T) => void) =>
      (...args: T): void => {
        if (isCurrent()) action(...args);
      };
    const withLaunch = (action: (launch: Launch) => void): void => {
      if (slot.launch !== undefined) action(slot.launch);
    };
    return {
      onPhase: ifCurrent((phase: 'initializing' | 'probing' | 'ready') => {
        if (phase === 'ready') this.#onReady();
        else this.#move(phase);
      }),
      onInitialized: ifCurrent((result: string, line: Uint8Array) => this.client.onInitialized(result, line)),
      // Not tied to the current launch: the last thing a dying one says is that its own requests are cancelled.
      onClientMessage: (line, about) => this.client.onClientMessage(line, about),
      onListChanged: ifCurrent((list: string, line: Uint8Array) =>
        withLaunch((launch) => this.client.onListChanged(list, line, launch)),
      ),
      // Also of one that is being stopped, or answers its last calls: deadlines that stand still must go on.
      onServerRequests: (open) => this.client.onServerRequests(this.#questions.note(slot, open)),
      onProgress: (token, progress) => this.client.onProgress(token, progress),
      onStderr: (text) => {
        this.#stderrTail = (this.#stderrTail + text).slice(-4_096);
        this.#options.onStderr(text);
      },
      onGarbage: (what) => this.#options.onGarbage(what),
      onDoubt: ifCurrent((fault: Fault) => {
        // A gateway that turns calls away is waited for, unless one can go elsewhere.
        if (fault.code !== 'unavailable' || this.#hasAlternative) this.#watch?.doubt('unreachable');
      }),
      onEnd: ifCurrent((fault: Fault) => this.#onEnd(fault)),
    };
  }

  #onReady(): void {
    const launch = this.#launch;
    // It may become ready while it is being ended for a fresh start; a call handed to it now would be lost with it.
    if (launch === undefined || this.#forced) return;
    this.#everReady = true;
    this.#startFault = undefined;
    this.#crash = undefined;
    this.#leavePlace();
    this.#options.recovery.remove(this.#options.key);
    this.#move('ready');
    this.#watchOver(launch);
    this.client.onReady(launch);
    this.#waiters.resolveAll(launch);
    if (this.#attempt !== undefined) this.#options.serverRecovery.ready(this.#options.key, this.#attempt);
  }

  #watchOver(launch: Launch): void {
    const { server, policy, health, onHealth } = this.#options;
    const host = {
      server,
      isRemote: () => policy().isRemote,
      intervalMs: () => policy().healthCheckIntervalMs,
      hasAlternative: () => this.#hasAlternative,
      suspect: () => {
        if (this.#state === 'ready') this.#move('suspect');
      },
      clear: () => {
        if (this.#state === 'suspect') this.#move('ready');
      },
      touch: onHealth,
    };
    this.#watch = health.watch(new LaunchPatient(launch, host));
  }

  #leaveAlone(): void {
    this.#watch?.dispose();
    this.#watch = undefined;
  }

  #onEnd(told: Fault): void {
    const fault = told.inWords(this.#options.redact);
    const launch = this.#launch;
    this.#launch = undefined;
    this.#leaveAlone();
    this.#leavePlace();
    this.#options.serverRecovery.lost(this.#options.key);
    this.#keepLingering(launch);
    const forced = this.#forced;
    this.#forced = false;
    this.#endWasAskedFor = forced;
    if (!forced) {
      this.#lastFault = fault;
      const wasUp = launch?.readyAt !== undefined;
      this.#crash = diagnose({ fault, output: this.#stderrTail, wasUp });
    }
    if (launch?.readyAt === undefined && !forced) this.#startFault = fault;
    if (this.#state === 'stopped' || this.#state === 'idle' || this.#state === 'isolated') return;
    if ((fault.code === 'authRequired' || fault.code === 'forbidden') && !forced) {
      this.#plan('needsSignIn', SIGN_IN_INTERVAL_MS);
      this.#rejectWaiters();
      return;
    }
    this.#move('broken');
    if (forced) {
      this.#start();
      return;
    }
    if (!this.#needsAttempt) return; // a listener has ended it
    // No failure of the server while there is another way to it.
    if (this.#options.endpoints?.lost(launch?.endpoint, fault) === true) this.#plan('recovering', 0);
    else this.#follow(this.#planAfter(launch, fault));
  }

  #planAfter(launch: Launch | undefined, fault: Fault): RecoveryPlan {
    const { clock, key, serverRecovery, policy } = this.#options;
    const { readyAt, answered = 0 } = launch ?? {};
    return serverRecovery.ended(key, this.#attempt ?? serverRecovery.begin(), {
      readyForMs: readyAt === undefined ? undefined : clock.now() - readyAt,
      answeredCalls: answered,
      fault,
      policy: policy(),
    });
  }

  #keepLingering(launch: Launch | undefined): void {
    for (const other of this.#lingering) if (!other.isLingering) this.#lingering.delete(other);
    if (launch?.isLingering === true) this.#lingering.add(launch);
  }

  get #hasAlternative(): boolean {
    return this.#options.endpoints?.hasOther(this.#launch?.endpoint) === true;
  }

  /** Waits for its time with the other connections of the server. */
  #follow({ state, delayMs, fault }: RecoveryPlan): void {
    this.#lastFault ??= fault;
    this.#plan(state, delayMs);
    if (state === 'crashLoop') this.#rejectWaiters();
  }

  #plan(state: 'recovering' | 'crashLoop' | 'needsSignIn', delayMs: number): void {
    const { key, server, policy, recovery, serverRecovery } = this.#options;
    const { attempts } = serverRecovery;
    // Planned first: listeners of the new state see when the next attempt is.
    recovery.plan({ key, server, tier: policy().tier, attempts, fault: this.#lastFault, delayMs });
    this.#move(state);
  }

  /** Its time has come. */
  #tryAgain(): void {
    // A state that says what is wrong stays; only a loss that nobody minds is let rest until the next call.
    if (this.#state === 'recovering' && !this.#isNeeded) {
      this.#options.recovery.remove(this.#options.key);
      this.#move('idle');
    } else this.#start();
  }

  /** Somebody waits for it, or for what it would tell by itself, or it is to be there anyway. */
  get #isNeeded(): boolean {
    const isListenedTo = (this.#hello?.subscriptions.length ?? 0) > 0;
    return this.#options.policy().staysConnected || isListenedTo || this.#waiters.size > 0;
  }

  #rejectWaiters(): void {
    if (this.#waiters.size > 0) this.#waiters.rejectAll(this.#unusableFault());
  }

  /** A call passed its deadline: probes decide whether the server is slow or gone. Calls still flow meanwhile. */
  suspect(): void {
    this.#watch?.doubt('deadline');
  }

  /** A fresh start, whatever the state but `stopped`: backoff and crash history begin anew. */
  forceRestart(why: 'byHand' | 'settings' = 'byHand'): void {
    if (this.#state === 'stopped' || this.#hello === undefined || this.#isWaitingForPredecessor) return;
    if (this.#state === 'isolated') return; // a person's word stands until that person takes it back
    this.#options.serverRecovery.reset();
    this.#options.recovery.remove(this.#options.key);
    const old = this.#launch;
    this.#preparation.isByHand = why === 'byHand';
    if (old === undefined) {
      if (this.#state !== 'connecting' || !this.#preparation.isOpen) this.#start();
      // What was asked for without interrupting anybody is asked for in earnest; by other settings nothing may be missing any more.
      else if (!this.#preparation.begin(this.#preparation.reasonOr('byHand'))) this.#enter();
      return;
    }
    // The old process must be gone before the new one starts: it may hold a port or a lock. Its end starts the new one.
    this.#forced = true;
    this.#leaveAlone();
    old.countLoss(); // asked for: no failure of the server
    void old.stop({ politeMs: 500, firmMs: 1_000 }, restartedFault(this.#options.server, why));
  }

  /**
   * Makes the connection anew where it is to be now (R4.4), if nothing is under way. `evenWhileBusy`: calls under way stay with the old one until
   * they are answered. Only for servers whose connections do not exclude each other. False when it is not the moment.
   */
  moveOver(evenWhileBusy: boolean): boolean {
    const launch = this.#launch;
    if (this.#state !== 'ready' || launch === undefined || this.#forced || launch.load.isAsking) return false;
    if (launch.inFlight > 0 && !evenWhileBusy) return false;
    this.#launch = undefined;
    this.#leaveAlone();
    this.#options.serverRecovery.lost(this.#options.key);
    launch.countLoss(); // asked for: no failure of the server
    this.#lingering.add(launch);
    void launch.retire().finally(() => this.#lingering.delete(launch));
    this.#endWasAskedFor = true;
    this.#move('broken');
    this.#start();
    return true;
  }

  /**
   * Taken out of use by hand: nothing is started, probed or tried again until `rejoin`. Calls that wait are refused; those under way may still be
   * answered, and then the process is ended.
   */
  isolate(): void {
    if (this.#state === 'isolated' || this.#state === 'stopped') return;
    this.#leavePlace();
    this.#options.recovery.remove(this.#options.key);
    this.#options.serverRecovery.lost(this.#options.key);
    const launch = this.#launch;
    this.#launch = undefined;
    this.#leaveAlone();
    this.#forced = false;
    if (launch !== undefined) {
      launch.countLoss(); // asked for: no failure of the server
      const gone = Promise.all([this.#retiring, launch.retire()]).then(() => {
        if (this.#retiring === gone) this.#retiring = undefined;
      });
      this.#retiring = gone;
      this.#keepLingering(launch);
    }
    this.#move('isolated');
    this.#rejectWaiters();
  }

  /** Back in use, with nothing held against it; started when its session has said hello. */
  rejoin(): void {
    if (this.#state !== 'isolated') return;
    this.#options.serverRecovery.reset();
    this.#move('idle');
    if (this.#hello !== undefined) this.open();
  }

  /** Ends the connection and its process for good. */
  async stop(): Promise<void> {
    this.#leaveAlone();
    this.#forced = false; // no fresh start follows: a call must not wait for one
    if (this.#state !== 'stopped') this.#move('stopped');
    this.#leavePlace();
    for (const membership of this.#memberships) membership.dispose();
    this.#rejectWaiters();
    const launches = this.#launch === undefined ? [] : [this.#launch];
    await Promise.all([...launches, ...this.#lingering].map((launch) => launch.stop()));
    await this.#retiring;
    this.#changed.dispose();
  }

  #move(next: ConnectionState): void {
    const from = this.#state;
    if (from === next) return;
    if (!legalMoves[from].includes(next)) throw new Error(`Illegal connection move ${from} -> ${next}`);
    this.#state = next;
    if (this.#needsAttempt) this.#options.recovery.expect();
    this.#since = this.#options.clock.wallNow();
    this.#changed.fire(next);
  }
}
