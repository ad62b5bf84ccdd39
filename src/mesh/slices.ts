import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import { type EndpointSliceResource, serviceLabel } from '../manifests/index.ts';
import { codes } from './codes.ts';
import { canonicalAddress, serviceHost } from './hosts.ts';
import { mistake, originOf } from './mistake.ts';
import type { Pods } from './pods.ts';
import type { Defined } from './services.ts';
import type { Endpoint, Service } from './types.ts';
import { byAddress, hasLabels } from './workloads.ts';

type Slice = EndpointSliceResource;
type SliceEndpoint = NonNullable<Slice['spec']['endpoints']>[number];
type Ports = Endpoint['ports'];

/** Slices by the id of the service that they name. */
export type SlicesByService = ReadonlyMap<string, readonly Slice[]>;

export function slicesByService(slices: readonly Slice[]): SlicesByService {
  return Map.groupBy(slices, ({ namespace, labels }) => {
    return `${namespace}/${serviceHost(labels[serviceLabel] ?? '', namespace)}`;
  });
}

/**
 * The endpoints of a Service with those of its slices. As kube-proxy has it, those that are ready count, and where there
 * is none those that still serve while they terminate; all of them where the Service publishes what is not ready. The
 * slice's port number is the truth, whatever the Service's targetPort. A workload that is a manifest of its own, too,
 * says more about itself (labels, locality, weight): the slice's endpoint gives way. Labels are those of its Pod, if that is
 * there, and its Node says where it is.
 */
export function withSlices(
  { service, resource }: Defined,
  workloads: readonly Endpoint[],
  slices: SlicesByService,
  pods: Pods,
): { readonly endpoints: readonly Endpoint[]; readonly problems: readonly Problem[] } {
  const own = slices.get(service.id);
  if (own === undefined || resource.kind !== 'Service') return { endpoints: workloads, problems: [] };
  const all = own.flatMap((slice) => endpointsIn(slice, portsOf(slice, service), pods));
  const ready = all.filter(({ written }) => resource.spec.publishNotReadyAddresses || isReady(written));
  const chosen = ready.length > 0 ? ready : all.filter(({ written }) => isStillServing(written));
  const fresh = added(workloads, chosen.map(({ endpoint }) => endpoint).sort(byLocality));
  return {
    endpoints: [...workloads, ...fresh].sort(byAddress),
    problems: [...unknownNames(own, service), ...missingPorts(own, service, workloads)],
  };
}

/** Slices whose Service is not there. */
export function danglingSlices(slices: SlicesByService, services: readonly Defined[]): readonly Problem[] {
  const known = services.filter(({ resource }) => resource.kind === 'Service');
  const ids = new Set(known.map(({ service }) => service.id));
  const dangling = [...slices].flatMap(([id, all]) => (ids.has(id) ? [] : all));
  return dangling.map((slice) => {
    const message = `there is no Service ${slice.labels[serviceLabel]} in the namespace ${slice.namespace}`;
    return mistake(slice, ['metadata', 'labels', serviceLabel], 'FL3322', message);
  });
}

/** Subsets that none of the endpoints is in, where slices gave some: theirs have no labels, which are their Pods'. */
export function emptySubsets({ service }: Defined, endpoints: readonly Endpoint[]): readonly Problem[] {
  const isSliced = endpoints.some(({ origin }) => origin.document.startsWith('EndpointSlice/'));
  const isOneName = endpoints.length > 0 && service.discovery === 'looked-up-anew';
  if (!isSliced && !isOneName) return [];
  const empty = service.subsets.filter(
    (subset) => !endpoints.some((each) => hasLabels(each.labels, subset.labels)),
  );
  const [why, fix] = isSliced
    ? ['those of an EndpointSlice have the labels of their Pods alone', codes.FL3325.fix]
    : ['the one endpoint of the host has other labels', 'give the endpoint the labels of the subset'];
  return empty.map(({ name, origin: { file, line, column } }) => {
    const message = `subset ${name} of ${service.host} has no endpoint: ${why}`;
    return { code: 'FL3325', severity: 'warning', message, fix, file, line, column };
  });
}

type Candidate = { readonly endpoint: Endpoint; readonly written: SliceEndpoint };

