import type { Problem } from '../base/problem.ts';
import type {
  ApiGatewaySpec,
  DestinationRuleSpec,
  EndpointSliceManifest,
  EnvoyFilterSpec,
  GatewayClassSpec,
  GatewaySpec,
  GRPCRouteSpec,
  HTTPRouteSpec,
  MeshConfigSpec,
  ProxySelector,
  RateLimitSpec,
  ReferenceGrantSpec,
  ServiceEntrySpec,
  ServiceProfileSpec,
  ServiceSpec,
  SidecarSpec,
  TelemetrySpec,
  VirtualServiceSpec,
  WorkloadEntrySpec,
} from '../generated/schemas/index.ts';
import type { VerifiedScope } from '../governance/index.ts';
import type { Fields } from './envoy-message.ts';
import type { API_GATEWAY } from './kinds/api-gateway.ts';

/** Counted from 1, columns in UTF-16 units. */
export type Position = { readonly line: number; readonly column: number };

/** Keys and indexes from a document's root: `['spec', 'http', 0, 'route']`. */
export type Path = readonly (string | number)[];

/** Where a resource is written. `file` is relative to the mesh path. */
export type Source = Position & { readonly scope: string; readonly uid: string; readonly file: string };

/** What resources of all kinds have. */
export type About = {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: Source;
  /** Position of the value at `path` in the source, or of the nearest thing above it that is written there. */
  at(path: Path): Position;
};

type ResourceOf<Kind extends string, Spec> = About & { readonly kind: Kind; readonly spec: Spec };

/** It says nothing to proxies; whom it is for can be said. */
type ProxyConfigResource = ResourceOf<'ProxyConfig', { readonly selector: ProxySelector }>;

/** A Service with what its annotations say. */
export type WrittenService = Omit<ServiceSpec, 'trafficDistribution'> & {
  readonly exportTo?: readonly string[];
  readonly trafficDistribution?: NonNullable<ServiceSpec['trafficDistribution']> | 'Any';
};

export type ServiceResource = ResourceOf<'Service', WrittenService>;
export type ServiceEntryResource = ResourceOf<'ServiceEntry', ServiceEntrySpec>;
export type ServiceProfileResource = ResourceOf<'ServiceProfile', ServiceProfileSpec>;
export type WorkloadEntryResource = ResourceOf<'WorkloadEntry', WorkloadEntrySpec>;
export type VirtualServiceResource = ResourceOf<'VirtualService', VirtualServiceSpec>;
export type HTTPRouteResource = ResourceOf<'HTTPRoute', HTTPRouteSpec>;
export type GRPCRouteResource = ResourceOf<'GRPCRoute', GRPCRouteSpec>;
export type ApiGatewayResource = ResourceOf<typeof API_GATEWAY, ApiGatewaySpec>;
export type GatewayClassResource = ResourceOf<'GatewayClass', GatewayClassSpec>;
export type ReferenceGrantResource = ResourceOf<'ReferenceGrant', ReferenceGrantSpec>;
export type GatewayResource = ResourceOf<'Gateway', GatewaySpec>;
export type DestinationRuleResource = ResourceOf<'DestinationRule', DestinationRuleSpec>;

/** What a Pod says of itself; `ports` by name. `addresses`: of both families; none until it runs, or once it has ended. */
export type WrittenPod = {
  readonly node: string | null;
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  readonly ports: Readonly<Record<string, number>>;
};

export type PodResource = ResourceOf<'Pod', WrittenPod>;
/** Its labels say where it is. A Node has no namespace. */
export type NodeResource = ResourceOf<'Node', null>;
/** Read, and of no consequence for proxies. */
type SilentResource = ResourceOf<'IstioOperator' | 'Namespace' | 'ServiceAccount' | 'WorkloadGroup', null>;

/** What a scope says for itself and those below it. Its namespace says nothing. */
type MeshConfigResource = ResourceOf<'MeshConfig', MeshConfigSpec>;
export type SidecarResource = ResourceOf<'Sidecar', SidecarSpec>;
export type RateLimitResource = ResourceOf<'RateLimit', RateLimitSpec>;
export type TelemetryResource = ResourceOf<'Telemetry', TelemetrySpec>;

/** Values of its patches are canonical: the fields of messages have the names of Envoy's documentation. */
type EnvoyFilterResource = ResourceOf<'EnvoyFilter', EnvoyFilterSpec>;
/** What changes the configuration that proxies hear. */
export type AmendingResource = EnvoyFilterResource;

/** What stands before the application of Services. */
export type WrittenInterception = {
  readonly services: readonly {
    readonly name: string;
    readonly namespace: string;
    /** Of the Service; null: all. */
    readonly ports: readonly number[] | null;
    /** Network filters of Envoy; none: requests pass as ever. */
    readonly filters: readonly Fields[];
  }[];
  /** Clusters of Envoy that the filters name. */
  readonly clusters: readonly Fields[];
};

export type CiliumEnvoyConfigResource =
  | ResourceOf<'CiliumEnvoyConfig', WrittenInterception>
  | ResourceOf<'CiliumClusterwideEnvoyConfig', WrittenInterception>;

export type EndpointSliceResource = ResourceOf<
  'EndpointSlice',
  Pick<EndpointSliceManifest, 'addressType' | 'endpoints' | 'ports'>
>;

/** A manifest that is honoured in full. Absent fields are absent: defaults belong to `mesh`. */
export type Resource =
  | ServiceResource
  | ServiceEntryResource
  | WorkloadEntryResource
  | VirtualServiceResource
  | ServiceProfileResource
  | HTTPRouteResource
  | GRPCRouteResource
  | ApiGatewayResource
  | GatewayClassResource
  | ProxyConfigResource
  | ReferenceGrantResource
  | DestinationRuleResource
  | EndpointSliceResource
  | DestinationRuleResource
  | PodResource
  | NodeResource
  | SilentResource
  | MeshConfigResource
  | SidecarResource
  | EnvoyFilterResource
  | TelemetryResource
  | CiliumEnvoyConfigResource
  | RateLimitResource
  | GatewayResource;

/** What one scope says. */
export type ScopeResources = {
  readonly scope: VerifiedScope;
  /** In byte order of their files, then as written. */
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
};
