import {
  covers,
  type Endpoint,
  type Endpoints,
  isVisible,
  type Mesh,
  type Routing,
  type Service,
} from '../mesh/index.ts';
import type { Proxy } from './types.ts';

/** The mesh as one proxy may see it. No two services or routings of a view have one host. */
export type View = {
  readonly proxy: Proxy;
  /** By host. */
  readonly services: ReadonlyMap<string, Service>;
  readonly routings: ReadonlyMap<string, Routing>;
  endpointsOf(service: Service): readonly Endpoint[];
};

export function viewOf(mesh: Mesh, endpoints: Endpoints, proxy: Proxy): View {
  const isSeen = ({ visibility }: Service | Routing) => isVisible(mesh, visibility, proxy.namespace);
  return {
    proxy,
    services: new Map(mesh.services.filter(isSeen).map((service) => [service.host, service])),
    routings: new Map(mesh.routings.filter(isSeen).map((routing) => [routing.host, routing])),
    endpointsOf: ({ id }) => endpoints.get(id) ?? [],
  };
}

/** The routing of a host: its own, or that of the longest wildcard that covers it. */
export function routingOf({ routings }: View, host: string): Routing | null {
  const own = routings.get(host);
  if (own !== undefined) return own;
  const wildcards = [...routings.values()].filter((routing) => covers(routing.host, host));
  return wildcards.sort((left, right) => right.host.length - left.host.length)[0] ?? null;
}
