import { runtime } from '../../src/translate/bootstrap.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { printed } from './world.ts';

type Fields = { readonly [key: string]: unknown };

/** The snapshot as a bootstrap without a control plane: endpoints and routes move into what names them. */
export function staticBootstrap(snapshot: Snapshot): object {
  const { clusters, endpoints, listeners, routes } = printed(snapshot);
  const assignments = new Map(
    endpoints.map((json) => [(json as { cluster_name: string }).cluster_name, json]),
  );
  const tables = new Map(routes.map((json) => [(json as { name: string }).name, json]));
  return {
    layered_runtime: runtime,
    static_resources: {
      clusters: clusters.map((cluster) => withEndpoints(cluster as Fields, assignments)),
      listeners: listeners.map((listener) => withRoutes(listener, tables)),
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
