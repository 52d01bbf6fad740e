import { hash } from 'node:crypto';
import { SpanKind, SpanStatusCode, type Attributes, type SpanContext } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { hrTime, SCOPE, SERVER } from './metricData.ts';
import type { SpanRecord } from './spanRecords.ts';

/** Of any text that a client or a server has chosen. */
const MAX_TEXT = 256;
const MAX_SESSIONS = 1_000;

export interface SpanWriterOptions {
  readonly resource: Resource;
  readonly version: string;
  /** Takes secrets out of what clients and servers have chosen (requirements R14.4). */
  readonly redact: (text: string) => string;
}

/**
 * Makes spans of records, by the semantic conventions for MCP. They hold who called what when and how it ended; no argument, no result, no address of a
 * resource, no word of an error (requirements R14.4).
 */
export class SpanWriter {
  readonly #options: SpanWriterOptions;
  readonly #sessions = new Map<string, string>();

  constructor(options: SpanWriterOptions) {
    this.#options = options;
  }

  write(record: SpanRecord): ReadableSpan {
    const { resource, version } = this.#options;
    const { traceId, kind, errorType, link } = record;
    const context = (
      span: { readonly spanId: string; readonly flags: number },
      isRemote: boolean,
    ): SpanContext => ({
      traceId,
      spanId: span.spanId,
      traceFlags: span.flags,
      isRemote,
      ...(record.tracestate === undefined ? {} : { traceState: new TraceState(record.tracestate) }),
    });
    const startTime = hrTime(record.startMs);
    const endTime = hrTime(Math.max(record.startMs, record.endMs));
    const own = context(record, false);
    return {
      name: this.#name(record),
      kind: kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
      spanContext: () => own,
      ...(record.parentSpanId === undefined
        ? {}
        : {
            parentSpanContext: context(
              { spanId: record.parentSpanId, flags: record.flags },
              kind === 'server',
            ),
          }),
      startTime,
      endTime,
      duration: hrTime(Math.max(0, record.endMs - record.startMs)),
      status: { code: errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
      attributes: this.#attributes(record),
      links:
        link === undefined
          ? []
          : [
              {
                context: {
                  traceId: link.traceId,
                  spanId: link.spanId,
                  traceFlags: link.flags,
                  isRemote: true,
                },
              },
            ],
      events: [],
      ended: true,
      resource,
      instrumentationScope: { name: SCOPE, version },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }

  /** `{mcp.method.name} {target}`. */
  #name({ method, tool, prompt }: SpanRecord): string {
    const target = tool ?? prompt;
    return target === undefined ? this.#text(method) : `${this.#text(method)} ${this.#text(target)}`;
  }

  #attributes(record: SpanRecord): Attributes {
    const { kind, tool, prompt, requestId, errorType, endpoint, isHttp, attempt, outcome } = record;
    const status = errorType !== undefined && /^-\d+$/.test(errorType) ? errorType : undefined;
    return defined({
      'mcp.method.name': this.#text(record.method),
      'gen_ai.operation.name': record.method === 'tools/call' ? 'execute_tool' : undefined,
      'gen_ai.tool.name': tool === undefined ? undefined : this.#text(tool),
      'gen_ai.prompt.name': prompt === undefined ? undefined : this.#text(prompt),
      'mcp.session.id': this.#session(record.session),
      'jsonrpc.request.id': requestId === undefined ? undefined : this.#text(requestId),
      'error.type': errorType,
      'rpc.response.status_code': status,
      'network.transport': isHttp ? 'tcp' : 'pipe',
      ...addressOf(endpoint),
      [SERVER]: this.#text(record.server),
      'mcp.lifeline.call': record.callId,
      'mcp.lifeline.outcome': outcome,
      [kind === 'server' ? 'mcp.lifeline.attempts' : 'mcp.lifeline.attempt']: attempt,
    });
  }

  /** Redacted before it is cut: half a secret would not be known as one. */
  #text(text: string): string {
    return this.#options.redact(text.slice(0, 4 * MAX_TEXT)).slice(0, MAX_TEXT);
  }

  /** As in the audit trail: whoever knows a session's id can speak in it over HTTP, so its hash is told. */
  #session(id: string): string {
    let told = this.#sessions.get(id);
    if (told === undefined) {
      if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.clear();
      told = hash('sha256', id, 'hex').slice(0, 32);
      this.#sessions.set(id, told);
    }
    return told;
  }
}

/** Host and port only: path and query may hold a key. */
function addressOf(endpoint: string | undefined): Attributes {
  if (endpoint === undefined || !URL.canParse(endpoint)) return {};
  const { hostname, port, protocol } = new URL(endpoint);
  return {
    'network.protocol.name': 'http',
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

function defined(attributes: Readonly<Record<string, string | number | undefined>> | Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
