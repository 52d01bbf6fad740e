import { copyOf } from '../../../shared/base/copyOf.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { isWaitable, type ConnectionState } from '../../../shared/model/connectionState.ts';
import { Fault } from '../../../shared/model/fault.ts';
import { memberRange, scanFrame, splice, type Frame } from '../../../shared/protocol/frameScanner.ts';
import { catalogueKey } from '../../catalogue/catalogue.ts';
import { wireIdOf, type Call } from '../../pipeline/call.ts';
import { wireFormOf } from '../../pipeline/wireForm.ts';
import type { HandedOver, ServerRuntime } from '../../servers/serverRuntime.ts';
import type { ConnectionClient } from '../../upstream/connection.ts';
import type { Launch } from '../../upstream/launch.ts';
import type { ServerLink, SharedServer, SharingClient } from '../../upstream/serverLink.ts';
import { CatalogueKeeper } from '../catalogueKeeper.ts';
import { ListFollower } from '../listFollower.ts';
import type { SessionDeps } from '../session.ts';
import { createConnection } from '../sessionConnection.ts';
import { firstUsable } from './firstUsable.ts';
import { MessageRouter } from './messageRouter.ts';
import { OpenCalls, type OpenCall } from './openCalls.ts';
import { SharedMember } from './sharedMember.ts';
import { SharedSlot, type SlotOwner } from './sharedSlot.ts';
import { changes, merge, type SharedState } from './sharedState.ts';

/** A server that its last client has left stays this long: a window that reloads, or a client that starts anew, finds it as it was. */
const GRACE_MS = 5_000;
/** A process of a pool beyond the minimum is ended when it had nothing to do for so long. */
const SURPLUS_IDLE_MS = 60_000;

/**
 * One server for all sessions (`instances: "single"`), or a few processes of one that remembers nothing (`pool`). It stands between
 * sessions and connections: ids and progress tokens are rewritten on the way, and each message finds the session that it belongs to.
 */
export class SharedUpstream implements SharedServer, SlotOwner {
  readonly initialize: string;
  readonly #deps: SessionDeps;
  readonly #runtime: ServerRuntime;
  /** The one that used the server last at the end. */
  readonly #members = new Set<SharedMember>();
  #slots: SharedSlot[] = [];
  readonly #calls = new OpenCalls<SharedMember, SharedSlot>();
  readonly #router: MessageRouter;
  readonly #catalogue: CatalogueKeeper;
  readonly #lists: ListFollower;
  #initialized: HandedOver['initialized'];
  #state: SharedState = { logLevel: undefined, subscriptions: new Set() };
  #stateVersion = 0;
  #digest: string;
  #grace: Disposable | undefined;
  #trim: Disposable | undefined;
  #ending: Promise<void> | undefined;

