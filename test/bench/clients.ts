import type { Served } from '../../src/reconcile/serve.ts';
import { parseProxy } from '../../src/translate/index.ts';
import { Client } from '../../src/xds/client.ts';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { Session } from '../../src/xds/session.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../src/xds/types.ts';
import type { Response } from '../../src/xds/variant.ts';
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
      for (const { proxy, session, asked, heard } of clients) {
        session.publish(served.snapshotFor(proxy).resources, revision);
        for (let next = session.next(0); next !== null; next = session.next(0)) {
          const startMs = cpuMs();
          const bytesOf = encoder.encode(next);
          encodeMs += cpuMs() - startMs;
          const { messages, resources, bytes } = sent;
          sent = {
            messages: messages + 1,
            resources: resources + next.resources.length,
            bytes: bytes + bytesOf.length,
          };
          heard.push({ response: next, bytes: bytesOf });
          session.receive(request(next.typeUrl, [], next.nonce));
          const names = next.resources.map(({ name }) => name);
          const added = names.filter((name) => name.startsWith('outbound') && !asked.has(name));
          if (next.typeUrl !== CLUSTER || added.length === 0) continue;
          for (const name of added) asked.add(name);
          session.receive(request(ENDPOINT, added, ''));
        }
      }
      published = cpuMs();
    },
    /** CPU time of the process when the last revision was published. */
    publishedMs: () => published,
    /** Of the last revision, what putting the responses' bytes together took. */
    encodeMs: () => encodeMs,
    sent: () => sent,
    /** Of each client, what it was sent since it was asked last: `cluster <name>`, and a `-` before what was taken away. */
    take: () =>
      clients.map(({ heard }) => {
        const all = heard.splice(0);
        const names = all.flatMap(({ response: { typeUrl, resources, removed } }) => [
          ...resources.map(({ name }) => `${kindOf(typeUrl)} ${name}`),
          ...removed.map((name) => `${kindOf(typeUrl)} - ${name}`),
        ]);
        const bytes = all.reduce((sum, { bytes: { length } }) => sum + length, 0);
        return { names, bytes, responses: all.map((each) => each.bytes) };
      }),
    proxies: () => [],
    pushed: () => null,
    ackedSteadyMs: () => null,
    onAck: () => () => {},
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
  const heard: { readonly response: Response; readonly bytes: Buffer }[] = [];
  return { proxy: parsed.proxy, session, asked: new Set<string>(), heard };
}

const kinds = { [CLUSTER]: 'cluster', [ENDPOINT]: 'endpoints', [LISTENER]: 'listener', [ROUTE]: 'routes' };

/** What the benches call a type. */
export function kindOf(typeUrl: string): string {
  return kinds[typeUrl as keyof typeof kinds] ?? typeUrl;
}

function request(typeUrl: string, subscribe: readonly string[], nonce: string): DeltaRequest {
  const nothing = { node: null, unsubscribe: [], initialVersions: new Map<string, string>(), error: null };
  return { ...nothing, typeUrl, subscribe, nonce };
}
