import type { Service } from '../mesh/index.ts';
import type { HttpFilter } from './http.ts';
import { typed } from './pieces.ts';
import type { View } from './view.ts';

/** One cache of names for a proxy: filters and clusters have to say the same of it. */
const dns_cache_config = {
  name: 'fairlead',
  dns_lookup_family: 'V4_PREFERRED',
  dns_refresh_rate: '60s',
};

/** A cluster whose hosts are those that requests and connections ask for by name. */
export const foundAsAsked = {
  lb_policy: 'CLUSTER_PROVIDED',
  cluster_type: {
    name: 'envoy.clusters.dynamic_forward_proxy',
    // Envoy would have every such cluster check names of certificates, also one that speaks plain text.
    typed_config: typed('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
      dns_cache_config,
      allow_insecure_cluster_options: true,
    }),
  },
};

/** Looks up the host of a request whose route leads to such a cluster, and lets all others pass. */
const byHost: HttpFilter = {
  name: 'envoy.filters.http.dynamic_forward_proxy',
  typed_config: typed('envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
    dns_cache_config,
  }),
};

/** The filters of requests that `view` needs because somebody is looked up as asked. */
export function lookingUp({ limits, targets }: Pick<View, 'limits' | 'targets'>): readonly HttpFilter[] {
  const found = asked.get(targets) ?? [...targets.values()].some(isAsAsked);
  asked.set(targets, found);
  return found || limits.unknown === 'look-up' ? [byHost] : [];
}

/** Whether any of them is looked up as asked: each listener of a view wants to know. */
const asked = new WeakMap<View['targets'], boolean>();

export function isAsAsked({ discovery }: Pick<Service, 'discovery'>): boolean {
  return discovery === 'as-asked';
}

/** Looks up the name that TLS asks for (SNI), before the connection goes on to `port` there. */
export function byServerName(port: number): object {
  return {
    name: 'envoy.filters.network.sni_dynamic_forward_proxy',
    typed_config: typed('envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig', {
      dns_cache_config,
      port_value: port,
    }),
  };
}
