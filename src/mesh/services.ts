import type { Problem } from '../base/problem.ts';
import type { ServiceEntryResource, ServicePort, ServiceResource } from '../manifests/index.ts';
import { claimHost, visibilityOf } from './claim.ts';
import { habitsOf, noHabits, withHabits } from './habits.ts';
import { canonicalAddresses, serviceHost } from './hosts.ts';
import { originOf } from './mistake.ts';
import { portOfEntry, protocolOf } from './protocol.ts';
import type { Discovery, Owner, Port, Service } from './types.ts';

/** A service and the manifest that defines it. */
export type Defined = {
  readonly service: Service;
  readonly resource: ServiceResource | ServiceEntryResource;
};

/** The service of a Kubernetes Service. Its host belongs to its namespace, hence to its scope. */
export function readService(resource: ServiceResource, owners: readonly Owner[]): Defined {
  const { name, namespace, spec } = resource;
  const host = serviceHost(name, namespace);
  const { clusterIP = '', clusterIPs = [] } = spec;
  const addresses = clusterIPs.length > 0 ? clusterIPs : [clusterIP];
  const service: Service = {
    id: `${namespace}/${host}`,
    host,
    namespace,
    shortName: name,
    addresses: canonicalAddresses(addresses.filter((address) => address !== '' && address !== 'None')),
    ranges: [],
    ports: byNumber((spec.ports ?? []).map(portOfService)),
    discovery: spec.type === 'ExternalName' ? 'looked-up' : 'listed',
    certificateNames: [],
    subsets: [],
    policies: [],
    habits: habitsOf(spec),
    visibility: visibilityOf(resource, owners),
    origin: originOf(resource),
  };
  return { service: { ...service, policies: withHabits([], service) }, resource };
}

/** One service per host of the entry that the scope may define. */
export function readServiceEntry(
  resource: ServiceEntryResource,
  owners: readonly Owner[],
): { readonly defined: readonly Defined[]; readonly problems: readonly Problem[] } {
  const claims = resource.spec.hosts.map((host, index) => {
    return claimHost(resource, host.toLowerCase(), ['spec', 'hosts', index], owners);
  });
  const problems = claims.flatMap((claim) => claim.problems);
  // A refused host leaves out the whole manifest, as every error does.
  if (claims.some(({ visibility }) => visibility === null)) return { defined: [], problems };
  const defined = claims.flatMap(({ host, visibility }) => {
    return visibility === null ? [] : [{ service: { ...common(resource, host), visibility }, resource }];
  });
  return { defined, problems };
}

function common(resource: ServiceEntryResource, host: string): Omit<Service, 'visibility'> {
  const { namespace, spec } = resource;
  return {
    id: `${namespace}/${host}`,
    host,
    namespace,
    shortName: null,
    addresses: canonicalAddresses((spec.addresses ?? []).filter((address) => !address.includes('/'))),
    ranges: canonicalAddresses((spec.addresses ?? []).filter((address) => address.includes('/'))),
    ports: byNumber((spec.ports ?? []).map(portOfEntry)),
    discovery: discoveries[spec.resolution ?? 'NONE'],
    certificateNames: spec.subjectAltNames ?? [],
    subsets: [],
    policies: [],
    habits: noHabits,
    origin: originOf(resource),
  };
}

const discoveries = {
  NONE: 'original',
  STATIC: 'listed',
  DNS: 'looked-up',
  DNS_ROUND_ROBIN: 'looked-up-anew',
  DYNAMIC_DNS: 'as-asked',
} as const satisfies Record<string, Discovery>;

function portOfService({ port, name = '', appProtocol }: ServicePort): Port {
  return { number: port, name, protocol: protocolOf({ number: port, name, appProtocol }) };
}

function byNumber(ports: readonly Port[]): readonly Port[] {
  return [...ports].sort((left, right) => left.number - right.number);
}
