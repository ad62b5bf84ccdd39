import { Client, credentials } from '@grpc/grpc-js';
import { envoy } from '../../src/generated/envoy.js';
import type { Server } from '../../src/main.ts';

/** A proxy that asks for clusters and acknowledges whatever it gets. */
export type Connected = { close(): void };

type Node = { readonly id: string; readonly labels: Readonly<Record<string, string>> };

/** Connects it; resolves with its first answer. */
export async function connectProxy({ xdsPort }: Server, { id, labels }: Node): Promise<Connected> {
  const bytes = (value: Buffer) => value;
  const client = new Client(`127.0.0.1:${xdsPort}`, credentials.createInsecure());
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  const call = client.makeBidiStreamRequest(path, bytes, bytes);
  const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  const send = (fields: object) => {
    const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
    call.write(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl, ...fields }).finish()));
  };
  const first = Promise.withResolvers<void>();
  call.on('error', first.reject);
  call.on('data', (message: Buffer) => {
    const { nonce } = envoy.service.discovery.v3.DeltaDiscoveryResponse.decode(message);
    send({ responseNonce: nonce });
    first.resolve();
  });
  const fields = Object.entries(labels).map(([name, value]) => [name, { stringValue: value }]);
  const metadata = { fields: { LABELS: { structValue: { fields: Object.fromEntries(fields) } } } };
  send({ node: { id, metadata }, resourceNamesSubscribe: ['*'] });
  await first.promise;
  return {
    close() {
      call.cancel();
      client.close();
    },
  };
}
