import type { NodeResource, PodResource, Resource } from '../manifests/index.ts';
import { originOf } from './mistake.ts';
import type { Workload } from './workloads.ts';

/** The Pods of a scope as workloads, one for each address, and where its Nodes are. */
export type Pods = {
  readonly workloads: readonly Workload[];
  /** By `namespace/name`. */
  readonly labels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Localities by the name of the Node. */
  readonly nodes: ReadonlyMap<string, string>;
};

export function readPods(resources: readonly Resource[]): Pods {
  const nodes = new Map(
    resources
      .filter((resource) => resource.kind === 'Node')
      .map((node): [string, string] => [node.name, localityOf(node)]),
  );
  const pods = resources.filter((resource) => resource.kind === 'Pod');
  return {
    workloads: pods.flatMap((pod) => workloadsOf(pod, nodes)),
    labels: new Map(pods.map(({ namespace, name, labels }) => [`${namespace}/${name}`, labels])),
    nodes,
  };
}

/** Kubernetes' labels of the region and the zone, and Istio's of the subzone. */
function localityOf({ labels }: NodeResource): string {
  const { 'topology.kubernetes.io/region': region = '', 'topology.kubernetes.io/zone': zone = '' } = labels;
  const parts = [region, zone, labels['topology.istio.io/subzone'] ?? ''];
  return parts.join('/').replace(/\/+$/, '');
}

function workloadsOf(pod: PodResource, nodes: Pods['nodes']): readonly Workload[] {
  const { namespace, name, labels, spec } = pod;
  return spec.addresses.map((address) => ({
    ...{ address, labels, namespace, ports: spec.ports, weight: 1, manifest: null },
    locality: labels['istio-locality']?.replaceAll('.', '/') ?? nodes.get(spec.node ?? '') ?? '',
    node: spec.node,
    origin: originOf(pod),
    pod: { name: `Pod/${namespace}/${name}`, isReady: spec.isReady },
  }));
}
