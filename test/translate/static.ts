import { runtime } from '../../src/translate/bootstrap.ts';
import type { Snapshot } from '../../src/translate/index.ts';
import { printed } from './world.ts';

type StaticBootstrap = {
  readonly layered_runtime: object;
  readonly static_resources: {
    readonly clusters: readonly object[];
    readonly listeners: readonly unknown[];
  };
};

type Fields = { readonly [key: string]: unknown };

/** The snapshot as a bootstrap without a control plane: endpoints and routes move into what names them. */
export function staticBootstrap(snapshot: Snapshot): StaticBootstrap {
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

/**
 * The same with the listeners of captured traffic bound where it would have gone: whoever connects to an address of the
 * loopback is as good as captured there.
 */
export function boundBootstrap(snapshot: Snapshot): object {
  const { static_resources: resources, ...rest } = staticBootstrap(snapshot);
  const listeners = resources.listeners
    .filter((listener) => !String((listener as Fields).name).startsWith('virtual'))
    .map((listener) => ({ ...(listener as Fields), bind_to_port: true }));
  return { ...rest, static_resources: { ...resources, listeners } };
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
