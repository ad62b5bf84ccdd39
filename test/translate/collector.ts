import type { IncomingHttpHeaders } from 'node:http';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Stand } from './stand.ts';

/** A span as Zipkin's JSON has it, as far as tests look. */
type Span = {
  readonly kind?: string;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags: Readonly<Record<string, string>>;
};

/** A collector that speaks Zipkin, or OTLP over HTTP: its port, the spans of Zipkin's JSON, and all that came in. */
export async function httpCollector(stand: Stand) {
  const spans: Span[] = [];
  const got: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly text: string }[] = [];
  const port = await stand.backend('collector', '127.0.0.1', (request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    request.on('end', () => {
      got.push({ path: request.url ?? '', headers: request.headers, text });
      if (text.startsWith('[')) spans.push(...(JSON.parse(text) as Span[]));
      response.statusCode = 202;
      response.end();
    });
  });
  return { port, spans, got };
}

/** A collector of OTLP over gRPC: its port, and the bytes that came in. */
export async function grpcCollector() {
  const exports: Buffer[] = [];
  const server = new Server();
  const raw = (bytes: Buffer) => bytes;
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
  const method = {
    ...{ path, requestStream: false, responseStream: false },
    ...{ requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw },
  };
  server.addService(
    { Export: method },
    {
      Export: ({ request }: { request: Buffer }, answer: (error: null, bytes: Buffer) => void) => {
        exports.push(request);
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, exports, [Symbol.dispose]: () => server.forceShutdown() };
}
