import { sameItems } from '../base/lists.ts';
import { type Endpoint, policyOf, type Service, type Settings, type TrafficPolicy } from '../mesh/index.ts';
import { configSource } from './config-source.ts';
import type { Draft } from './encode.ts';
import { loadAssignment, type Target } from './endpoints.ts';
import { clientKey } from './localities.ts';
import { foundAsAsked } from './look-up.ts';
import { SERVICE_METADATA } from './metric-labels.ts';
import { isCounting, serviceMetadata } from './metrics.ts';
import { BLACK_HOLE, LOOKED_UP, outboundCluster, PASSTHROUGH } from './names.ts';
import { duration, metadataOf, thresholds, upstreamProtocol } from './pieces.ts';
import { balancer, buffering, connecting, lettersOf, spreading, wrapping } from './policies.ts';
import type { Keeper } from './secrets.ts';
import { CLUSTER, ENDPOINTS, type Skipped } from './types.ts';
import { missingSecret, secretOf } from './upstream-tls.ts';
import type { View } from './view.ts';

/** The clusters of every service that the proxy sees, with their endpoints, and the two that belong to no service. */
export function outboundClusters(view: View): readonly Draft[] {
  const services = [...view.targets.values()].flatMap((service) => clustersOfService(view, service));
  const elsewhere = (name: string, found: object) => fixed(view, name, { ...found, ...named(view, name) });
  return [
    ...services,
    elsewhere(PASSTHROUGH, { ...anywhere, ...balancer(original), ...anyProtocol(view) }),
    elsewhere(BLACK_HOLE, { type: 'STATIC' }),
    ...(view.limits.unknown === 'look-up' ? [elsewhere(LOOKED_UP, foundAsAsked)] : []),
  ];
}

/** In metrics Istio's name of where requests go that no service claims. */
function named({ reports, proxy }: View, name: string): object {
  return isCounting(reports.client, proxy)
    ? { metadata: { filter_metadata: { [SERVICE_METADATA]: { name } } } }
    : {};
}

/** Services that stay on the client's node, of a client that does not say which that is. */
export function withoutNode({ proxy, targets }: View): readonly Skipped[] {
  if (proxy.node !== null) return [];
  const staying = [...targets.values()].filter(({ habits }) => habits.stays === 'on-node');
  return staying.flatMap(({ host, ports, origin: { scope, uid, file, line, column } }) =>
    ports.map(({ number }) => ({
      address: outboundCluster(number, null, host),
      reason: 'its requests stay on the node of the client, which does not say one (NODE_NAME)',
      sources: [{ scope, uid, file, line, column }],
    })),
  );
}

/** The clusters of one service that the proxy sees, with their endpoints. */
export function clustersOfService(view: View, service: Service): readonly Draft[] {
  const { settings } = view;
  const isCounted = isCounting(view.reports.client, view.proxy);
  const client = { ...view.proxy, travel: settings.travel, isCounted };
  const endpoints = view.endpointsOf(service);
  return serviceClusters({ service, endpoints, client, source: configSource(client), settings });
}

/** The names of all of them, with endpoints or without. */
export function clusterNames({ host, ports, subsets }: Service): readonly string[] {
  return ports.flatMap(({ number }) =>
    [null, ...subsets].map((subset) => outboundCluster(number, subset?.name ?? null, host)),
  );
}

type Made = { readonly endpoints: readonly Endpoint[]; readonly drafts: readonly Draft[] };

/** One service as a client hears it. */
type Heard = Omit<Target, 'port' | 'subset' | 'client'> &
  Pick<View, 'settings'> & { readonly source: object; readonly client: Target['client'] & Keeper };

/** What was made of a service last, by config source and by what of the client takes part: mostly nothing, so that all share it. */
const made = new WeakMap<object, WeakMap<Service, Map<string, Made>>>();

function serviceClusters(heard: Heard): readonly Draft[] {
  const { service, endpoints, client, source, settings } = heard;
  const services = made.get(source) ?? new WeakMap<Service, Map<string, Made>>();
  made.set(source, services);
  const byClient = services.get(service) ?? new Map<string, Made>();
  services.set(service, byClient);
  const key = [
    settingsKey(settings),
    client.isCounted,
    clientKey(service, client),
    secretsKey(service, client),
  ].join(' ');
  const known = byClient.get(key);
  if (known !== undefined && sameItems(known.endpoints, endpoints)) return known.drafts;
  const drafts = service.ports.flatMap((port) =>
    [null, ...service.subsets].flatMap((subset) => clusterOf({ ...heard, port, subset })),
  );
  byClient.set(key, { endpoints, drafts });
  return drafts;
}

/** What of the settings its clusters depend on. */
function settingsKey(settings: Settings): string {
  const known = keys.get(settings);
  if (known !== undefined) return known;
  const { connectTimeoutMs, dnsRefreshMs, tls, manners } = settings;
  const { letters, outgoingBufferBytes } = manners;
  const key = JSON.stringify([connectTimeoutMs, dnsRefreshMs, tls, letters, outgoingBufferBytes]);
  keys.set(settings, key);
  return key;
}

