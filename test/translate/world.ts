import { type Proxy, parseProxy, type Snapshot, translate } from '../../src/translate/index.ts';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTES } from '../../src/translate/types.ts';
import { meshOf, type ScopeText } from '../mesh/world.ts';

/** A sidecar, or a gateway, of a namespace, as its Envoy would announce itself. */
export function proxyAt(
  ip: string,
  namespace: string,
  metadata: Readonly<Record<string, unknown>> = {},
  type: 'sidecar' | 'router' = 'sidecar',
): Proxy {
  const parsed = parseProxy(`${type}~${ip}~app-1.${namespace}~${namespace}.svc.cluster.local`, metadata);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.proxy;
}

export function snapshotOf(proxy: Proxy, ...texts: readonly ScopeText[]): Snapshot {
  const { mesh, endpoints } = meshOf(...texts);
  return translate(mesh, endpoints, proxy);
}

const types = { clusters: CLUSTER, endpoints: ENDPOINTS, listeners: LISTENER, routes: ROUTES } as const;

/** All resources as JSON, by kind: what a golden file holds. */
export function printed(snapshot: Snapshot): Readonly<Record<keyof typeof types, readonly object[]>> {
  const all = (kind: keyof typeof types) =>
    [...(snapshot.resources.get(types[kind])?.values() ?? [])].map(({ json }) => json);
  return {
    clusters: all('clusters'),
    endpoints: all('endpoints'),
    listeners: all('listeners'),
    routes: all('routes'),
  };
}

/** One resource as JSON, for a look at a part of it. */
export function jsonOf(snapshot: Snapshot, kind: keyof typeof types, name: string): Json {
  const resource = snapshot.resources.get(types[kind])?.get(name);
  if (resource === undefined) throw new Error(`no ${name} among ${namesOf(snapshot, kind).join(', ')}`);
  return JSON.parse(JSON.stringify(resource.json)) as Json;
}

export type Json = { readonly [key: string]: Json } & readonly Json[];

export function namesOf(snapshot: Snapshot, kind: keyof typeof types): readonly string[] {
  return [...(snapshot.resources.get(types[kind])?.keys() ?? [])];
}

type VirtualHost = {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Json[];
};

/** The virtual hosts of the HTTP proxy by name. */
export function virtualHosts(snapshot: Snapshot): ReadonlyMap<string, VirtualHost> {
  const hosts = jsonOf(snapshot, 'routes', 'http_proxy').virtual_hosts as unknown as readonly VirtualHost[];
  return new Map(hosts.map((host) => [host.name, host]));
}
