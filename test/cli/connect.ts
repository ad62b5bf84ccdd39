import { Client, credentials } from '@grpc/grpc-js';
import { envoy } from '../../src/generated/envoy.js';
import type { Server } from '../../src/main.ts';

/** A proxy that asks for clusters, listeners and a route table, and acknowledges whatever it gets. */
export type Connected = { close(): void };

const PREFIX = 'type.googleapis.com/envoy.config.';

type Node = { readonly id: string; readonly labels: Readonly<Record<string, string>> };

/** Connects it; resolves with its first answer. */
export async function connectProxy({ xdsPort }: Server, { id, labels }: Node): Promise<Connected> {
  const bytes = (value: Buffer) => value;
  const client = new Client(`127.0.0.1:${xdsPort}`, credentials.createInsecure());
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  const call = client.makeBidiStreamRequest(path, bytes, bytes);
  const send = (type: string, fields: object) => {
    const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
    const typeUrl = type.startsWith(PREFIX) ? type : `${PREFIX}${type}`;
    call.write(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl, ...fields }).finish()));
  };
  const first = Promise.withResolvers<void>();
  call.on('error', first.reject);
  call.on('data', (message: Buffer) => {
    const { nonce, typeUrl } = envoy.service.discovery.v3.DeltaDiscoveryResponse.decode(message);
    send(typeUrl, { responseNonce: nonce });
    first.resolve();
  });
  const fields = Object.entries(labels).map(([name, value]) => [name, { stringValue: value }]);
  const metadata = { fields: { LABELS: { structValue: { fields: Object.fromEntries(fields) } } } };
  send('cluster.v3.Cluster', { node: { id, metadata }, resourceNamesSubscribe: ['*'] });
  send('listener.v3.Listener', { resourceNamesSubscribe: ['*'] });
  send('route.v3.RouteConfiguration', { resourceNamesSubscribe: ['80'] });
  await first.promise;
  return {
    close() {
      call.cancel();
      client.close();
    },
  };
}
