import type { Served } from '../../src/reconcile/serve.ts';
import { parseProxy } from '../../src/translate/index.ts';
import { Client } from '../../src/xds/client.ts';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { Session } from '../../src/xds/session.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../src/xds/types.ts';
import { cpuMs } from './report.ts';

/** Sidecars without a transport: each ACKs at once whatever its session sends. */
export function createClients(served: Served, namespaces: readonly string[]) {
  const encoder = delta.createEncoder();
  const clients = namespaces.map(connect);
  let published = 0;
  let encodeMs = 0;
  let sent = { messages: 0, resources: 0, bytes: 0 };
  return {
    publish(revision: string) {
      encoder.rotate();
      encodeMs = 0;
      for (const { proxy, session } of clients) {
        session.publish(served.snapshotFor(proxy).resources, revision);
        for (let next = session.next(0); next !== null; next = session.next(0)) {
          const startMs = cpuMs();
          const { length } = encoder.encode(next);
          encodeMs += cpuMs() - startMs;
          const { messages, resources, bytes } = sent;
          sent = {
            messages: messages + 1,
            resources: resources + next.resources.length,
            bytes: bytes + length,
          };
          session.receive(request(next.typeUrl, [], next.nonce));
          const names = next.resources.map(({ name }) => name);
          if (next.typeUrl === CLUSTER && names.length > 1) session.receive(request(ENDPOINT, names, ''));
        }
      }
      published = cpuMs();
    },
    /** CPU time of the process when the last revision was published. */
    publishedMs: () => published,
    /** Of the last revision, what putting the responses' bytes together took. */
    encodeMs: () => encodeMs,
    sent: () => sent,
    proxies: () => [],
    ackedMs: () => null,
    onAck: () => {},
  };
}

function connect(namespace: string) {
  const id = `sidecar~10.200.0.1~client-1.${namespace}~${namespace}.svc.cluster.local`;
  const parsed = parseProxy(id, {});
  if (!parsed.ok) throw new Error(parsed.reason);
  const session = new Session(delta, new Client({ removalTimeoutMs: 30_000 }));
  session.receive(request(CLUSTER, ['*'], ''));
  session.receive(request(LISTENER, ['*'], ''));
  session.receive(request(ROUTE, ['http_proxy'], ''));
  return { proxy: parsed.proxy, session };
}

function request(typeUrl: string, subscribe: readonly string[], nonce: string): DeltaRequest {
  const nothing = { node: null, unsubscribe: [], initialVersions: new Map<string, string>(), error: null };
  return { ...nothing, typeUrl, subscribe, nonce };
}
