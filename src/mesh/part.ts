import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../base/problem.ts';
import type {
  DestinationRuleResource,
  Resource,
  VirtualServiceResource,
  WorkloadEntryResource,
} from '../manifests/index.ts';
import { type Amendment, withoutRivalAmendments } from './amendments.ts';
import { isApiGateway, readApiGateways } from './api-gateways.ts';
import { nameFor } from './claim.ts';
import { withoutContradictions } from './contradictions.ts';
import { type Delegates, delegatesAmong, isDelegate } from './delegates.ts';
import { type Gateways, readGateway, withoutRivals } from './gateways.ts';
import { readGrants } from './grants.ts';
import { type Interception, readInterceptions } from './interceptions.ts';
import { byPlace, mistake } from './mistake.ts';
import { ownerOfNamespace, ownerOfScope } from './ownership.ts';
import { type Pods, readPods } from './pods.ts';
import { type Profiled, readProfile, withBudgets } from './profiles.ts';
import { type Quota, readQuotas } from './quotas.ts';
import type { Reporting } from './report-types.ts';
import { withoutRivalReportings } from './reports.ts';
import type { RouteResource } from './route-rules.ts';
import { type DefinedRouting, readRoutings } from './routing.ts';
import { type Defined, readService, readServiceEntry } from './services.ts';
import { rivalSettings } from './settings.ts';
import { withoutRivalSidecars } from './sidecars.ts';
import { type SlicesByService, slicesByService } from './slices.ts';
import type { Owner, Sidecar } from './types.ts';

/** What one scope brings to the mesh, as far as its own resources and the owners tell; in the order of its files. */
export type Part = {
  readonly candidates: readonly Defined[];
  readonly rules: readonly DestinationRuleResource[];
  readonly workloads: readonly WorkloadEntryResource[];
  readonly pods: Pods;
  readonly slices: SlicesByService;
  readonly routings: readonly DefinedRouting[];
  readonly profiles: readonly Profiled[];
  /** Delegates of other scopes that were looked up, by `namespace/name`; null: not there. */
  readonly asked: ReadonlyMap<string, VirtualServiceResource | null>;
  /** Those of them that are handed to. */
  readonly foreignDelegates: readonly VirtualServiceResource[];
  /** Delegates of its own that it hands nothing on to. */
  readonly unusedDelegates: readonly VirtualServiceResource[];
  readonly gateways: Gateways;
  readonly routes: readonly RouteResource[];
  readonly sidecars: readonly Sidecar[];
  readonly amendments: readonly Amendment[];
  readonly reportings: readonly Reporting[];
  readonly interceptions: readonly Interception[];
  readonly quotas: readonly Quota[];
  readonly problems: readonly Problem[];
};

/** `resources` are those of one scope, `others` the delegates of all. */
export function readPart(resources: readonly Resource[], owners: readonly Owner[], others: Delegates): Part {
  const problems: Problem[] = [];
  const own = owned(resources, owners, problems).toSorted((left, right) =>
    byPlace(left.source, right.source),
  );
  problems.push(...rivalSettings(own));
  const candidates = own.flatMap((resource): readonly Defined[] => {
    if (resource.kind === 'Service') return [readService(resource, owners)];
    if (resource.kind !== 'ServiceEntry') return [];
    const read = readServiceEntry(resource, owners);
    problems.push(...read.problems);
    return read.defined;
  });
  const profiles = own.filter((resource) => resource.kind === 'ServiceProfile').map(readProfile);
  const delegates = delegatesAmong(own);
  const asked = new Map<string, VirtualServiceResource | null>();
  const routings = own.flatMap((resource) => {
    if (resource.kind !== 'VirtualService' || isDelegate(resource)) return [];
    const read = readRoutings(resource, owners, { own: delegates, others, asked });
    problems.push(...read.problems);
    return read.defined;
  });
  const used = new Set(routings.flatMap(({ handedTo }) => handedTo.map(({ delegate }) => delegate)));
  const isOwn = (delegate: VirtualServiceResource) =>
    delegates.get(`${delegate.namespace}/${delegate.name}`) === delegate;
  return {
    candidates: profiles.length === 0 ? candidates : withBudgets(candidates, profiles),
    rules: own.filter((resource) => resource.kind === 'DestinationRule'),
    workloads: own.filter((resource) => resource.kind === 'WorkloadEntry'),
    pods: readPods(own),
    slices: slicesByService(own.filter((resource) => resource.kind === 'EndpointSlice')),
    routings: withoutContradictions(routings, problems),
    profiles,
    asked,
    foreignDelegates: [...used].filter((delegate) => !isOwn(delegate)),
    unusedDelegates: [...delegates.values()].filter((delegate) => !used.has(delegate)),
    gateways: readGateways(own, owners, problems),
    routes: own.filter((resource) => resource.kind === 'HTTPRoute' || resource.kind === 'GRPCRoute'),
    sidecars: withoutRivalSidecars(
      own.filter((resource) => resource.kind === 'Sidecar'),
      problems,
    ),
    amendments: withoutRivalAmendments(
      own.filter((resource) => resource.kind === 'EnvoyFilter'),
      problems,
    ),
    quotas: readQuotas(
      own.filter((resource) => resource.kind === 'RateLimit'),
      problems,
    ),
    reportings: withoutRivalReportings(
      own.filter((resource) => resource.kind === 'Telemetry'),
      owners,
      problems,
    ),
    interceptions: readInterceptions(
      own.filter(
        (resource) =>
          resource.kind === 'CiliumEnvoyConfig' || resource.kind === 'CiliumClusterwideEnvoyConfig',
      ),
      candidates,
      problems,
    ),
    problems,
  };
}