function endpointsIn(slice: Slice, ports: Ports, { labels, nodes }: Pods): readonly Candidate[] {
  if (ports.size === 0) return [];
  return (slice.spec.endpoints ?? []).map((written, index) => {
    const {
      addresses,
      zone,
      nodeName = null,
      targetRef: { kind, namespace = slice.namespace, name } = {},
    } = written;
    const workload = kind === undefined || name === undefined ? null : `${kind}/${namespace}/${name}`;
    const endpoint: Endpoint = {
      address: canonicalAddress(addresses[0] ?? ''),
      workload,
      ports,
      labels: kind === 'Pod' ? (labels.get(`${namespace}/${name}`) ?? {}) : {},
      locality: nodes.get(nodeName ?? '') || (zone === undefined ? '' : `/${zone}`),
      node: nodeName,
      weight: 1,
      namespace: slice.namespace,
      origin: { ...originOf(slice), ...slice.at(['endpoints', index]) },
    };
    return { endpoint, written };
  });
}

/** Nothing else passes through proxies. */
function isTcp({ protocol = 'TCP' }: NonNullable<Slice['spec']['ports']>[number]): boolean {
  return protocol === 'TCP';
}

/** Ports of the Service that the slice has, by name. */
function portsOf({ spec }: Slice, { ports }: Pick<Service, 'ports'>): Ports {
  const seen = (spec.ports ?? []).filter(isTcp);
  const numbers = new Map(seen.map(({ name = '', port }) => [name, port]));
  return new Map(
    ports.flatMap(({ name, number }): readonly (readonly [number, number])[] => {
      const target = numbers.get(name);
      return target === undefined ? [] : [[number, target]];
    }),
  );
}

/** Kubernetes: what is not said of readiness is taken for ready. */
function isReady({ conditions }: SliceEndpoint): boolean {
  return conditions?.ready ?? true;
}

function isStillServing({ conditions }: SliceEndpoint): boolean {
  return conditions?.terminating === true && (conditions.serving ?? conditions.ready ?? true);
}

/** What the slices add to the workloads, each address and port once: several slices may hold one endpoint. */
function added(workloads: readonly Endpoint[], endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const keysOf = ({ address, ports }: Endpoint) =>
    [...ports].map(([port, target]) => `${canonicalAddress(address)} ${port} ${target}`);
  const taken = new Set(workloads.flatMap(keysOf));
  return endpoints.flatMap((endpoint) => {
    const fresh = [...endpoint.ports].filter((_, index) => !taken.has(keysOf(endpoint)[index] ?? ''));
    for (const key of keysOf(endpoint)) taken.add(key);
    return fresh.length === 0 ? [] : [{ ...endpoint, ports: new Map(fresh) }];
  });
}

/** A port of a slice that its Service lacks, by name. */
function unknownNames(slices: readonly Slice[], { host, ports }: Service): readonly Problem[] {
  return slices.flatMap((slice) =>
    (slice.spec.ports ?? []).flatMap((written, index) => {
      const { name = '' } = written;
      if (!isTcp(written) || ports.some((port) => port.name === name)) return [];
      const what = name === '' ? 'a port without a name' : `a port named ${name}`;
      return [mistake(slice, ['ports', index, 'name'], 'FL3323', `${host} has not ${what}`)];
    }),
  );
}

/** A port of a Service at which none of all these endpoints serves. */
function missingPorts(
  slices: readonly Slice[],
  { host, ports }: Service,
  endpoints: readonly Endpoint[],
): readonly Problem[] {
  const [first] = slices.filter(({ spec }) => (spec.endpoints ?? []).length > 0);
  if (first === undefined) return [];
  const served = new Set([
    ...endpoints.flatMap((endpoint) => [...endpoint.ports.keys()]),
    ...slices.flatMap((slice) => [...portsOf(slice, { ports }).keys()]),
  ]);
  return ports
    .filter(({ number }) => !served.has(number))
    .map(({ name, number }) => {
      const port = name === '' ? `${number}` : `${name} (${number})`;
      return mistake(first, ['ports'], 'FL3324', `no slice of ${host} has its port ${port}`);
    });
}

/** Which of two that have one address is taken does not depend on their files. */
function byLocality(left: Endpoint, right: Endpoint): number {
  return byCodeUnit(left.locality, right.locality);
}
