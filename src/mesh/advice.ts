import type { Problem } from '../base/problem.ts';
import type { Resource, ScopeResources, WorkloadLabels } from '../manifests/index.ts';
import type { Change } from './amendments.ts';
import { type Code, codes } from './codes.ts';
import { overlap } from './conflicts.ts';
import { MESH } from './gateways.ts';
import { idleSelectors, written } from './idle-selectors.ts';
import { byPlace, mistake, placeOf, placesOf } from './mistake.ts';
import { areApart } from './private.ts';
import { takesAll, takesAllConnections } from './routing-cover.ts';
import { ruleOrigin } from './rule-places.ts';
import type { Endpoints, Mesh, Origin, Routing } from './types.ts';
import { hasLabels } from './workloads.ts';

/** What is looked at, and the workloads that are known besides the endpoints. */
type Advised = {
  readonly mesh: Mesh;
  readonly endpoints: Endpoints;
  readonly scopes: readonly ScopeResources[];
  readonly workloads: readonly WorkloadLabels[];
};

/**
 * What is served as it is written, and perhaps not as its author expects: for people who look at a folder or a branch. It
 * takes no part in what is served, and is not asked for there.
 */
export function advise(advised: Advised): readonly Problem[] {
  const { mesh, scopes } = advised;
  const resources = scopes.flatMap((scope) => scope.resources);
  const all = [
    ...mesh.routings.flatMap(unreached),
    ...mesh.routings.flatMap(unreachedStreams),
    ...mergedInMesh(mesh),
    ...idleSelectors(mesh, resources, advised.workloads),
    ...idleSubsets(advised),
    ...resources.flatMap(rawChanges),
  ];
  const distinct = new Map(
    all.map((problem) => [`${problem.code} ${problem.message} ${placeOf(problem)}`, problem]),
  );
  return [...distinct.values()].sort(byPlace);
}

/** What says in a proxy's own words what it hears: nobody else can tell what comes of it. */
function rawChanges(resource: Resource): readonly Problem[] {
  const { kind, namespace } = resource;
  if (!['EnvoyFilter', 'CiliumEnvoyConfig', 'CiliumClusterwideEnvoyConfig'].includes(kind)) return [];
  const whose = kind === 'CiliumClusterwideEnvoyConfig' ? 'its Services' : namespace;
  const message = `what proxies of ${whose} hear is changed by hand: read what comes of it (fairlead translate -f)`;
  return [mistake(resource, ['metadata', 'name'], 'FL3410', message)];
}

/** Changes that found nothing to change, as only `translate` can tell: of no proxy that is known. */
export function adviseOfIdle(changes: readonly Change[]): readonly Problem[] {
  const message = 'it is for proxies that are known, and of none does it change anything';
  return changes.map(({ origin }) => at(origin, 'FL3411', message));
}

/** Rules whose requests earlier ones take. What stands behind a route without a match is said by FL2215. */
function unreached({ rules, host }: Routing): readonly Problem[] {
  return rules.flatMap((rule, index) => {
    const first = rules.slice(0, index).find((earlier) => takesAll(earlier.matches, rule.matches));
    if (first === undefined) return [];
    if (first.matches.length === 0 && first.origin.document.startsWith('VirtualService/')) return [];
    const [here, there] = [rule, first].map((one) => ruleOrigin(one));
    if (here === undefined || there === undefined) return [];
    return [at(here, 'FL3401', `requests for ${host} that fit it are taken at ${placeOf(there)}`)];
  });
}

function unreachedStreams({ streams, host }: Routing): readonly Problem[] {
  return streams.flatMap((rule, index) => {
    const first = streams.slice(0, index).find((earlier) => {
      return earlier.of === rule.of && takesAllConnections(earlier.matches, rule.matches);
    });
    if (first === undefined) return [];
    const message = `connections to ${host} that fit it are taken at ${placeOf(ruleOrigin(first))}`;
    return [at(ruleOrigin(rule), 'FL3401', message)];
  });
}

/** Routings of one host of which Istio's sidecars would know the oldest alone; at gateways it merges them, too. */
function mergedInMesh({ routings }: Mesh): readonly Problem[] {
  const producers = routings.filter(({ role, entrances }) => role === 'producer' && entrances.includes(MESH));
  const groups = [...Map.groupBy(producers, ({ host }) => host).values()];
  return groups.flatMap((group) =>
    group.flatMap((one) => {
      const others = group.filter((other) => other !== one && overlap(one, other) && !areApart(one, other));
      if (others.length === 0) return [];
      const places = placesOf(others.map(({ origin }) => origin));
      const message = `${one.host} is routed at ${places}, too: here all count, and sidecars of Istio know the oldest alone`;
      return [at(one.origin, 'FL3404', message)];
    }),
  );
}

/** Subsets of a service whose workloads are known, none of which is in it. */
function idleSubsets({ mesh, endpoints, scopes, workloads }: Advised): readonly Problem[] {
  const selectors = new Map(
    scopes
      .flatMap((scope) => scope.resources)
      .flatMap((resource) => {
        return resource.kind === 'Service' ? [[placeOf(resource.source), resource.spec.selector ?? {}]] : [];
      }),
  );
  return mesh.services.flatMap(({ id, host, namespace, subsets, origin }) => {
    const selector = selectors.get(placeOf(origin)) ?? {};
    const selected = workloads.filter((workload) => {
      const isSelected = Object.keys(selector).length > 0 && hasLabels(workload.labels, selector);
      return workload.namespace === namespace && isSelected;
    });
    const own = (endpoints.get(id) ?? []).filter(
      ({ origin }) => !origin.document.startsWith('EndpointSlice/'),
    );
    const known = [...selected, ...own].map(({ labels }) => labels);
    if (known.length === 0) return [];
    return subsets
      .filter((subset) => !known.some((labels) => hasLabels(labels, subset.labels)))
      .map(({ name, labels, origin }) => {
        return at(
          origin,
          'FL3403',
          `no workload of ${host} has the labels ${written(labels)} of subset ${name}`,
        );
      });
  });
}

function at({ file, line, column }: Origin, code: Code, message: string): Problem {
  return { code, severity: 'warning', message, fix: codes[code].fix, file, line, column };
}
