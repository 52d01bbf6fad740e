/**
 * How long operations took, in the buckets and with the attributes of the semantic conventions for MCP. Counted when a call or an attempt ends, in
 * constant time; the number of series is bounded, whatever methods, tools and errors clients and servers invent.
 */

/** Seconds. The conventions' (0.01 to 300), and three finer ones: a server on this machine answers within milliseconds. */
export const durationBoundaries = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300,
] as const;

/** What stands for everything that is one too many (OpenTelemetry's word for it). */
export const OTHER = '_OTHER';
/** Names of tools of one server that are told apart. */
export const MAX_TOOLS = 100;
/** Series of one server. */
export const MAX_SERIES = 500;
/** Servers that are told apart. */
export const MAX_SERVERS = 250;

/** Requests that clients send (MCP 2025-11-25); others are counted together. */
const methods: ReadonlySet<string> = new Set([
  'completion/complete',
  'logging/setLevel',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
  'resources/unsubscribe',
  'tasks/cancel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tools/call',
  'tools/list',
]);

/** Towards the client the layer is the server of the conventions; towards the server it is the client. */
export type Side = 'server' | 'client';

export interface Operation {
  readonly server: string;
  readonly method: string;
  readonly tool: string | undefined;
}

interface Labels extends Operation {
  /** Absent where it went well. */
  readonly errorType: string | undefined;
}

export interface DurationSeries extends Labels {
  readonly side: Side;
  /** By bucket; one more than there are boundaries. */
  readonly counts: number[];
  count: number;
  sumSeconds: number;
}

export class CallDurations {
  readonly #withTools: boolean;
  readonly #last: Record<Side, (Labels & { readonly series: DurationSeries }) | undefined> = {
    server: undefined,
    client: undefined,
  };
  readonly #servers = new Map<
    string,
    { readonly series: Map<string, DurationSeries>; readonly tools: Set<string> }
  >();

  constructor(withTools: boolean) {
    this.#withTools = withTools;
  }

  /** `errorType`: absent where it went well. */
  add(side: Side, operation: Operation, errorType: string | undefined, ms: number): void {
    const series = this.#find(side, operation, errorType);
    const seconds = Math.max(0, ms) / 1_000;
    let bucket = 0;
    while (bucket < durationBoundaries.length && seconds > (durationBoundaries[bucket] ?? Infinity))
      bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.count += 1;
    series.sumSeconds += seconds;
  }

  get all(): readonly DurationSeries[] {
    return [...this.#servers.values()].flatMap(({ series }) => [...series.values()]);
  }

  /** Mostly it is the same as the one before. */
  #find(side: Side, operation: Operation, errorType: string | undefined): DurationSeries {
    const { server, method, tool } = operation;
    const last = this.#last[side];
    if (
      last?.server === server &&
      last.method === method &&
      last.tool === tool &&
      last.errorType === errorType
    )
      return last.series;
    const series = this.#seriesOf(side, operation, errorType);
    this.#last[side] = { server, method, tool, errorType, series };
    return series;
  }

  #seriesOf(side: Side, operation: Operation, errorType: string | undefined): DurationSeries {
    const isOneMore = !this.#servers.has(operation.server) && this.#servers.size >= MAX_SERVERS;
    const server = isOneMore ? OTHER : operation.server;
    let own = this.#servers.get(server);
    if (own === undefined) {
      own = { series: new Map(), tools: new Set() };
      this.#servers.set(server, own);
    }
    const method = methods.has(operation.method) ? operation.method : OTHER;
    const tool = this.#withTools ? toolLabel(own.tools, operation.tool) : undefined;
    const key = `${side} ${method} ${errorType ?? ''} ${tool ?? ''}`;
    return own.series.get(key) ?? begin(own.series, key, { side, server, method, tool, errorType });
  }
}

function toolLabel(known: Set<string>, tool: string | undefined): string | undefined {
  if (tool === undefined || known.has(tool)) return tool;
  if (known.size >= MAX_TOOLS || tool.length > 128) return OTHER;
  known.add(tool);
  return tool;
}

function begin(
  all: Map<string, DurationSeries>,
  key: string,
  labels: Labels & { readonly side: Side },
): DurationSeries {
  // The last ones on each side are for everything that comes later.
  const isFull = all.size >= MAX_SERIES - 2;
  const wanted = isFull ? { ...labels, method: OTHER, tool: undefined, errorType: undefined } : labels;
  const place = isFull ? `${labels.side} ${OTHER}` : key;
  const known = all.get(place);
  if (known !== undefined) return known;
  const counts = Array.from({ length: durationBoundaries.length + 1 }, () => 0);
  const series: DurationSeries = { ...wanted, counts, count: 0, sumSeconds: 0 };
  all.set(place, series);
  return series;
}
