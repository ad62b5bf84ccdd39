/**
 * `manifests`: what does a scope say?
 *
 * Takes a `VerifiedScope` and guarantees to `mesh`: every resource has an honoured kind and version, fits its schema to
 * the last field, stands in a namespace that the scope owns, and is the only one of its kind, namespace and name in
 * the scope; `source` and `at()` say where it is written. Specs are as written: no defaults, no resolved names.
 *
 * Refuses, as problems with a file, line, column, stable code and fix (`docs/problems.md`): YAML beyond the 1.2 core
 * (anchors, aliases, tags, merge keys, directives), what it does not know, what it knows and cannot honour,
 * secrets. A problem of severity `error` leaves out its own document; a scope with one is served as it was (`mesh/last-good.ts`).
 */
export type {
  ApiGatewayListener,
  ApiLabelSelector,
  ClientTls,
  ConnectionPool,
  ConsistentHash,
  EnvoyMatch,
  EnvoyPatch as WrittenChange,
  ExtensionProvider,
  GatewayTls,
  GRPCMethodMatch,
  GRPCRouteMatch,
  HeaderOperations,
  HTTPBackend,
  HTTPCorsFilter,
  HTTPHeaderFilter,
  HTTPNamedMatch,
  HTTPPathModifier,
  HTTPRouteFilter,
  HTTPRouteMatch,
  HTTPRouteRule,
  HttpCors,
  HttpDirectResponse,
  HttpFault,
  HttpMatch,
  HttpRedirect,
  HttpRoute,
  Keepalive,
  LoadBalancer,
  LocalityLbSetting,
  MeshConfigSpec,
  OpenTelemetryProvider,
  OutlierDetection,
  PresenceOrMatch,
  ProfileCondition,
  ProfileResponse,
  ProfileResponseClass,
  ProfileRoute,
  Retries as WrittenRetries,
  RouteDestination,
  ServiceEntryPort,
  ServicePort,
  SpanTag as WrittenSpanTag,
  StringMatch,
  TcpMatch,
  TlsMatch,
  TrafficPolicy as WrittenPolicy,
  Tunnel as WrittenTunnel,
} from '../generated/schemas/index.ts';
export { codes as manifestCodes } from './codes.ts';
export { contradict } from './contradict.ts';
export { durationMs } from './duration.ts';
export {
  fieldsOf as envoyFields,
  isDefault,
  messageNameOf,
  messageType,
  protoName,
} from './envoy-message.ts';
export { warnings as manifestWarnings } from './finding.ts';
export { API_GATEWAY } from './kinds/api-gateway.ts';
export { APPLICATION } from './kinds/cilium-envoy-config.ts';
export { serviceLabel } from './kinds/endpoint-slice.ts';
export { isGateway } from './kinds/envoy-filter.ts';
export { controllerName } from './kinds/gateway-class.ts';
export { areHonoured } from './kinds/http-route-filters.ts';
export { collectorOf, fieldsOf } from './kinds/providers.ts';
export { fitsRegex } from './kinds/regex.ts';
export { isCore } from './kinds/route-parents.ts';
export { isTagValue } from './kinds/tag-values.ts';
export { nearest } from './nearest.ts';
export { type OtherManifest, readOffline, type WorkloadLabels } from './offline.ts';
export { readManifests } from './read.ts';
export { readSingle } from './single.ts';
export type * from './types.ts';
