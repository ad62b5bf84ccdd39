/**
 * What no server can do without: one that answers 202, and one that gives each delta stream four empty answers at once. For
 * each line on stdin, a number, all streams are sent routes of so many bytes. Prints its ports, then for each line the
 * milliseconds until all have answered.
 */
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { envoy } from '../../src/generated/envoy.js';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../src/xds/types.ts';

const { DeltaDiscoveryResponse } = envoy.service.discovery.v3;
const streams = new Set<ServerHttp2Stream>();
const awaited = new Set<ServerHttp2Stream>();
let startMs = 0;

function framed(typeUrl: string, nonce: string, length: number): Buffer {
  const value = Buffer.alloc(length);
  const resources =
    length === 0 ? [] : [{ name: 'http_proxy', version: nonce, resource: { type_url: typeUrl, value } }];
  const bytes = DeltaDiscoveryResponse.encode({ typeUrl, nonce, resources }).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const hooks = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(202).end());
});
const xds = createHttp2Server();
xds.on('stream', (stream) => {
  streams.add(stream);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  for (const typeUrl of [CLUSTER, ENDPOINT, LISTENER, ROUTE]) stream.write(framed(typeUrl, '1', 0));
  stream.on('data', () => {
    if (!awaited.delete(stream) || awaited.size > 0) return;
    process.stdout.write(`${performance.now() - startMs}\n`);
  });
  for (const event of ['error', 'close']) stream.on(event, () => streams.delete(stream));
});

const ports = await Promise.all(
  [hooks, xds].map(async (server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }),
);
process.stdout.write(`${JSON.stringify({ httpPort: ports[0], xdsPort: ports[1] })}\n`);
let round = 1;
for await (const line of createInterface({ input: process.stdin })) {
  round += 1;
  startMs = performance.now();
  const bytes = framed(ROUTE, String(round), Number(line));
  for (const stream of streams) awaited.add(stream);
  for (const stream of streams) stream.write(bytes);
}
