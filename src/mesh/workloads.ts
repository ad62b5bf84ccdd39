import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { ServiceEntryResource, ServiceResource, WorkloadEntryResource } from '../manifests/index.ts';
import { canonicalAddress, isIpAddress } from './hosts.ts';
import { mistake, originOf } from './mistake.ts';
import type { Defined } from './services.ts';
import type { Endpoint, Origin } from './types.ts';

type Labels = Readonly<Record<string, string>>;

/** A workload before it is bound to a service: inline in a service entry, a Pod, or a manifest of its own. */
export type Workload = {
  readonly address: string | undefined;
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  readonly locality: string;
  /** Null: nobody says. */
  readonly node: string | null;
  readonly weight: number;
  readonly namespace: string;
  readonly origin: Origin;
  readonly manifest: WorkloadEntryResource | null;
  /** `name` is the same for all addresses of a Pod; null: it is none. */
  readonly pod: { readonly name: string; readonly isReady: boolean } | null;
};

/** Endpoints of a service: those inline, or the workloads of its namespace that it selects (Istio, Kubernetes). */
export function endpointsOf(
  { service, resource }: Defined,
  workloads: readonly Workload[],
): { readonly endpoints: readonly Endpoint[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const endpoints: Endpoint[] = [];
  for (const workload of workloadsOf(resource, workloads)) {
    if (!mayServe(workload, resource)) continue;
    if (workload.address === undefined) continue;
    if (service.discovery === 'listed' && !isIpAddress(workload.address)) {
      problems.push(...hostNameProblem(workload, service.host));
      continue;
    }
    const ports = targetPorts(resource, workload);
    problems.push(...missingPorts(service.ports.length - ports.size, workload, service.host));
    const address = canonicalAddress(workload.address);
    const { labels, locality, node, weight, namespace, origin } = workload;
    if (ports.size > 0) {
      endpoints.push({
        address,
        workload: workload.pod?.name ?? null,
        ports,
        labels,
        locality,
        node,
        weight,
        namespace,
        origin,
      });
    }
  }
  problems.push(...severalProblem({ service, resource }, endpoints));
  return { endpoints: endpoints.sort(byAddress), problems };
}

/** Where each connection goes to what one name stands for then, there is no second name. A Pod's addresses are one workload. */
function severalProblem({ service, resource }: Defined, endpoints: readonly Endpoint[]): readonly Problem[] {
  if (service.discovery !== 'looked-up-anew' || resource.kind !== 'ServiceEntry') return [];
  const count = new Set(endpoints.map(({ workload, origin }) => workload ?? origin)).size;
  if (count < 2) return [];
  const message = `DNS_ROUND_ROBIN looks up one name, and ${service.host} selects ${count} workloads`;
  return [mistake(resource, ['spec', 'workloadSelector'], 'FL3306', message)];
}

/** By what a client is told, and not by where it is written: moving a manifest changes no bytes. */
export function byAddress(left: Endpoint, right: Endpoint): number {
  const portsOf = ({ ports }: Endpoint) => [...ports].join();
  return (
    byCodeUnit(left.address, right.address) ||
    byCodeUnit(portsOf(left), portsOf(right)) ||
    byCodeUnit(left.origin.document, right.origin.document)
  );
}

/** Whether `labels` has all of `selector`. */
export function hasLabels(labels: Labels, selector: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

export type Selecting = { readonly namespace: string; readonly selector: Labels | null };

/** Whether both may select one workload. */
export function mayMeet(one: Selecting, other: Selecting): boolean {
  if (one.namespace !== other.namespace) return false;
  const [left, right] = [one.selector ?? {}, other.selector ?? {}];
  return Object.entries(left).every(([name, value]) => !Object.hasOwn(right, name) || right[name] === value);
}

function workloadsOf(
  resource: ServiceResource | ServiceEntryResource,
  workloads: readonly Workload[],
): readonly Workload[] {
  if (resource.kind === 'ServiceEntry' && resource.spec.endpoints !== undefined) return inline(resource);
  if (resource.kind === 'Service' && resource.spec.type === 'ExternalName') return external(resource);
  const selector =
    resource.kind === 'Service' ? resource.spec.selector : resource.spec.workloadSelector?.labels;
  // An empty selector selects nothing: Kubernetes leaves the endpoints to somebody else.
  if (selector === undefined || Object.keys(selector).length === 0) return [];
  const [first = ['', '']] = Object.entries(selector);
  const candidates = byLabel(workloads).get(labelKey(first)) ?? [];
  return candidates.filter(({ namespace, labels }) => {
    return namespace === resource.namespace && hasLabels(labels, selector);
  });
}

/** Pods that are not ready get no requests, but of a Service that publishes them all the same (Kubernetes). */
function mayServe({ pod }: Workload, { kind, spec }: ServiceResource | ServiceEntryResource): boolean {
  return pod?.isReady !== false || (kind === 'Service' && spec.publishNotReadyAddresses === true);
}

type ByLabel = ReadonlyMap<string, readonly Workload[]>;

/** Made once for a list: each service of a namespace looks for its own among all workloads of it. */
const indexes = new WeakMap<readonly Workload[], ByLabel>();

/** Workloads by each of their labels, in the order of the list. */
function byLabel(workloads: readonly Workload[]): ByLabel {
  const known = indexes.get(workloads);
  if (known !== undefined) return known;
  const index = new Map<string, Workload[]>();
  for (const workload of workloads) {
    for (const label of Object.entries(workload.labels)) {
      const key = labelKey(label);
      const others = index.get(key);
      if (others === undefined) index.set(key, [workload]);
      else others.push(workload);
    }
  }
  indexes.set(workloads, index);
  return index;
}

/** No name of a label has a `=`. */
function labelKey([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}

/** The name of another host, at the ports of the Service. */
function external(resource: ServiceResource): readonly Workload[] {
  const { namespace, spec } = resource;
  const ports = (spec.ports ?? []).map(({ name = '', port }) => [name, port] as const);
  return [
    {
      ...{ address: spec.externalName, ports: Object.fromEntries(ports), labels: {}, namespace },
      ...{ locality: '', node: null, weight: 1, manifest: null, pod: null, origin: originOf(resource) },
    },
  ];
}

function inline(resource: ServiceEntryResource): readonly Workload[] {
  return (resource.spec.endpoints ?? []).map((endpoint, index) => ({
    address: endpoint.address,
    ports: endpoint.ports ?? {},
    labels: endpoint.labels ?? {},
    locality: endpoint.locality ?? '',
    node: null,
    weight: endpoint.weight || 1,
    namespace: resource.namespace,
    origin: { ...originOf(resource), ...resource.at(['spec', 'endpoints', index]) },
    manifest: null,
    pod: null,
  }));
}

export function fromManifest(resource: WorkloadEntryResource): Workload {
  const { spec, labels, namespace } = resource;
  return {
    address: spec.address,
    ports: spec.ports ?? {},
    // The labels of the metadata win, as in Istio.
    labels: { ...spec.labels, ...labels },
    locality: spec.locality ?? '',
    node: null,
    weight: spec.weight || 1,
    namespace,
    origin: originOf(resource),
    manifest: resource,
    pod: null,
  };
}

/**
 * Port of the workload for every port of the service that it can serve; a named target has to be in its ports. A port that a
 * manifest has for the service's own beats the target (Istio); a container's is there for a target's name alone (Kubernetes).
 */
function targetPorts(
  resource: ServiceResource | ServiceEntryResource,
  { ports, pod }: Workload,
): ReadonlyMap<number, number> {
  const targets = resource.kind === 'Service' ? serviceTargets(resource) : entryTargets(resource);
  const found = targets.flatMap(({ number, name, target }): readonly (readonly [number, number])[] => {
    const own = pod === null ? ports[name] : undefined;
    const mapped = own ?? (typeof target === 'string' ? ports[target] : target);
    return mapped === undefined ? [] : [[number, mapped]];
  });
  return new Map(found.sort(([left], [right]) => left - right));
}

type Target = { readonly number: number; readonly name: string; readonly target: number | string };

function serviceTargets({ spec }: ServiceResource): readonly Target[] {
  return (spec.ports ?? []).map(({ port, name = '', targetPort }) => {
    return { number: port, name, target: targetPort ?? port };
  });
}

function entryTargets({ spec }: ServiceEntryResource): readonly Target[] {
  return (spec.ports ?? []).map(({ number, name, targetPort }) => ({
    number,
    name,
    target: targetPort ?? number,
  }));
}

function missingPorts(count: number, { manifest }: Workload, host: string): readonly Problem[] {
  if (count === 0 || manifest === null) return [];
  return [
    mistake(manifest, ['spec', 'ports'], 'FL3304', `${host} has ${count} named port(s) that are not here`),
  ];
}

function hostNameProblem({ manifest, address }: Workload, host: string): readonly Problem[] {
  if (manifest === null) return [];
  const message = `${host} needs an IP address, not ${address}: the workload gets none of its requests`;
  return [mistake(manifest, ['spec', 'address'], 'FL3305', message)];
}
