import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { Resource, ScopeResources } from '../manifests/index.ts';
import { conflictsOf } from './conflicts.ts';
import { danglingOf } from './dangling.ts';
import { mistake, placeOf } from './mistake.ts';
import { ownerOfNamespace } from './ownership.ts';
import { type DefinedRouting, readRoutings } from './routing.ts';
import { type Defined, readService, readServiceEntry } from './services.ts';
import { applyRules } from './subsets.ts';
import type { Endpoint, Endpoints, Mesh, Owner } from './types.ts';
import { endpointsOf } from './workloads.ts';

export type Built = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly problems: readonly Problem[];
};

/**
 * One mesh out of what all scopes say. The order of the scopes does not matter. Problems are those of this room only,
 * by file and place; those of the manifests are with their scopes.
 */
export function build(scopes: readonly ScopeResources[]): Built {
  const owners = readOwners(scopes);
  const problems: Problem[] = [];
  const resources = owned(scopes, owners, problems);
  const services = defineServices(resources, owners, problems);
  const endpoints = defineEndpoints(services, resources, problems);
  const routings = defineRoutings(resources, services, owners, problems);
  const mesh: Mesh = {
    owners,
    services: services.map(({ service }) => service),
    routings: routings.map(({ routing }) => routing),
  };
  return { mesh, endpoints, problems: problems.sort(byPlace) };
}

function readOwners(scopes: readonly ScopeResources[]): readonly Owner[] {
  const owners = scopes.map(({ scope: { uid, path, owns } }): Owner => {
    return { uid, path, namespaces: owns.namespaces, hosts: owns.hosts.map((host) => host.toLowerCase()) };
  });
  return owners.sort((left, right) => byCodeUnit(left.path, right.path) || byCodeUnit(left.uid, right.uid));
}

/** Resources in namespaces of their own scope, in an order that does not depend on how the scopes came. */
function owned(
  scopes: readonly ScopeResources[],
  owners: readonly Owner[],
  problems: Problem[],
): readonly Resource[] {
  const kept = scopes.flatMap(({ resources }) =>
    resources.filter((resource) => {
      const owner = ownerOfNamespace(owners, resource.namespace);
      if (owner?.uid === resource.source.uid) return true;
      const whose = owner === null ? 'no single scope owns' : `${owner.path} owns`;
      const message = `${whose} the namespace ${resource.namespace}, ${resource.source.scope} does not`;
      problems.push(mistake(resource, ['metadata', 'namespace'], 'FL3101', message));
      return false;
    }),
  );
  return kept.sort((left, right) => byPlace(left.source, right.source));
}

function defineServices(
  resources: readonly Resource[],
  owners: readonly Owner[],
  problems: Problem[],
): readonly Defined[] {
  const candidates = resources.flatMap((resource): readonly Defined[] => {
    if (resource.kind === 'Service') return [readService(resource)];
    if (resource.kind !== 'ServiceEntry') return [];
    const read = readServiceEntry(resource, owners);
    problems.push(...read.problems);
    return read.defined;
  });
  const services = withoutTwins(candidates, problems);
  const rules = resources.filter((resource) => resource.kind === 'DestinationRule');
  const applied = applyRules(rules, services);
  problems.push(...applied.problems);
  return [...applied.services].sort(
    (left, right) =>
      byCodeUnit(left.service.host, right.service.host) || byCodeUnit(left.service.id, right.service.id),
  );
}

/** Hosts that two manifests define for the same clients are served by neither. */
function withoutTwins(candidates: readonly Defined[], problems: Problem[]): readonly Defined[] {
  const conflicts = conflictsOf(candidates, ({ service }) => service);
  for (const [{ resource, service }, others] of conflicts) {
    const places = others.map((other) => placeOf(other.service.origin)).join(', ');
    const path = resource.kind === 'Service' ? ['metadata', 'name'] : ['spec', 'hosts'];
    problems.push(mistake(resource, path, 'FL3201', `${service.host} is also defined at ${places}`));
  }
  const services = candidates.filter((candidate) => !conflicts.has(candidate));
  problems.push(...sharedAddresses(services));
  return services;
}

/** An address has no owner: which service it names depends on the client (`translate`, "nearest"). */
function sharedAddresses(services: readonly Defined[]): readonly Problem[] {
  const claims = services.flatMap((defined) =>
    defined.service.addresses.map((address) => ({ defined, address })),
  );
  const conflicts = conflictsOf(claims, ({ defined: { service }, address }) => ({
    ...service,
    host: address,
  }));
  return [...conflicts].map(([{ defined, address }, others]) => {
    const places = others.map((other) => placeOf(other.defined.service.origin)).join(', ');
    const path = ['spec', defined.resource.kind === 'Service' ? 'clusterIP' : 'addresses'];
    const message = `${address} is also claimed at ${places}: it names the service nearest to the client, or neither`;
    return mistake(defined.resource, path, 'FL3106', message);
  });
}

function defineEndpoints(
  services: readonly Defined[],
  resources: readonly Resource[],
  problems: Problem[],
): Endpoints {
  const workloads = resources.filter((resource) => resource.kind === 'WorkloadEntry');
  const endpoints = new Map<string, readonly Endpoint[]>();
  for (const defined of services) {
    const found = endpointsOf(defined, workloads);
    problems.push(...found.problems);
    endpoints.set(defined.service.id, found.endpoints);
  }
  return endpoints;
}

function defineRoutings(
  resources: readonly Resource[],
  services: readonly Defined[],
  owners: readonly Owner[],
  problems: Problem[],
): readonly DefinedRouting[] {
  const candidates = resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    const read = readRoutings(resource, owners);
    problems.push(...read.problems);
    return read.defined;
  });
  const conflicts = conflictsOf(candidates, ({ routing }) => routing);
  for (const [{ resource, routing, index }, others] of conflicts) {
    const places = others.map((other) => placeOf(other.routing.origin)).join(', ');
    problems.push(
      mistake(resource, ['spec', 'hosts', index], 'FL3202', `${routing.host} is also routed at ${places}`),
    );
  }
  // An error leaves out its whole manifest, not only the host that it names.
  const refused = new Set([...conflicts.keys()].map(({ resource }) => resource));
  const kept = candidates.filter(({ resource }) => !refused.has(resource));
  problems.push(...kept.flatMap((defined) => danglingOf(defined, services)));
  return kept.sort(
    (left, right) =>
      byCodeUnit(left.routing.host, right.routing.host) || byPlace(left.routing.origin, right.routing.origin),
  );
}

type Place = { readonly file: string; readonly line: number; readonly column: number };

function byPlace(left: Place, right: Place): number {
  return byCodeUnit(left.file, right.file) || left.line - right.line || left.column - right.column;
}
