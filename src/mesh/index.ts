/**
 * `mesh`: what should the mesh be?
 *
 * Takes what all scopes say and guarantees to `translate`: hosts are in full and lower case; every service and routing
 * is defined by the one scope that owns its host, or is visible to its own scope alone where nobody does; no two services
 * visible to one client share a host, and routings that do are of one scope, to be merged (`mergeByHost`); names, subsets and endpoints are in a fixed order;
 * endpoints of a listed service are IP addresses. A destination may name what does not exist or what a client cannot
 * see: that is a value, to be answered 503. The result depends on the resources alone, not on the order of scopes.
 *
 * Refuses, as problems at a place: manifests in another scope's namespace, hosts of another scope, wildcards that
 * reach into one, and conflicts, of which neither side is honoured (`docs/problems.md`, FL3101 to FL3362).
 *
 * A `VirtualService` whose destination is missing stays in force: default routing in its place would send requests
 * where nobody wanted them. Several for one host are merged where no request fits two of them, and else left out, since none
 * can be preferred; so are an HTTPRoute and a VirtualService, and HTTPRoutes with one match for one port of a Service. What is
 * private to a namespace stands there for what others say (`heard`). A consumer's route contradicts nobody: it is
 * for its own clients, and beats the producer's there.
 */
export { advise, adviseOfIdle } from './advice.ts';
export { type Amendment, amendmentsOf, type Change } from './amendments.ts';
export type { ApiStatus } from './api-status.ts';
export { apiStatuses, type Built, build, createBuilder } from './build.ts';
export { withDefaults } from './client-defaults.ts';
export { treatment } from './client-rules.ts';
export { codes as meshCodes, warnings as meshWarnings } from './codes.ts';
export { type Decision, decisionOf } from './decisions.ts';
export { MESH, meet } from './gateways.ts';
export { canonicalAddress, covers } from './hosts.ts';
export type { Interception } from './interceptions.ts';
export { type Bad, lastGood } from './last-good.ts';
export type { CertificateHeader, Incoming, Manners } from './manners.ts';
export { mergeByHost, mergedRouting } from './merge-routings.ts';
export { isVisible, ownerOfNamespace } from './ownership.ts';
export { policyOf } from './policies.ts';
export type * from './policy-types.ts';
export { heard } from './private.ts';
export { carriesHttp } from './protocol.ts';
export { type Quota, type QuotaRule, quotasOf } from './quotas.ts';
export type * from './report-types.ts';
export { reportsOf, type Told } from './reports.ts';
export { settingsFor } from './root.ts';
export { originOfAction, ruleOrigin } from './rule-places.ts';
export { importedPorts, isImported, type Limits, limitsOf } from './sidecars.ts';
export type * from './types.ts';
export { hasLabels } from './workloads.ts';