  /** `initialize`: what the server is told, JSON text. Enters itself in the server. */
  constructor(deps: SessionDeps, runtime: ServerRuntime, initialize: string) {
    this.#deps = deps;
    this.#runtime = runtime;
    this.initialize = initialize;
    this.#digest = runtime.configurationDigest;
    this.#catalogue = new CatalogueKeeper(
      deps.clock,
      runtime,
      () => catalogueKey(runtime.configurationDigest, initialize),
      (text) => deps.log('warn', text, runtime.name),
      {
        onToolsKnown: (launch) => this.#members.forEach(({ client }) => client.onToolsKnown(launch)),
        onRelisted: (stability) =>
          deps.observations?.note({ kind: 'relisted', server: runtime.name, ...stability }),
      },
    );
    this.#router = new MessageRouter(runtime.name, this.#calls, {
      members: () => [...this.#members],
      told: () => this.#state,
    });
    this.#lists = new ListFollower({
      clock: deps.clock,
      catalogue: this.#catalogue,
      tell: (line) => this.#members.forEach((member) => member.tell(line)),
      onTrouble: (message) => deps.log('warn', message, runtime.name),
    });
    runtime.shared = this;
    this.#addFirstSlot();
    while (this.#slots.length < this.#minimum) this.#addSlot(undefined);
  }

  // --- sessions come and go ---

  join(client: SharingClient, initialize: string): ServerLink {
    const member = new SharedMember(this, client, initialize, this.#deps.onListenerError);
    this.#grace?.dispose();
    this.#grace = undefined;
    this.#members.add(member);
    // It is told what the server said to the first one; that is another version than it asked for, if need be.
    if (this.#initialized !== undefined)
      client.onInitialized(this.#initialized.result, this.#initialized.line);
    return member;
  }

  leave(member: SharedMember, forGood: boolean): Promise<void> {
    this.#members.delete(member);
    this.#calls.forget(member);
    this.#endQuestions(member);
    if (member.leftOut > 0)
      this.#deps.log(
        'warn',
        `a client read too slowly and missed ${member.leftOut} messages`,
        this.#runtime.name,
      );
    this.#updateState(true);
    if (this.#members.size > 0) return Promise.resolve();
    if (!forGood) return this.end();
    if (this.#ending === undefined)
      this.#grace = this.#deps.clock.setTimer(GRACE_MS, () => void this.end(), { unref: true });
    return Promise.resolve();
  }

  end(): Promise<void> {
    if (this.#ending === undefined) {
      if (this.#runtime.shared === this) this.#runtime.shared = undefined;
      this.#grace?.dispose();
      this.#trim?.dispose();
      this.#lists.end();
      this.#ending = Promise.all(this.#slots.map((slot) => this.#remove(slot))).then(() => undefined);
      // Whoever starts the server again waits for that.
      this.#runtime.noteStopping(this.#ending);
    }
    return this.#ending;
  }

  onConfigurationChanged(): void {
    const { config, processes, configurationDigest } = this.#runtime;
    if (config?.lifeline.enabled !== true || processes === 0) {
      void this.end();
      return;
    }
    for (const slot of this.#slots.splice(processes)) void this.#remove(slot);
    if (this.#digest === configurationDigest) return;
    this.#digest = configurationDigest;
    for (const slot of this.#slots) slot.connection.forceRestart('settings');
  }

  // --- its connections ---

  get #minimum(): number {
    const { processes, settings } = this.#runtime;
    return Math.max(1, Math.min(processes, settings.minConnections));
  }

  /** What runs already for the first client, if it suits. */
  #addFirstSlot(): void {
    const { standby } = this.#runtime;
    let kept: HandedOver | undefined;
    this.#addSlot((client) => {
      kept = standby?.handOver(this.initialize, client);
      return kept?.connection;
    });
    if (kept === undefined) return;
    const [slot] = this.#slots;
    const launch = kept.connection.usableLaunch;
    if (kept.initialized !== undefined) this.onInitialized(kept.initialized.result, kept.initialized.line);
    if (slot !== undefined && launch !== undefined) this.onReady(slot, launch);
  }

  #addSlot(takeOver: ((client: ConnectionClient) => HandedOver['connection'] | undefined) | undefined): void {
    const runtime = this.#runtime;
    const slot = new SharedSlot(this, (client) => {
      const kept = takeOver?.(client);
      if (kept !== undefined) return kept;
      if (runtime.standby !== undefined) runtime.noteStopping(runtime.standby.end());
      const key = `shared ${this.#deps.nextNumber()}`;
      return createConnection(this.#deps, runtime, { key, client, after: runtime.stopping });
    });
    this.#slots.push(slot);
    slot.connection.setHello(this.#hello);
    slot.stateVersion = this.#stateVersion;
    runtime.attach(slot);
  }

  async #remove(slot: SharedSlot): Promise<void> {
    await slot.connection.stop();
    this.#runtime.detach(slot);
  }

  /** The connection that a call should go to: usable, with the fewest calls. */
  #leastBusy(): SharedSlot | undefined {
    let best: SharedSlot | undefined;
    for (const slot of this.#slots)
      if (
        slot.connection.usableLaunch !== undefined &&
        (best === undefined || slot.openCalls < best.openCalls)
      )
        best = slot;
    return best;
  }

  /** One more process when everyone there is has something to do: one that was let rest when it was lost, or a new one. */
  #grow(): void {
    if (this.#ending !== undefined) return;
    const resting = this.#slots.filter(({ connection }) => connection.state === 'idle');
    if (this.#calls.size < this.#slots.length - resting.length) return;
    if (resting.length === 0) {
      if (this.#slots.length >= this.#runtime.processes) return;
      this.#addSlot(undefined);
    }
    (resting[0] ?? this.#slots.at(-1))?.connection.open();
  }

  /** Ends one process that nobody needs, once in a while. */
  #trimLater(): void {
    if (this.#slots.length <= this.#minimum || this.#trim !== undefined) return;
    this.#trim = this.#deps.clock.setTimer(
      SURPLUS_IDLE_MS,
      () => {
        this.#trim = undefined;
        const surplus = this.#slots.at(-1);
        if (this.#slots.length > this.#minimum && surplus !== undefined && isUnused(surplus)) {
          this.#slots.pop();
          void this.#remove(surplus);
        }
        this.#trimLater();
      },
      { unref: true },
    );
  }

  get #shown(): SharedSlot | undefined {
    const usable = this.#leastBusy();
    return usable ?? this.#slots.find(({ connection }) => isWaitable(connection.state)) ?? this.#slots.at(0);
  }

  get state(): ConnectionState {
    return this.#shown?.connection.state ?? 'stopped';
  }

  get diagnosis(): string {
    return this.#shown?.connection.diagnosis ?? '';
  }

  get isFirstStart(): boolean {
    return this.#slots.every(({ connection }) => connection.isFirstStart);
  }

  get usableLaunch(): Launch | undefined {
    return this.#leastBusy()?.connection.usableLaunch;
  }

  open(): void {
    for (const { connection } of this.#slots) connection.open();
  }

  suspect(call: Call | undefined): void {
    const entry = call === undefined ? undefined : this.#calls.find(wireIdOf(call));
    (entry?.slot ?? this.#slots.at(0))?.connection.suspect();
  }

  // --- from the clients ---

  /** Resolves with the launch that a call may be written to, in a form that no other client's call has. */
  async whenUsable(call: Call, member: SharedMember): Promise<Launch> {
    if (!this.#members.has(member)) throw this.#ended();
    this.#noteUse(member);
    // It may have been given a place already, and have waited for something else since.
    if (call.wire !== undefined) this.#calls.remove(call.wire.id);
    this.#grow();
    for (;;) {
      const slot = this.#leastBusy();
      const launch = slot?.connection.usableLaunch;
      // Without a pause in between: calls of one moment must see each other, or all would go to the same process.
      if (slot !== undefined && launch !== undefined) return this.#assign({ call, member, slot, launch });
      await firstUsable(this.#slots, call);
      if (!this.#members.has(member)) throw this.#ended();
    }
  }

  #assign(entry: OpenCall<SharedMember, SharedSlot>): Launch {
    const { call } = entry;
    if (call.wire === undefined) {
      // A number, which every server can take; it is used once in an engine.
      call.wire = wireFormOf(this.#withMergedLevel(call), String(call.seq));
      void call.settled.promise.then(() => this.#onSettled(call));
    }
    this.#calls.add(entry);
    return entry.launch;
  }

  #onSettled(call: Call): void {
    this.#calls.remove(wireIdOf(call));
    this.#trimLater();
  }

  #ended(): Fault {
    const { name } = this.#runtime;
    const text = `The MCP server "${name}" is stopped; the call was not carried out.`;
    return new Fault('stopped', text, { server: name });
  }

  /** A client that wants to hear less must not make the server tell the others less. */
  #withMergedLevel({ method, line }: Call): Uint8Array {
    const { logLevel } = this.#state;
    if (method !== 'logging/setLevel' || logLevel === undefined) return line;
    const params = memberRange(line, { start: 0, end: line.length }, 'params');
    const level = params === undefined ? undefined : memberRange(line, params, 'level');
    return level === undefined ? line : splice(line, level, JSON.stringify(logLevel));
  }

  #noteUse(member: SharedMember): void {
    this.#members.delete(member);
    this.#members.add(member);
  }

  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>, member: SharedMember): boolean {
    if (!member.asked.delete(frame.id)) return false;
    const taken = this.#slots.some(({ connection }) => connection.answer(line, frame));
    member.client.onServerRequests(member.asked.size);
    return taken;
  }

  notify(line: Uint8Array, member: SharedMember): void {
    this.#noteUse(member);
    for (const { connection } of this.#slots) connection.notify(line);
  }

  isWantedByOthers(uri: string, member: SharedMember): boolean {
    return [...this.#members].some((other) => other !== member && other.subscriptions.includes(uri));
  }

  /** `isRestored`: a session brings what it had set before, and will not ask for it again. */
  onSessionStateChanged(isRestored: boolean): void {
    // Otherwise one process hears of it by the client's own request.
    this.#updateState(isRestored || this.#slots.length > 1);
  }

  get #hello() {
    const { logLevel, subscriptions } = this.#state;
    return { initialize: this.initialize, logLevel, subscriptions: [...subscriptions] };
  }

  #updateState(tellServer: boolean): void {
    const before = this.#state;
    this.#state = merge([...this.#members]);
    const requests = changes(before, this.#state);
    if (requests.length === 0) return;
    this.#stateVersion += 1;
    for (const { connection } of this.#slots) {
      connection.setHello(this.#hello);
      const launch = connection.usableLaunch;
      if (!tellServer || launch === undefined) continue;
      for (const { method, params } of requests) void launch.request(method, JSON.stringify(params));
    }
  }

  // --- from the server ---

  onStateChanged(slot: SharedSlot): void {
    // Its launch takes the state as it is now.
    if (slot.connection.state === 'connecting') slot.stateVersion = this.#stateVersion;
    const { state } = this;
    for (const member of [...this.#members]) member.noteState(state);
  }

  onInitialized(result: string, line: Uint8Array): void {
    this.#initialized = { result, line: copyOf(line) };
    this.#catalogue.noteInitialize(result);
    for (const member of this.#members) member.client.onInitialized(result, line);
  }

  onReady(slot: SharedSlot, launch: Launch): void {
    this.#runtime.breaker.noteEvidenceOfRecovery();
    void this.#lists.onReady(launch);
    if (slot.stateVersion === this.#stateVersion) return;
    // Something was set while it was starting.
    slot.stateVersion = this.#stateVersion;
    const nothing = { logLevel: undefined, subscriptions: new Set<string>() };
    for (const { method, params } of changes(nothing, this.#state))
      void launch.request(method, JSON.stringify(params));
  }

  onListChanged(list: string, line: Uint8Array, launch: Launch): void {
    this.#lists.onListChanged(list, line, launch);
  }

  onProgress(token: string, progress: number): boolean {
    const entry = this.#calls.findByToken(token);
    if (entry?.call.progressToken === undefined) return false;
    return entry.member.client.onProgress(entry.call.progressToken, progress);
  }

  onServerMessage(slot: SharedSlot, line: Uint8Array, about: string | undefined): void {
    const refused = this.#router.route(slot, line, about);
    if (refused !== undefined) this.#refuse(refused.id, refused.why, refused.result);
  }

  /** The client goes. Its session may go on, with a server of its own: nothing of this one must hold that up. */
  #endQuestions({ asked, client }: SharedMember): void {
    if (asked.size === 0) return;
    for (const id of asked) {
      this.#refuse(id, 'The client that was asked has left');
      client.onClientMessage(new TextEncoder().encode(endOfQuestion(id)));
    }
    asked.clear();
    client.onServerRequests(0);
  }

  /** Answers a request of the server in a client's place. */
  #refuse(id: string, why: string, result?: string): void {
    const end =
      result === undefined
        ? `"error":${JSON.stringify({ code: -32_601, message: why })}`
        : `"result":${result}`;
    const line = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},${end}}`);
    const frame = scanFrame(line);
    if (frame.kind === 'response') this.#slots.some(({ connection }) => connection.answer(line, frame));
  }
}

function endOfQuestion(id: string): string {
  const params = `{"requestId":${id},"reason":"The MCP server is not used any more"}`;
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
}

function isUnused({ openCalls, connection }: SharedSlot): boolean {
  return openCalls === 0 && connection.waiting === 0;
}