const keys = new WeakMap<Settings, string>();

/** What of a client its secrets depend on, where a policy names one. */
function secretsKey({ policies, subsets }: Service, { credentials, namespace }: Keeper): string {
  const all = [...policies, ...subsets.flatMap((subset) => subset.policies)];
  return all.some(({ security }) => secretOf(security) !== null) ? `${credentials} ${namespace}` : '';
}

/** Clusters that a proxy cannot have as their policy says: they have nobody, and so their requests are answered 503. */
export function withoutSecrets({ proxy, targets }: View): readonly Skipped[] {
  if (proxy.credentials !== null) return [];
  return [...targets.values()].flatMap((service) =>
    [null, ...service.subsets].flatMap((subset) =>
      (subset ?? service).policies.flatMap((policy): readonly Skipped[] => {
        const secret = missingSecret(policy.security, proxy);
        if (secret === null) return [];
        const reason = `the proxy announces no folder of credentials, so that it has no ${secret}`;
        const sources = policy.origins.map(({ scope, uid, file, line, column }) => {
          return { scope, uid, file, line, column };
        });
        return [
          { address: outboundCluster(policy.port, subset?.name ?? null, service.host), reason, sources },
        ];
      }),
    ),
  );
}

function clusterOf(target: Target & Heard): readonly Draft[] {
  const { service, port, subset, source, settings, client } = target;
  const name = outboundCluster(port.number, subset?.name ?? null, service.host);
  const policy = checking(service, policyOf(service, subset, port.number));
  const origins = [service.origin, ...(subset === null ? [] : [subset.origin]), ...(policy?.origins ?? [])];
  const isElsewhere = service.discovery === 'original' || service.discovery === 'as-asked';
  const balance = isElsewhere ? original : (policy?.balancing ?? null);
  const counted = client.isCounted ? serviceMetadata(service) : {};
  const metadata = metadataOf(subset?.origin ?? service.origin, counted);
  if (missingSecret(policy?.security ?? null, client) !== null) {
    return [{ ...fixed(target, name, { type: 'STATIC', metadata }), origins }];
  }
  const assignment = loadAssignment(name, target);
  const json = (found: object) => ({
    name,
    ...found,
    ...balancer(balance),
    ...connecting(policy, port.protocol, settings),
    ...wrapping(policy, port.protocol, { ...client, tls: settings.tls }),
    ...spreading(policy, client),
    metadata,
  });
  if (service.discovery === 'as-asked') {
    const looked = { ...json({}), ...foundAsAsked };
    return [{ typeUrl: CLUSTER, name, json: looked, origins, references: [] }];
  }
  if (balance?.how === 'original') {
    return [{ typeUrl: CLUSTER, name, json: json(anywhere), origins, references: [] }];
  }
  if (service.discovery === 'looked-up' || service.discovery === 'looked-up-anew') {
    // Looked up by Envoy itself: the names stand in the cluster.
    // Envoy refuses a name of which there is none, or more than one: nobody answers then.
    const isNobody = service.discovery === 'looked-up-anew' && assignment.count !== 1;
    const found = isNobody
      ? { type: 'STATIC' }
      : { ...lookedUp[service.discovery], ...byName(settings), load_assignment: assignment.json };
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

/** A policy that encrypts, with the names that the service says of its certificates where it says none. */
function checking({ certificateNames }: Service, policy: TrafficPolicy | null): TrafficPolicy | null {
  const { security = null } = policy ?? {};
  const { trusts = null } = security ?? {};
  if (policy === null || security === null || trusts === null) return policy;
  if (trusts.names?.length !== 0 || certificateNames.length === 0) return policy;
  return { ...policy, security: { ...security, trusts: { ...trusts, names: certificateNames } } };
}

const lookedUp = { 'looked-up': { type: 'STRICT_DNS' }, 'looked-up-anew': { type: 'LOGICAL_DNS' } };

function byName({ dnsRefreshMs }: Settings): object {
  return {
    dns_lookup_family: 'V4_PREFERRED',
    dns_refresh_rate: duration(dnsRefreshMs),
    respect_dns_ttl: true,
  };
}

const original = { how: 'original' } as const;
const anywhere = { type: 'ORIGINAL_DST' };

/** Only captured traffic passes on: what is no HTTP/1.1 may be HTTP/2 then. */
function anyProtocol({ proxy, settings }: View): object {
  const http1 = lettersOf(settings.manners);
  return upstreamProtocol(proxy.capture === 'redirect' ? 'undeclared' : 'http', { http1 });
}

function fixed({ settings }: Pick<View, 'settings'>, name: string, found: object): Draft {
  const json = {
    name,
    ...found,
    connect_timeout: duration(settings.connectTimeoutMs),
    circuit_breakers: thresholds(),
    ...buffering(settings.manners),
  };
  return { typeUrl: CLUSTER, name, json, origins: [], references: [] };
}
