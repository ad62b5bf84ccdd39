import type { Log } from '../base/log.ts';
import { type Proxy as MeshProxy, parseProxy, type Snapshot } from '../translate/index.ts';
import { silentObserver, type XdsObserver } from './observer.ts';
import { serveXds, type XdsServer } from './server.ts';
import type { Identified } from './stream.ts';
import type { Node } from './variant.ts';

type XdsServerOptions = {
  /** What the proxy should have now. It may throw: then the proxy keeps what it has, and the log says why. */
  readonly snapshotFor: (proxy: MeshProxy) => Snapshot;
  /** Nobody with this node id is connected any more. */
  readonly forget?: (proxyId: string) => void;
  readonly log: Log;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** As in `StreamsOptions`. */
  readonly steadyMs?: () => number;
  /** How long a removal waits for its users' ACK; 30,000 ms (formats.md, Proxies). */
  readonly removalTimeoutMs?: number;
  /** As in `ServerOptions`; never, unless given. */
  readonly maxConnectionAgeMs?: number | null;
  /** As in `ServerOptions`; 30,000 ms. */
  readonly keepaliveMs?: number;
  readonly observer?: XdsObserver;
};

const EXAMPLE = 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local';

/** Serves each proxy of a mesh its snapshot. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { snapshotFor, log, now, removalTimeoutMs = 30_000, maxConnectionAgeMs = null } = options;
  const { keepaliveMs = 30_000, steadyMs = () => performance.now() } = options;
  const { observer = silentObserver, forget = () => {} } = options;
  const identify = (node: Node) => identifyProxy(node, snapshotFor);
  return serveXds({
    identify,
    log,
    now,
    steadyMs,
    removalTimeoutMs,
    maxConnectionAgeMs,
    keepaliveMs,
    observer: untilLeft(observer, forget),
  });
}

/** A node id may be connected several times: as it comes back before its first connection is known to be gone. */
function untilLeft(observer: XdsObserver, forget: (proxyId: string) => void): XdsObserver {
  const counts = new Map<string, number>();
  return {
    ...observer,
    connected(proxy) {
      counts.set(proxy, (counts.get(proxy) ?? 0) + 1);
      observer.connected(proxy);
    },
    left(proxy) {
      const count = (counts.get(proxy) ?? 0) - 1;
      if (count > 0) counts.set(proxy, count);
      else {
        counts.delete(proxy);
        forget(proxy);
      }
      observer.left(proxy);
    },
  };
}

function identifyProxy(node: Node, snapshotFor: (proxy: MeshProxy) => Snapshot): Identified | string {
  if (node.id === '') return `the first request of a stream must carry node.id, such as ${EXAMPLE}`;
  const parsed = parseProxy(node.id, node.metadata, node.extensions, node.locality);
  if (!parsed.ok) return `node.id must be like ${EXAMPLE}: ${parsed.reason}`;
  const { proxy } = parsed;
  return { id: proxy.id, resources: () => snapshotFor(proxy).resources };
}
