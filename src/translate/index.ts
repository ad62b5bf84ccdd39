/**
 * `translate`: what must each proxy hear?
 *
 * Takes a mesh, its endpoints and one proxy, and guarantees to `xds`: a snapshot whose references are closed, whose
 * names are unique, whose listeners have an address each, and whose bytes and versions depend on the arguments alone,
 * so that what did not change is not sent. Names and defaults are Istio's, for Envoy as it is released. Every resource
 * says in band which scope and document it is from, and in `sources` on which lines.
 *
 * What manifests change of all that in the end, in Envoy's own words (`amend.ts`), is for the proxies of its own scope.
 *
 * Refuses nothing that a user wrote: what a client cannot reach is answered 503, an address that two services want is
 * the nearest one's or nobody's, and a change of which no Envoy could make something is left out (`Snapshot.skipped`). A
 * proxy that does not say who it is, is refused by `parseProxy`; one in a namespace that nobody owns hears nothing. A
 * snapshot that breaks a promise is a bug, and throws.
 */
export { originBehind } from './behind.ts';
export { bootstrap } from './bootstrap.ts';
export { tryChanges } from './idle-changes.ts';
export { parseProxy } from './proxy.ts';
export { staticBootstrap } from './static.ts';
export { translate } from './translate.ts';
export { createTranslator } from './translator.ts';
export type * from './types.ts';
