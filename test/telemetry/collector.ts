import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

type Value = { readonly stringValue?: string; readonly intValue?: number; readonly doubleValue?: number };
type Attribute = { readonly key: string; readonly value: Value };
type Wire = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: readonly { readonly name: string; readonly attributes: readonly Attribute[] }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
};
type Request = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Wire[] }[];
  }[];
};

/** A span as it was received; attributes by name, times in milliseconds. */
export type Received = Omit<Wire, 'attributes' | 'startTimeUnixNano' | 'endTimeUnixNano'> & {
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly resource: Readonly<Record<string, string | number | undefined>>;
  readonly startMs: number;
  readonly endMs: number;
};

export type Collector = {
  readonly url: string;
  readonly port: number;
  readonly spans: Received[];
  /** Of the last request. */
  headers: IncomingMessage['headers'];
  /** Instead of 200. */
  answer: ((response: ServerResponse, headers: IncomingMessage['headers']) => void) | null;
  requests: number;
  close(): Promise<void>;
};

/** A receiver of OTLP/HTTP, JSON as the exporter sends it; with TLS where `tls` is given. */
export async function startCollector(port = 0, tls: ServerOptions | null = null): Promise<Collector> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    collector.headers = request.headers;
    collector.requests += 1;
    if (collector.answer !== null) return collector.answer(response, request.headers);
    if (request.url === '/v1/traces') collector.spans.push(...decode(Buffer.concat(chunks).toString()));
    response
      .writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' })
      .end('{}');
  };
  const server = tls === null ? createServer(answer) : createTlsServer(tls, answer);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  const collector: Collector = {
    url: tls === null ? `http://127.0.0.1:${bound}` : `https://localhost:${bound}`,
    port: bound,
    spans: [],
    headers: {},
    answer: null,
    requests: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return collector;
}

function decode(body: string): readonly Received[] {
  const { resourceSpans } = JSON.parse(body) as Request;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, startTimeUnixNano, endTimeUnixNano, ...span }) => ({
        ...span,
        attributes: record(attributes),
        resource: record(resource.attributes),
        startMs: Number(BigInt(startTimeUnixNano) / 1_000n) / 1_000,
        endMs: Number(BigInt(endTimeUnixNano) / 1_000n) / 1_000,
      })),
    ),
  );
}

function record(attributes: readonly Attribute[]): Readonly<Record<string, string | number | undefined>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.doubleValue]),
  );
}
