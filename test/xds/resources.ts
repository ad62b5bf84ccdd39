import type { Snapshot, SnapshotResource } from '../../src/translate/index.ts';

export const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
export const ENDPOINT = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
export const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';
export const ROUTE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

type TypeUrl = SnapshotResource['typeUrl'];

/** A resource whose content is its version; nothing of it is read by the room. */
function resource(
  typeUrl: TypeUrl,
  name: string,
  version: string,
  references: SnapshotResource['references'] = [],
): SnapshotResource {
  const any = Buffer.from(`${name}@${version}`);
  const source = {
    scope: 'acme',
    uid: 'u',
    document: 'Service/shop/a',
    file: `${name}.yaml`,
    line: 7,
    column: 1,
  };
  return { typeUrl, name, version, any, json: { version }, sources: [source], references };
}

const to = (typeUrl: TypeUrl, names: readonly string[]) => names.map((name) => ({ typeUrl, name }));

/** A cluster and the endpoints of the same name that it refers to. */
export const cluster = (name: string, version = '1') =>
  resource(CLUSTER, name, version, to(ENDPOINT, [name]));
export const endpoints = (name: string, version = '1') => resource(ENDPOINT, name, version);
export const listener = (name: string, version: string, routes: readonly string[]) =>
  resource(LISTENER, name, version, to(ROUTE, routes));
/** A listener that goes to clusters without routes, as for TCP. */
export const tcpListener = (name: string, version: string, clusters: readonly string[]) =>
  resource(LISTENER, name, version, to(CLUSTER, clusters));
export const route = (name: string, version: string, clusters: readonly string[]) =>
  resource(ROUTE, name, version, to(CLUSTER, clusters));

export function snapshot(...resources: readonly SnapshotResource[]): Snapshot {
  const types = ([CLUSTER, ENDPOINT, LISTENER, ROUTE] as const).map((typeUrl) => {
    const ofType = resources.filter((each) => each.typeUrl === typeUrl);
    return [typeUrl, new Map(ofType.map((each) => [each.name, each]))] as const;
  });
  return { resources: new Map(types), status: 'Ready', skipped: [] };
}
