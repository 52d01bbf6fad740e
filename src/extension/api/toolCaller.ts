import type { ToolAnswer } from '../../../api/mcp-lifeline.d.ts';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { ApiError } from './apiError.ts';
import { ToolSession, type BridgeProcess } from './toolSession.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_MS = 600_000;
/** A session that nobody uses is closed, because a server may have a process for it. */
const IDLE_MS = 60_000;

export interface ToolCallerOptions {
  readonly clock: Clock;
  readonly servers: () => readonly ConfiguredServer[];
  readonly startBridge: (server: string) => BridgeProcess;
  /** Asks the person whether a tool that is not known to be read-only may run. */
  readonly mayRun: (server: string, tool: string) => Promise<boolean>;
}

export interface ToolRequest {
  readonly server: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

/** Tool calls of other extensions (requirements R12.7): one session for each server, closed when it is not used. */
export class ToolCaller implements Disposable {
  readonly #options: ToolCallerOptions;
  readonly #sessions = new Map<
    string,
    { readonly session: ToolSession; idle: Disposable | undefined; users: number }
  >();

  constructor(options: ToolCallerOptions) {
    this.#options = options;
  }

  async call({ server, tool, args, timeoutMs, signal }: ToolRequest): Promise<ToolAnswer> {
    const { clock, servers, mayRun } = this.#options;
    const configured = servers().find(({ name, enabled }) => name === server && enabled);
    if (configured === undefined)
      throw new ApiError('unknownServer', `No MCP server that is switched on is called "${server}".`);
    const limitMs = Math.min(Math.max(1, timeoutMs ?? DEFAULT_TIMEOUT_MS), MAX_TIMEOUT_MS);
    const startedAt = clock.now();
    return this.#withSession(server, async (session) => {
      const listed = await session.findTool(tool, { deadlineAt: startedAt + limitMs, signal });
      if (listed === undefined)
        throw new ApiError('unknownTool', `"${server}" lists no tool called "${tool}".`);
      const isHarmless = listed.isReadOnly && configured.config?.lifeline.trustAnnotations === true;
      const askedAt = clock.now();
      if (!isHarmless && !(await mayRun(server, tool)))
        throw new ApiError('notAllowed', `The user did not allow "${tool}" of "${server}".`);
      const deadlineAt = startedAt + limitMs + (clock.now() - askedAt);
      const answer = await session.callTool(tool, args, { deadlineAt, signal });
      return { ...answer, content: Array.isArray(answer['content']) ? answer['content'] : [] };
    });
  }

  dispose(): void {
    for (const { session, idle } of this.#sessions.values()) {
      idle?.dispose();
      session.dispose();
    }
    this.#sessions.clear();
  }

  async #withSession<T>(server: string, use: (session: ToolSession) => Promise<T>): Promise<T> {
    const { clock, startBridge } = this.#options;
    let entry = this.#sessions.get(server);
    if (entry === undefined || entry.session.isOver) {
      entry = { session: new ToolSession(startBridge(server), clock), idle: undefined, users: 0 };
      this.#sessions.set(server, entry);
    }
    const used = entry;
    used.idle?.dispose();
    used.users += 1;
    try {
      return await use(used.session);
    } finally {
      used.users -= 1;
      if (used.users === 0)
        used.idle = clock.setTimer(IDLE_MS, () => {
          used.session.dispose();
          if (this.#sessions.get(server) === used) this.#sessions.delete(server);
        });
    }
  }
}
