import type { Problem } from '../base/problem.ts';
import type { Path } from '../manifests/index.ts';
import { overlap } from './conflicts.ts';
import { resolveHost } from './hosts.ts';
import { mistake } from './mistake.ts';
import type { DefinedRouting } from './routing.ts';
import type { Defined } from './services.ts';
import { hint } from './subsets.ts';
import type { Destination, Service } from './types.ts';

const answered = 'its requests are answered 503';

/**
 * Destinations that do not exist. The routing stays: leaving it out would send the requests that its author wanted
 * elsewhere to the host's own service, silently. What cannot be reached is answered 503, as an Istio user expects.
 */
export function danglingOf(defined: DefinedRouting, services: readonly Defined[]): readonly Problem[] {
  if (defined.index > 0) return [];
  const { resource } = defined;
  return (resource.spec.http ?? []).flatMap(({ route }, at) =>
    route.flatMap(({ destination }, index) => {
      const path = ['spec', 'http', at, 'route', index, 'destination'];
      const host = resolveHost(destination.host, resource.namespace);
      const wanted = { host, subset: destination.subset ?? null, port: destination.port?.number ?? null };
      return inspect(defined, wanted, path, services);
    }),
  );
}

type Wanted = Pick<Destination, 'host' | 'subset' | 'port'>;

function inspect(
  { resource, routing }: DefinedRouting,
  { host, subset, port }: Wanted,
  path: Path,
  services: readonly Defined[],
): readonly Problem[] {
  const found = services.filter(({ service }) => service.host === host && overlap(service, routing));
  if (found.length === 0) {
    const message = `there is no service ${host} for its clients${hint(host, services)}: ${answered}`;
    return [mistake(resource, [...path, 'host'], 'FL3301', message)];
  }
  const problems: Problem[] = [];
  for (const { service } of found) {
    if (subset !== null && !service.subsets.some(({ name }) => name === subset)) {
      const message = `${host} has no subset ${subset}: ${answered}`;
      problems.push(mistake(resource, [...path, 'subset'], 'FL3302', message));
    }
    const numbers = service.ports.map(({ number }) => number);
    if (port !== null && !numbers.includes(port)) {
      const message = `${host} has no port ${port}, only ${numbers.join(', ')}: ${answered}`;
      problems.push(mistake(resource, [...path, 'port', 'number'], 'FL3303', message));
    }
    if (port === null) problems.push(...unnamedPort(resource, service, routing.host, path, services));
  }
  return problems;
}

/** Without a port, a service of several is called on the port that was asked for, which it has to have. */
function unnamedPort(
  resource: DefinedRouting['resource'],
  service: Service,
  routed: string,
  path: Path,
  services: readonly Defined[],
): readonly Problem[] {
  if (service.ports.length <= 1) return [];
  const asked = services.find(({ service: { host } }) => host === routed)?.service.ports ?? [{ number: 80 }];
  const numbers = new Set(service.ports.map(({ number }) => number));
  const missing = asked.filter(({ number }) => !numbers.has(number)).map(({ number }) => number);
  if (missing.length === 0) return [];
  const message = `${service.host} has several ports, but not ${missing.join(', ')} of ${routed}: ${answered}`;
  return [mistake(resource, path, 'FL3303', message, 'name the port of the destination')];
}
