import { apiGateway } from './api-gateway.ts';
import { ciliumClusterwideEnvoyConfig, ciliumEnvoyConfig } from './cilium-envoy-config.ts';
import { destinationRule } from './destination-rule.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { envoyFilter } from './envoy-filter.ts';
import { gateway } from './gateway.ts';
import { gatewayClass } from './gateway-class.ts';
import { grpcRoute } from './grpc-route.ts';
import { httpRoute } from './http-route.ts';
import type { Kind } from './kind.ts';
import { configMap, istioOperator, meshConfig } from './mesh-config.ts';
import { pod } from './pod.ts';
import { rateLimit } from './rate-limit.ts';
import { referenceGrant } from './reference-grant.ts';
import { service } from './service.ts';
import { serviceEntry } from './service-entry.ts';
import { serviceProfile } from './service-profile.ts';
import { sidecar } from './sidecar.ts';
import { namespace, node, proxyConfig, serviceAccount, workloadGroup } from './silent.ts';
import { telemetry } from './telemetry.ts';
import { virtualService } from './virtual-service.ts';
import { workloadEntry } from './workload-entry.ts';

/** Every kind that is honoured. A new one: its schema, its file here, and its line. */
export const kinds: readonly Kind[] = [
  ciliumClusterwideEnvoyConfig,
  ciliumEnvoyConfig,
  configMap,
  istioOperator,
  meshConfig,
  destinationRule,
  endpointSlice,
  envoyFilter,
  httpRoute,
  grpcRoute,
  apiGateway,
  gateway,
  gatewayClass,
  referenceGrant,
  namespace,
  node,
  pod,
  proxyConfig,
  rateLimit,
  service,
  serviceAccount,
  serviceEntry,
  serviceProfile,
  sidecar,
  telemetry,
  virtualService,
  workloadEntry,
  workloadGroup,
];

/** Kinds of a mesh that are not honoured yet, by API group. */
export const otherKinds: Readonly<Record<string, readonly string[]>> = {
  '': ['Endpoints'],
  'networking.k8s.io': ['Ingress', 'IngressClass'],
  'networking.istio.io': [],
  'security.istio.io': ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'],
  'extensions.istio.io': ['WasmPlugin'],
  'gateway.networking.k8s.io': ['BackendTLSPolicy', 'ListenerSet', 'TCPRoute', 'TLSRoute'],
  'split.smi-spec.io': ['TrafficSplit'],
  'consul.hashicorp.com': ['ServiceIntentions'],
  'fairlead.dev': ['Alias', 'Export'],
};
