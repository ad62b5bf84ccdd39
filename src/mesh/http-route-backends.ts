import type { Problem } from '../base/problem.ts';
import { type HTTPBackend, isCore } from '../manifests/index.ts';
import { type Grant, isGranted } from './grants.ts';
import { serviceHost } from './hosts.ts';
import type { Resolve } from './http-route-rule.ts';
import { lacks, mistake } from './mistake.ts';
import { backendsOf, type RouteResource } from './route-rules.ts';
import type { Services } from './service-index.ts';
import type { Defined } from './services.ts';
import { hint } from './subsets.ts';
import type { Target } from './types.ts';

type Wrong = { readonly code: 'FL3301' | 'FL3303' | 'FL3311'; readonly field: string; readonly why: string };

/** Finds where a route's backends are. */
export function resolver(resource: RouteResource, services: Services, grants: readonly Grant[]): Resolve {
  return (backend) => {
    const found = look(backend, resource, services, grants);
    return 'code' in found ? null : found;
  };
}

/**
 * The Service of a backend. In another namespace its owner would have to agree by a ReferenceGrant, but for a parent:
 * its requests were going there anyway.
 */
function look(
  backend: HTTPBackend,
  resource: RouteResource,
  services: Services,
  grants: readonly Grant[],
): Target | Wrong {
  const { namespace, spec } = resource;
  const host = hostOf(backend, namespace);
  const isParent = spec.parentRefs.some((parent) => isService(parent) && hostOf(parent, namespace) === host);
  const { name, namespace: theirs = namespace } = backend;
  const isAllowed =
    theirs === namespace || isParent || isGranted(grants, resource, { name, namespace: theirs });
  if (!isAllowed) {
    return {
      code: 'FL3311',
      field: 'namespace',
      why: `${host} is of another namespace, without a ReferenceGrant`,
    };
  }
  const found = serviceOf(host, services);
  const port = backend.port ?? 0;
  if (found === null)
    return { code: 'FL3301', field: 'name', why: `there is no Service ${host}${hint(host, services)}` };
  if (found.service.ports.some(({ number }) => number === port)) return { host, subset: null, port };
  const ports = found.service.ports.map(({ number }) => number);
  return { code: 'FL3303', field: 'port', why: `${host} has no port ${port}, only ${ports.join(', ')}` };
}

/** Backends that get no requests: their share is answered 500 (Gateway API), and copies for them are dropped. */
export function danglingBackends(
  resource: RouteResource,
  services: Services,
  grants: readonly Grant[],
): readonly Problem[] {
  return backendsOf(resource).flatMap(({ backendRefs = [], filters = [] }, at) => {
    const rule = ['spec', 'rules', at];
    const backends = backendRefs.map((backend, index) => {
      return { backend, path: [...rule, 'backendRefs', index], consequence: 'its requests are answered 500' };
    });
    const mirrors = filters.flatMap(({ requestMirror }, index) => {
      const path = [...rule, 'filters', index, 'requestMirror', 'backendRef'];
      const backend = requestMirror?.backendRef;
      return backend === undefined ? [] : [{ backend, path, consequence: 'nothing is mirrored to it' }];
    });
    return [...backends, ...mirrors].flatMap(({ backend, path, consequence }) => {
      const found = look(backend, resource, services, grants);
      if (!('code' in found)) return unfit(found, resource, path, services);
      const message = `${found.why}: ${consequence}`;
      const host = hostOf(backend, resource.namespace);
      return [lacks({ host }, mistake(resource, [...path, found.field], found.code, message))];
    });
  });
}

/** gRPC is HTTP/2, and a port that says that it speaks something else is spoken to as it says. */
function unfit(
  { host, port }: Target,
  resource: RouteResource,
  path: readonly (string | number)[],
  services: Services,
): readonly Problem[] {
  const protocol = serviceOf(host, services)?.service.ports.find(({ number }) => number === port)?.protocol;
  if (resource.kind !== 'GRPCRoute' || protocol === 'http2' || protocol === 'undeclared') return [];
  const said = protocol === 'http' ? 'HTTP/1.1' : 'no HTTP';
  const message = `${host} speaks ${said} at ${port}: gRPC is HTTP/2`;
  return [lacks({ host }, mistake(resource, [...path, 'port'], 'FL3338', message))];
}

/** A Kubernetes Service by its host. */
export function serviceOf(host: string, services: Services): Defined | null {
  return services.at(host).find(({ resource }) => resource.kind === 'Service') ?? null;
}

/** Whether a parent is a Service, and no Gateway. */
export function isService({ group, kind }: { readonly group?: string; readonly kind?: string }): boolean {
  return isCore(group) && kind === 'Service';
}

/** The host of the Service that a backend or a parent names. */
export function hostOf(
  { name, namespace }: { readonly name: string; readonly namespace?: string },
  own: string,
): string {
  return serviceHost(name, namespace ?? own);
}
