import type { Problem } from '../base/problem.ts';
import { API_GATEWAY, type Path, type Resource, type WorkloadLabels } from '../manifests/index.ts';
import { mistake } from './mistake.ts';
import { isAbove, settingsFor } from './root.ts';
import type { Mesh } from './types.ts';
import { hasLabels } from './workloads.ts';

type Labels = Readonly<Record<string, string>>;

/** Labels of all workloads that are known, by their namespaces. */
type Known = ReadonlyMap<string, readonly Labels[]>;

/**
 * Selectors that select no workload, and targets that are no Gateway. Mostly workloads are not in git, or only some of them:
 * nothing is said where none is known that might have been meant.
 */
export function idleSelectors(
  mesh: Pick<Mesh, 'owners'>,
  resources: readonly Resource[],
  workloads: readonly WorkloadLabels[],
): readonly Problem[] {
  const known = labelsByNamespace(resources, workloads);
  const gateways = gatewaysByNamespace(resources);
  return resources.flatMap((resource) => [
    ...selectionsOf(resource).flatMap((selection) => idleSelector(selection, resource, { mesh, known })),
    ...targetsOf(resource).flatMap((target) => idleTarget(target, resource, gateways)),
  ]);
}

function labelsByNamespace(resources: readonly Resource[], workloads: readonly WorkloadLabels[]): Known {
  const entries = resources.flatMap((resource) => {
    if (resource.kind === 'Pod') return [resource];
    return resource.kind === 'WorkloadEntry'
      ? [{ namespace: resource.namespace, labels: { ...resource.spec.labels, ...resource.labels } }]
      : [];
  });
  const byNamespace = Map.groupBy([...workloads, ...entries], ({ namespace }) => namespace);
  return new Map([...byNamespace].map(([namespace, all]) => [namespace, all.map(({ labels }) => labels)]));
}

/** Workloads are those of the namespace, gateways those of all namespaces of the scope. */
type Selection = {
  readonly selector: Labels | undefined;
  readonly path: Path;
  readonly of: 'workloads' | 'gateways';
};

function selectionsOf(resource: Resource): readonly Selection[] {
  const at = (selector: Labels | undefined, ...path: readonly string[]): Selection => {
    return { selector, path: ['spec', ...path], of: 'workloads' };
  };
  switch (resource.kind) {
    case 'Service':
      return [at(resource.spec.selector, 'selector')];
    case 'Gateway':
      return [{ ...at(resource.spec.selector, 'selector'), of: 'gateways' }];
    case 'ServiceEntry':
    case 'Sidecar':
    case 'EnvoyFilter':
      return [at(resource.spec.workloadSelector?.labels, 'workloadSelector', 'labels')];
    case 'DestinationRule':
      return [at(resource.spec.workloadSelector?.matchLabels, 'workloadSelector', 'matchLabels')];
    case 'ProxyConfig':
    case 'RateLimit':
    case 'Telemetry':
      return [at(resource.spec.selector?.matchLabels, 'selector', 'matchLabels')];
    default:
      return [];
  }
}

type Around = { readonly mesh: Pick<Mesh, 'owners'>; readonly known: Known };

function idleSelector(
  { selector = {}, path, of }: Selection,
  resource: Resource,
  { mesh, known }: Around,
): readonly Problem[] {
  const { namespace } = resource;
  if (Object.keys(selector).length === 0) return [];
  const isWide = of === 'gateways' || reachesBelow(resource, mesh);
  const all = isWide ? below(namespace, mesh, known) : (known.get(namespace) ?? []);
  if (all.length === 0 || all.some((own) => hasLabels(own, selector))) return [];
  if (isWide && !all.some((own) => mayBeMeant(own, selector))) return [];
  const where = isWide ? `that ${namespace} reaches` : `of ${namespace}`;
  const message = `no workload ${where} has the labels ${written(selector)}`;
  return [mistake(resource, path, 'FL3402', message)];
}

/** What the root namespace says of workloads is said of those of other namespaces, too. */
function reachesBelow({ kind, namespace }: Resource, mesh: Pick<Mesh, 'owners'>): boolean {
  const isSaidToAll = kind === 'EnvoyFilter' || kind === 'ProxyConfig';
  return isSaidToAll && settingsFor(mesh, namespace).rootNamespace === namespace;
}

function below(namespace: string, mesh: Pick<Mesh, 'owners'>, known: Known): readonly Labels[] {
  return [...known].flatMap(([other, all]) => (isAbove(mesh, namespace, other) ? all : []));
}

/** Labels that every workload has say nothing about which one is meant. */
const common = /^(app|version|app\.kubernetes\.io\/.*)$/;

/** Gateways are often installed from elsewhere: a workload that has none of the labels is no sign that they are known here. */
function mayBeMeant(labels: Labels, selector: Labels): boolean {
  return Object.entries(selector).some(([name, value]) => {
    return labels[name] === value || (labels[name] !== undefined && !common.test(name));
  });
}

type Target = { readonly kind: string; readonly name: string; readonly path: Path };

function targetsOf(resource: Resource): readonly Target[] {
  if (resource.kind !== 'EnvoyFilter' && resource.kind !== 'Telemetry') return [];
  const { targetRefs = [] } = resource.spec;
  const listed = targetRefs.map(({ kind, name }, index): Target => {
    return { kind, name, path: ['spec', 'targetRefs', index, 'name'] };
  });
  const one = resource.kind === 'Telemetry' ? resource.spec.targetRef : undefined;
  return one === undefined ? listed : [{ ...one, path: ['spec', 'targetRef', 'name'] }];
}

function gatewaysByNamespace(resources: readonly Resource[]): ReadonlyMap<string, ReadonlySet<string>> {
  const all = resources.filter(({ kind }) => kind === API_GATEWAY);
  const byNamespace = Map.groupBy(all, ({ namespace }) => namespace);
  return new Map(
    [...byNamespace].map(([namespace, own]) => [namespace, new Set(own.map(({ name }) => name))]),
  );
}

function idleTarget(
  { kind, name, path }: Target,
  resource: Resource,
  gateways: ReadonlyMap<string, ReadonlySet<string>>,
): readonly Problem[] {
  const own = gateways.get(resource.namespace);
  if (kind !== 'Gateway' || own === undefined || own.has(name)) return [];
  return [
    mistake(resource, path, 'FL3402', `there is no Gateway ${resource.namespace}/${name}: no proxy is its`),
  ];
}

export function written(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
