import { Failure } from '../../base/failure.ts';
import type { Problem } from '../../base/problem.ts';
import { nearest } from '../../manifests/index.ts';
import { type Endpoint, hasLabels, type Service } from '../../mesh/index.ts';
import type { OfflineMesh } from '../offline/source.ts';
import { describeProxy, snapshotResources, translateFor } from '../proxy/offline.ts';
import { listAt, type Place, provenanceOf, textAt } from '../proxy/resource.ts';
import { destinationOf, matchOf } from '../proxy/route.ts';

/** A manifest that says something about what is described. */
export type Written = Pick<Place, 'document' | 'scope' | 'file' | 'line'>;

type SubsetDescription = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly endpoints: number;
} & Written;

/** What there is to know about a service, as the clients of its own namespace have it. */
export type ServiceDescription = Written & {
  readonly host: string;
  readonly namespace: string;
  readonly ports: readonly { readonly number: number; readonly name: string; readonly protocol: string }[];
  /** Addresses with the workload's ports. */
  readonly endpoints: readonly string[];
  readonly subsets: readonly SubsetDescription[];
  /** Where its traffic policies are written. */
  readonly policies: readonly Written[];
  readonly routes: readonly ({
    readonly match: string;
    readonly to: string;
    readonly port: string;
  } & Written)[];
  readonly gateways: readonly (Written & { readonly hosts: readonly string[] })[];
  readonly problems: readonly Problem[];
};

/** By host, `name.namespace`, or a name that one namespace alone has. Throws Failure service-unknown or service-ambiguous. */
export function describeService(offline: OfflineMesh, wanted: string): ServiceDescription {
  return descriptionOf(offline, findService(offline.mesh.services, wanted));
}

export function descriptionOf(offline: OfflineMesh, service: Service): ServiceDescription {
  const { mesh, endpoints } = offline;
  const { host, namespace, ports, origin, id } = service;
  const own = endpoints.get(id) ?? [];
  const subsets = service.subsets.map(({ name, labels, origin }) => {
    const members = own.filter((endpoint) => hasLabels(endpoint.labels, labels));
    return { name, labels, endpoints: members.length, ...writtenAt(origin) };
  });
  const origins = [service, ...service.subsets]
    .flatMap((one) => one.policies)
    .flatMap((policy) => policy.origins);
  const routings = mesh.routings.filter((routing) => routing.host === host || leadsTo(routing, host));
  const bound = new Set(routings.flatMap(({ entrances }) => entrances));
  const gateways = mesh.gateways
    .filter((gateway) => bound.has(gateway.id))
    .map((gateway) => {
      const offered = gateway.servers.flatMap(({ offers }) => offers.map((offer) => offer.host));
      return { ...writtenAt(gateway.origin), hosts: [...new Set(offered)] };
    });
  const about = {
    ...{ host, namespace, ...writtenAt(origin), subsets, gateways },
    policies: [...new Map(origins.map((one) => [one.document, writtenAt(one)])).values()],
    ports: ports.map(({ number, name, protocol }) => ({ number, name, protocol })),
    endpoints: own.map(addressOf),
    routes: routesOf(offline, service),
  };
  const files = new Set(
    [origin, ...subsets, ...origins, ...about.routes, ...gateways].map(({ file }) => file),
  );
  return { ...about, problems: offline.problems.filter(({ file }) => files.has(file)) };
}

function findService(services: readonly Service[], wanted: string): Service {
  const names = ({ host, namespace }: Service) => [host, `${host.split('.')[0]}.${namespace}`];
  const exact = services.filter((service) => names(service).includes(wanted));
  const found = exact.length > 0 ? exact : services.filter(({ host }) => host.split('.')[0] === wanted);
  const [only, second] = found;
  if (only !== undefined && second === undefined) return only;
  if (only !== undefined) {
    const some = found.slice(0, 5).map((service) => `${wanted}.${service.namespace}`);
    throw new Failure('service-ambiguous', `${wanted} may be ${some.join(', ')}`, 'write the namespace, too');
  }
  const meant = nearest(wanted, services.flatMap(names));
  const fix = meant === null ? 'write name.namespace, or the whole host' : `did you mean ${meant}?`;
  throw new Failure('service-unknown', `there is no service ${wanted}`, fix);
}

function leadsTo({ rules }: OfflineMesh['mesh']['routings'][number], host: string): boolean {
  return rules.some(({ action }) => {
    return action.does === 'forward' && action.destinations.some((destination) => destination.host === host);
  });
}

/** Rules for the service's host, from the routes of a sidecar beside it. */
function routesOf(offline: OfflineMesh, { host, namespace }: Service): ServiceDescription['routes'] {
  const proxy = describeProxy(offline, `describe.${namespace}`, {});
  const tables = snapshotResources(translateFor(offline, proxy)).filter(({ kind }) => kind === 'route');
  return tables.flatMap(({ resource, sources }) =>
    listAt(resource, 'virtual_hosts')
      .filter((one) => textAt(one, 'name')?.startsWith(`${host}:`))
      .flatMap((one) =>
        listAt(one, 'routes').flatMap((route) => {
          const own = provenanceOf(route);
          const place = sources.find(({ document }) => document === own?.document);
          if (own === null || place === undefined || own.document.startsWith('Service')) return [];
          const port = textAt(one, 'name')?.slice(host.length + 1) ?? '';
          return { match: matchOf(route), to: destinationOf(route), port, ...writtenAt(place) };
        }),
      ),
  );
}

export function writtenAt({ document, scope, file, line }: Written): Written {
  return { document, scope, file, line };
}

export function addressOf({ address, ports }: Endpoint): string {
  return `${address}:${[...new Set(ports.values())].join(',')}`;
}
