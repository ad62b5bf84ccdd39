import { isIP } from 'node:net';
import type { Problem } from '../../base/problem.ts';
import type { ScopeResources } from '../../manifests/index.ts';
import { adviseOfIdle, type Built, type Change, hasLabels } from '../../mesh/index.ts';
import { type Proxy, tryChanges } from '../../translate/index.ts';
import { proxyOf } from '../plan/proxies.ts';

type Known = {
  readonly about: 'workload' | 'namespace';
  /** In each way in which its traffic may be captured: a change may be meant for one of them. */
  readonly proxies: readonly Proxy[];
};

type World = Pick<Built, 'mesh' | 'endpoints'>;

/** So many are tried; of more, only what is the same for all workloads is told. */
const MOST_PROXIES = 32;

/** Patches of EnvoyFilters that change nothing of any proxy that manifests let us know, where they are for one. */
export function idleChanges(world: World, scopes: readonly ScopeResources[]): readonly Problem[] {
  if (world.mesh.amendments.every(({ changes }) => changes.length === 0)) return [];
  const known = knownProxies(world, scopes);
  const [done, idle] = [new Set<Change>(), new Set<Change>()];
  for (const { about, proxies } of known.slice(0, MOST_PROXIES)) {
    for (const proxy of proxies) {
      const tried = tryChanges(world, proxy, about, done);
      for (const change of tried.done) done.add(change);
      const isTold = about === 'namespace' || known.length <= MOST_PROXIES;
      for (const change of isTold ? tried.idle : []) idle.add(change);
    }
  }
  return adviseOfIdle([...idle].filter((change) => !done.has(change)));
}

/** A sidecar of each namespace, what Gateways select, and workloads with labels: each once. */
function knownProxies({ mesh, endpoints }: World, scopes: readonly ScopeResources[]): readonly Known[] {
  const { gateways, amendments } = mesh;
  const workloads = [...endpoints.values()].flat().filter(({ address, labels }) => {
    return isIP(address) !== 0 && Object.keys(labels).length > 0;
  });
  const own = workloads.map(({ namespace, labels, address }): Known => {
    const isGateway = gateways.some(({ selector }) => {
      return Object.keys(selector).length > 0 && hasLabels(labels, selector);
    });
    if (isGateway) return { about: 'workload', proxies: [proxyOf('router', namespace, labels, address)] };
    return { about: 'workload', proxies: sidecars(namespace, labels, address) };
  });
  const namespaces = new Set(scopes.flatMap(({ resources }) => resources.map(({ namespace }) => namespace)));
  const bare = [...namespaces].map((name): Known => ({ about: 'namespace', proxies: sidecars(name, {}) }));
  const selected = gateways.flatMap(({ namespace, selector }) => {
    // The proxies may stand where those of the change do, and not where the Gateway is written.
    const places = amendments.filter((amendment) => hasLabels(selector, amendment.selector ?? {}));
    const spaces = new Set([namespace, ...places.map((place) => place.namespace)]);
    return [...spaces].map((space): Known => {
      return { about: 'namespace', proxies: [proxyOf('router', space, selector)] };
    });
  });
  const keyOf = ({ about, proxies: [proxy] }: Known) => {
    const { type, namespace, labels } = proxy ?? {};
    return JSON.stringify([about, type, namespace, Object.entries(labels ?? {}).sort()]);
  };
  return [...new Map([...bare, ...selected, ...own].map((one) => [keyOf(one), one])).values()];
}

function sidecars(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  address?: string,
): readonly Proxy[] {
  return (['ports', 'redirect'] as const).map((capture) => {
    return proxyOf('sidecar', namespace, labels, address, { FAIRLEAD: { capture } });
  });
}
