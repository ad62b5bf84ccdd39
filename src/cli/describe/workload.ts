import { Failure } from '../../base/failure.ts';
import type { Problem } from '../../base/problem.ts';
import { nearest } from '../../manifests/index.ts';
import { type Endpoint, hasLabels } from '../../mesh/index.ts';
import type { OfflineMesh } from '../offline/source.ts';
import { addressOf, descriptionOf, type ServiceDescription, type Written, writtenAt } from './service.ts';

/** What there is to know about a workload: what it is, and which services and subsets it is part of. */
export type WorkloadDescription = Written & {
  readonly workload: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: string;
  readonly services: readonly (Omit<ServiceDescription, 'problems'> & {
    /** Port of the workload by that of the service. */
    readonly targets: Readonly<Record<string, number>>;
    /** Names of the subsets that it is part of. */
    readonly matching: readonly string[];
  })[];
  readonly gateways: readonly Written[];
  readonly problems: readonly Problem[];
};

/** By `name.namespace`, or a name that one namespace alone has. Throws Failure workload-unknown or workload-ambiguous. */
export function describeWorkload(offline: OfflineMesh, wanted: string): WorkloadDescription {
  const { mesh, endpoints } = offline;
  const all = mesh.services.flatMap((service) =>
    (endpoints.get(service.id) ?? []).map((endpoint) => ({ service, endpoint })),
  );
  const [only = '', second] = [...new Set(all.map(({ endpoint }) => nameOf(endpoint)))].filter(
    (name) => name === wanted || name.startsWith(`${wanted}.`),
  );
  const own = all.filter(({ endpoint }) => nameOf(endpoint) === only);
  const [first] = own;
  if (first === undefined)
    throw unknown(
      wanted,
      all.map(({ endpoint }) => nameOf(endpoint)),
    );
  if (second !== undefined)
    throw new Failure(
      'workload-ambiguous',
      `${wanted} may be ${only} or ${second}`,
      'write the namespace, too',
    );
  const { labels, locality, namespace, origin } = first.endpoint;
  const services = own.map(({ service, endpoint }) => {
    const { problems: _, ...described } = descriptionOf(offline, service);
    const targets = Object.fromEntries([...endpoint.ports].map(([port, target]) => [String(port), target]));
    const matching = service.subsets.filter((subset) => hasLabels(labels, subset.labels));
    return { ...described, targets, matching: matching.map(({ name }) => name) };
  });
  const gateways = mesh.gateways.filter((gateway) => {
    return gateway.namespace === namespace && hasLabels(labels, gateway.selector);
  });
  const files = new Set([origin, ...services].map(({ file }) => file));
  return {
    ...{
      workload: only,
      address: addressOf(first.endpoint),
      labels,
      locality,
      ...writtenAt(origin),
      services,
    },
    gateways: gateways.map((gateway) => writtenAt(gateway.origin)),
    problems: offline.problems.filter(({ file }) => files.has(file)),
  };
}

/** `name.namespace` of the manifest that makes it; an endpoint within another manifest is called by its address. */
function nameOf({ origin, workload, address, namespace }: Endpoint): string {
  const [kind, , name = ''] = (workload ?? origin.document).split('/');
  return `${kind === 'WorkloadEntry' || kind === 'Pod' ? name : address}.${namespace}`;
}

function unknown(wanted: string, names: readonly string[]): Failure {
  const meant = nearest(wanted, names);
  const fix = meant === null ? 'write name.namespace of a WorkloadEntry or a Pod' : `did you mean ${meant}?`;
  return new Failure('workload-unknown', `there is no workload ${wanted}`, fix);
}
