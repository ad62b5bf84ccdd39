/** Where captured traffic would go that no service claims. Without an original destination it has no host: 503. */
export const PASSTHROUGH = 'PassthroughCluster';

/** Istio's name of where requests go that no service claims, by the name that they ask for. */
export const LOOKED_UP = 'AllowAnyDynamicDNSCluster';

/** A cluster that never has a host: what a rule names and a client cannot reach is answered 503. */
export const BLACK_HOLE = 'BlackHoleCluster';

/** Named by routes where requests may not go: it is never there, so that the route itself says the answer. */
export const NO_CLUSTER = 'NoCluster';

/** Istio's name of the routes of the HTTP proxy listener. */
export const HTTP_PROXY_ROUTES = 'http_proxy';

/** Istio's names, which users see in statistics and dashboards: `outbound|80|v1|reviews.default.svc.cluster.local`. */
export function outboundCluster(port: number, subset: string | null, host: string): string {
  return `outbound|${port}|${subset ?? ''}|${host}`;
}

/** `inbound|8080||`: the application's own port. */
export function inboundCluster(port: number): string {
  return `inbound|${port}||`;
}

/** Istio's names of the two listeners that captured traffic arrives at, and their ports. */
export const VIRTUAL_OUTBOUND = 'virtualOutbound';
export const VIRTUAL_INBOUND = 'virtualInbound';
export const OUTBOUND_PORT = 15001;
export const INBOUND_PORT = 15006;

/** Where `bootstrap` has a proxy listen unless it is told otherwise: its admin interface and its statistics. */
export const ownPorts: readonly number[] = [15000, 15090];

/** Where captured inbound traffic goes that no service of the workload claims: on to the application. */
export const INBOUND_PASSTHROUGH = 'InboundPassthroughCluster';

/** `127.0.0.1_15080`. */
export function listenerName(address: string, port: number): string {
  return `${address}_${port}`;
}