function readGateways(own: readonly Resource[], owners: readonly Owner[], problems: Problem[]): Gateways {
  const classes = own.filter((resource) => resource.kind === 'GatewayClass');
  const owner = own[0] && ownerOfScope(owners, own[0].source.uid);
  const known = { own: classes, all: owner?.gatewayClasses ?? {} };
  const { defined, ...api } = readApiGateways(own.filter(isApiGateway), known, problems);
  const istio = own.filter((resource) => resource.kind === 'Gateway').map(readGateway);
  const grants = readGrants(own.filter((resource) => resource.kind === 'ReferenceGrant'));
  const labelled = own.filter(({ kind, labels }) => kind === 'Namespace' && Object.keys(labels).length > 0);
  const namespaceLabels = new Map(labelled.map(({ name, labels }) => [name, labels]));
  return withoutRivals([...istio, ...defined], { ...api, grants, namespaceLabels }, problems);
}

/** What of a part says the same as before, origins included, is the same object as before: an edit ends where it changes nothing. */
export function partLike(now: Part, before: Part | undefined): Part {
  if (before === undefined) return now;
  return {
    candidates: alike(now.candidates, before.candidates),
    rules: alike(now.rules, before.rules),
    workloads: alike(now.workloads, before.workloads),
    pods: alike(now.pods, before.pods),
    slices: alike(now.slices, before.slices),
    routings: alike(now.routings, before.routings),
    profiles: alike(now.profiles, before.profiles),
    asked: now.asked,
    foreignDelegates: now.foreignDelegates,
    unusedDelegates: now.unusedDelegates,
    gateways: alike(now.gateways, before.gateways),
    routes: alike(now.routes, before.routes),
    sidecars: alike(now.sidecars, before.sidecars),
    amendments: alike(now.amendments, before.amendments),
    quotas: alike(now.quotas, before.quotas),
    reportings: alike(now.reportings, before.reportings),
    interceptions: alike(now.interceptions, before.interceptions),
    problems: alike(now.problems, before.problems),
  };
}

function alike<T>(now: T, before: T): T {
  return isDeepStrictEqual(now, before) ? before : now;
}

/** What has no namespace, or says nothing by it. */
const clusterWide: ReadonlySet<Resource['kind']> = new Set([
  'CiliumClusterwideEnvoyConfig',
  'GatewayClass',
  'IstioOperator',
  'MeshConfig',
  'Node',
]);

/** Resources in namespaces of their own scope. */
function owned(
  resources: readonly Resource[],
  owners: readonly Owner[],
  problems: Problem[],
): readonly Resource[] {
  return resources.filter((resource) => {
    if (clusterWide.has(resource.kind)) return true;
    const namespace = resource.kind === 'Namespace' ? resource.name : resource.namespace;
    const owner = ownerOfNamespace(owners, namespace);
    if (owner?.uid === resource.source.uid) return true;
    const whose = owner === null ? 'no single scope owns' : `${nameFor(resource.source.scope, owner)} owns`;
    const message = `${whose} the namespace ${namespace}, ${resource.source.scope} does not`;
    problems.push(mistake(resource, ['metadata', 'namespace'], 'FL3101', message));
    return false;
  });
}
