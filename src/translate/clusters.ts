import { sameItems } from '../base/lists.ts';
import { type Endpoint, policyOf, type Service } from '../mesh/index.ts';
import { configSource } from './config-source.ts';
import type { Draft } from './encode.ts';
import { loadAssignment, type Target } from './endpoints.ts';
import { clientKey } from './localities.ts';
import { BLACK_HOLE, outboundCluster, PASSTHROUGH } from './names.ts';
import { duration, provenance, thresholds, upstreamProtocol } from './pieces.ts';
import { balancer, connecting, spreading } from './policies.ts';
import { CLUSTER, ENDPOINTS, type Proxy } from './types.ts';
import type { View } from './view.ts';

/** The clusters of every service that the proxy sees, with their endpoints, and the two that belong to no service. */
export function outboundClusters(view: View): readonly Draft[] {
  const source = configSource(view.proxy);
  const { settings } = view;
  const services = [...view.targets.values()].flatMap((service) =>
    serviceClusters({ service, endpoints: view.endpointsOf(service), client: view.proxy, source, settings }),
  );
  return [
    ...services,
    fixed(view, PASSTHROUGH, { ...anywhere, ...balancer(original), ...anyProtocol(view.proxy) }),
    fixed(view, BLACK_HOLE, { type: 'STATIC' }),
  ];
}

type Made = { readonly endpoints: readonly Endpoint[]; readonly drafts: readonly Draft[] };

/** One service as a client hears it. */
type Heard = Omit<Target, 'port' | 'subset'> & Pick<View, 'settings'> & { readonly source: object };

/** What was made of a service last, by config source and by what of the client takes part: mostly nothing, so that all share it. */
const made = new WeakMap<object, WeakMap<Service, Map<string, Made>>>();

function serviceClusters(heard: Heard): readonly Draft[] {
  const { service, endpoints, client, source, settings } = heard;
  const services = made.get(source) ?? new WeakMap<Service, Map<string, Made>>();
  made.set(source, services);
  const byClient = services.get(service) ?? new Map<string, Made>();
  services.set(service, byClient);
  const key = `${settings.connectTimeoutMs} ${clientKey(service, client)}`;
  const known = byClient.get(key);
  if (known !== undefined && sameItems(known.endpoints, endpoints)) return known.drafts;
  const drafts = service.ports.flatMap((port) =>
    [null, ...service.subsets].flatMap((subset) => clusterOf({ ...heard, port, subset })),
  );
  byClient.set(key, { endpoints, drafts });
  return drafts;
}

function clusterOf(target: Target & Heard): readonly Draft[] {
  const { service, port, subset, source, settings } = target;
  const name = outboundCluster(port.number, subset?.name ?? null, service.host);
  const policy = policyOf(service, subset, port.number);
  const origins = [service.origin, ...(subset === null ? [] : [subset.origin]), ...(policy?.origins ?? [])];
  const balance = service.discovery === 'original' ? original : (policy?.balancing ?? null);
  const assignment = loadAssignment(name, target);
  const json = (found: object) => ({
    name,
    ...found,
    ...balancer(balance),
    ...connecting(policy, port.protocol, settings),
    ...spreading(policy),
    metadata: provenance(subset?.origin ?? service.origin),
  });
  if (balance?.how === 'original') {
    return [{ typeUrl: CLUSTER, name, json: json(anywhere), origins, references: [] }];
  }
  if (service.discovery === 'looked-up' || service.discovery === 'looked-up-anew') {
    // Looked up by Envoy itself: the names stand in the cluster.
    const found = { ...lookedUp[service.discovery], load_assignment: assignment.json };
    return [
      {
        typeUrl: CLUSTER,
        name,
        json: json(found),
        origins: [...origins, ...assignment.origins],
        references: [],
      },
    ];
  }
  const references = [{ typeUrl: ENDPOINTS, name }] as const;
  return [
    {
      typeUrl: CLUSTER,
      name,
      json: json({ type: 'EDS', eds_cluster_config: { eds_config: source } }),
      origins,
      references,
    },
    assignment,
  ];
}

const byName = { dns_lookup_family: 'V4_PREFERRED', dns_refresh_rate: '60s', respect_dns_ttl: true };
const lookedUp = {
  'looked-up': { type: 'STRICT_DNS', ...byName },
  'looked-up-anew': { type: 'LOGICAL_DNS', ...byName },
};
const original = { how: 'original' } as const;
const anywhere = { type: 'ORIGINAL_DST' };

/** Only captured traffic passes on: what is no HTTP/1.1 may be HTTP/2 then. */
function anyProtocol({ capture }: Proxy): object {
  return capture === 'redirect' ? upstreamProtocol('undeclared') : {};
}

function fixed({ settings }: View, name: string, found: object): Draft {
  const json = {
    name,
    ...found,
    connect_timeout: duration(settings.connectTimeoutMs),
    circuit_breakers: thresholds(),
  };
  return { typeUrl: CLUSTER, name, json, origins: [], references: [] };
}
