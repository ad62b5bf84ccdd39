import type { Problem } from '../base/problem.ts';
import { conflictsOf } from './conflicts.ts';
import { mistake, placeOf } from './mistake.ts';
import { byPlace } from './part.ts';
import type { DefinedRouting } from './routing.ts';
import type { Defined } from './services.ts';
import type { Origin } from './types.ts';

/** What several scopes claim for the same clients; nobody is first. */
export type Rivals<T> = { readonly refused: ReadonlySet<T>; readonly problems: readonly Problem[] };

/** Hosts that two manifests define for the same clients are served by neither. */
export function rivalServices(candidates: readonly Defined[]): Rivals<Defined> {
  const conflicts = conflictsOf(candidates, ({ service }) => service);
  const problems = [...conflicts].map(([{ resource, service }, others]) => {
    const path = resource.kind === 'Service' ? ['metadata', 'name'] : ['spec', 'hosts'];
    const places = placesOf(others.map((other) => other.service.origin));
    return mistake(resource, path, 'FL3201', `${service.host} is also defined at ${places}`);
  });
  return { refused: new Set(conflicts.keys()), problems };
}

/** An address has no owner: which service it names depends on the client (`translate`, "nearest"). */
export function sharedAddresses(services: readonly Defined[]): readonly Problem[] {
  const claims = services.flatMap((defined) =>
    defined.service.addresses.map((address) => ({ defined, address })),
  );
  const conflicts = conflictsOf(claims, ({ defined: { service }, address }) => ({
    ...service,
    host: address,
  }));
  return [...conflicts].map(([{ defined, address }, others]) => {
    const places = placesOf(others.map((other) => other.defined.service.origin));
    const path = ['spec', defined.resource.kind === 'Service' ? 'clusterIP' : 'addresses'];
    const message = `${address} is also claimed at ${places}: it names the service nearest to the client, or neither`;
    return mistake(defined.resource, path, 'FL3106', message);
  });
}

/** An error leaves out its whole manifest, not only the host that it names. */
export function rivalRoutings(candidates: readonly DefinedRouting[]): Rivals<DefinedRouting['resource']> {
  const conflicts = conflictsOf(candidates, ({ routing }) => routing);
  const problems = [...conflicts].map(([{ resource, routing, index }, others]) => {
    const places = placesOf(others.map((other) => other.routing.origin));
    const message = `${routing.host} is also routed at ${places}`;
    return mistake(resource, ['spec', 'hosts', index], 'FL3202', message);
  });
  return { refused: new Set([...conflicts.keys()].map(({ resource }) => resource)), problems };
}

function placesOf(origins: readonly Origin[]): string {
  return origins.toSorted(byPlace).map(placeOf).join(', ');
}
