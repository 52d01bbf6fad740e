import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { provideOtlpDefinitions } from '../../scripts/otlpDefinitions.mjs';

/** A span as the official definitions decode it, with its attributes as plain values. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly isError: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
  readonly links: readonly { readonly traceId: string }[];
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'sum' | 'gauge' | 'histogram';
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, string | number>>;
    readonly value: number | undefined;
    readonly count: number | undefined;
    readonly bucketCounts: readonly number[];
  }[];
}

interface RawValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
}
type RawAttributes = readonly { readonly key: string; readonly value: RawValue }[];
interface RawSpan {
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly status?: { readonly code?: string };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: RawAttributes;
  readonly links?: readonly { readonly traceId: string }[];
}
interface RawTraces {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: RawAttributes };
    readonly scopeSpans?: readonly { readonly spans?: readonly RawSpan[] }[];
  }[];
}
interface RawPoint {
  readonly attributes?: RawAttributes;
  readonly asDouble?: number;
  readonly asInt?: string;
  readonly count?: string;
  readonly bucketCounts?: readonly string[];
}
interface RawMetrics {
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics?: readonly {
      readonly metrics?: readonly ({ readonly name: string; readonly unit: string } & Partial<
        Record<ReceivedMetric['kind'], { readonly dataPoints?: readonly RawPoint[] }>
      >)[];
    }[];
  }[];
}

const hex = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('hex');
const attributesOf = (raw: RawAttributes = []): Record<string, string | number> =>
  Object.fromEntries(
    raw.map(({ key, value }) => [key, value.stringValue ?? value.doubleValue ?? Number(value.intValue)]),
  );

/** A collector on a real socket that decodes what it is sent by the official definitions of OTLP. */
export class OtlpCollector {
  readonly spans: ReceivedSpan[] = [];
  /** Every sending of the metrics, the newest last. */
  readonly metrics: (readonly ReceivedMetric[])[] = [];
  readonly requests: {
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly raw: Buffer;
  }[] = [];
  /** What it does in the place of answering; `true`: that was all. */
  hook: (response: ServerResponse) => boolean = () => false;
  readonly #definitions: Awaited<ReturnType<typeof provideOtlpDefinitions>>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(definitions: Awaited<ReturnType<typeof provideOtlpDefinitions>>) {
    this.#definitions = definitions;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const raw = Buffer.concat(chunks);
        this.requests.push({ path: request.url ?? '', headers: request.headers, raw });
        if (this.hook(response)) return;
        this.#take(request.url ?? '', raw);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
      request.on('error', () => undefined);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector(await provideOtlpDefinitions());
    await collector.listen();
    return collector;
  }

  /** Again on the same port after `stop`. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', () => resolve()));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  #take(path: string, raw: Buffer): void {
    if (path.endsWith('/v1/traces')) {
      const { resourceSpans = [] } = this.#definitions.traces(raw) as RawTraces;
      for (const { resource, scopeSpans = [] } of resourceSpans)
        for (const { spans = [] } of scopeSpans)
          this.spans.push(...spans.map((span) => readSpan(span, attributesOf(resource?.attributes))));
    } else if (path.endsWith('/v1/metrics')) {
      const { resourceMetrics = [] } = this.#definitions.metrics(raw) as RawMetrics;
      const all = resourceMetrics.flatMap(({ scopeMetrics = [] }) =>
        scopeMetrics.flatMap(({ metrics = [] }) => metrics),
      );
      this.metrics.push(
        all.map((metric) => {
          const kind =
            (['sum', 'gauge', 'histogram'] as const).find((one) => metric[one] !== undefined) ?? 'sum';
          const points = (metric[kind]?.dataPoints ?? []).map((point) => ({
            attributes: attributesOf(point.attributes),
            value: point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt)),
            count: point.count === undefined ? undefined : Number(point.count),
            bucketCounts: (point.bucketCounts ?? []).map(Number),
          }));
          return { name: metric.name, unit: metric.unit, kind, points };
        }),
      );
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function readSpan(span: RawSpan, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    name: span.name,
    kind: span.kind.replace('SPAN_KIND_', ''),
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: span.parentSpanId === undefined ? undefined : hex(span.parentSpanId),
    traceState: span.traceState,
    isError: span.status?.code === 'STATUS_CODE_ERROR',
    startMs: Number(BigInt(span.startTimeUnixNano) / 1_000n) / 1_000,
    endMs: Number(BigInt(span.endTimeUnixNano) / 1_000n) / 1_000,
    attributes: attributesOf(span.attributes),
    resource,
    links: (span.links ?? []).map(({ traceId }) => ({ traceId: hex(traceId) })),
  };
}
