import type { Problem } from '../base/problem.ts';
import type { CiliumEnvoyConfigResource, WrittenInterception } from '../manifests/index.ts';
import { resolveHost } from './hosts.ts';
import { mistake, originOf, placesOf } from './mistake.ts';
import type { Defined } from './services.ts';
import type { Origin } from './types.ts';

type Filters = WrittenInterception['services'][number]['filters'];

/** What requests for a service pass before they come to its application, in words that `translate` alone reads. */
export type Interception = {
  readonly namespace: string;
  readonly host: string;
  /** Of the service; null: all. */
  readonly ports: readonly number[] | null;
  /** None: they come as ever. */
  readonly filters: Filters;
  /** What the filters name. */
  readonly clusters: WrittenInterception['clusters'];
  readonly origin: Origin;
};

type Read = {
  readonly resource: CiliumEnvoyConfigResource;
  readonly index: number;
  readonly made: Interception;
};

/** Of services of the scope; where two want the same port neither is honoured. */
export function readInterceptions(
  resources: readonly CiliumEnvoyConfigResource[],
  services: readonly Defined[],
  problems: Problem[],
): readonly Interception[] {
  const hosts = new Set(services.map(({ service }) => service.host));
  const all = resources
    .flatMap((resource) => readOne(resource))
    .filter(({ resource, index, made }) => {
      if (hosts.has(made.host)) return true;
      const message = `there is no service ${made.host}: no workload has the filters`;
      problems.push(mistake(resource, ['spec', 'services', index, 'name'], 'FL3361', message));
      return false;
    });
  return all.flatMap((one) => {
    const rivals = all.filter((other) => other !== one && meet(one.made, other.made));
    if (rivals.length === 0) return [one.made];
    const places = placesOf(rivals.map(({ made }) => made.origin));
    const message = `${one.made.host} is also that of ${places}`;
    problems.push(mistake(one.resource, ['spec', 'services', one.index], 'FL3362', message));
    return [];
  });
}

function readOne(resource: CiliumEnvoyConfigResource): readonly Read[] {
  const { spec } = resource;
  return spec.services.map(({ name, namespace, ports, filters }, index) => {
    const origin = { ...originOf(resource), ...resource.at(['spec', 'services', index]) };
    const host = resolveHost(name, namespace);
    return { resource, index, made: { namespace, host, ports, filters, clusters: spec.clusters, origin } };
  });
}

function meet(one: Interception, other: Interception): boolean {
  if (one.host !== other.host) return false;
  return one.ports === null || other.ports === null || one.ports.some((port) => other.ports?.includes(port));
}
