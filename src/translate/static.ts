import { runtime } from './bootstrap.ts';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTES, type Snapshot, type TypeUrl } from './types.ts';

type StaticBootstrap = {
  readonly layered_runtime: object;
  readonly static_resources: {
    readonly clusters: readonly object[];
    readonly listeners: readonly unknown[];
  };
};

type Fields = { readonly [key: string]: unknown };

/**
 * A snapshot as an Envoy's bootstrap without a control plane: endpoints and routes move into what names them. For
 * `envoy --mode validate`, which says whether an Envoy would take it.
 */
export function staticBootstrap({ resources }: Snapshot): StaticBootstrap {
  const jsons = (typeUrl: TypeUrl): ReadonlyMap<string, Fields> => {
    return new Map([...(resources.get(typeUrl) ?? [])].map(([name, { json }]) => [name, { ...json }]));
  };
  const [assignments, tables] = [jsons(ENDPOINTS), jsons(ROUTES)];
  return {
    layered_runtime: runtime,
    static_resources: {
      clusters: [...jsons(CLUSTER).values()].map((cluster) => withEndpoints(cluster, assignments)),
      listeners: [...jsons(LISTENER).values()].map((listener) => withRoutes(listener, tables)),
    },
  };
}

function withEndpoints(
  { eds_cluster_config, ...cluster }: Fields,
  assignments: ReadonlyMap<string, object>,
): Fields {
  if (eds_cluster_config === undefined) return cluster;
  return { ...cluster, type: 'STATIC', load_assignment: assignments.get(String(cluster.name)) };
}

/** `rds` anywhere below becomes the `route_config` that it names. */
function withRoutes(value: unknown, tables: ReadonlyMap<string, object>): unknown {
  if (Array.isArray(value)) return value.map((item) => withRoutes(item, tables));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (key !== 'rds') return [key, withRoutes(inner, tables)];
    return ['route_config', tables.get((inner as { route_config_name: string }).route_config_name)];
  });
  return Object.fromEntries(entries);
}
