/**
 * xds: serves snapshots to proxies (xds_protocol.rst): state of the world and delta, aggregated (ADS) and one service for
 * each type (CDS, EDS, LDS, RDS), all over one state machine.
 *
 * Guarantees: a proxy ends with exactly its snapshot, whatever it refuses, unsubscribes or forgets in between; it is
 * never left with a reference to something that was taken away first (within `removalTimeoutMs`); only what changed
 * is sent, and a publish that changes nothing sends nothing; what a proxy refused is named with file and line, and it
 * and what newly refers to it are all that is held back; one broken stream never disturbs another.
 *
 * Order holds within an ADS stream, and across the per-type streams of one proxy on one connection, which is how an
 * Envoy opens them; streams on different connections know nothing of each other. A state-of-the-world client that comes
 * back does not say what it has: what it used of clusters that are gone breaks until its routes arrive. Delta clients do
 * say it, and have no such gap.
 *
 * Refuses: streams whose first request does not say who the proxy is, bytes that are no request, a type on the stream
 * of another, and what exceeds `limits.ts`.
 * Does not: check snapshots (translate does), authenticate proxies, listen on anything but plain gRPC, answer the unary
 * `Fetch…` methods, know aliases (D9), TTLs or the prefixes of xdstp globs (W7): a glob is a name like any other; nor
 * `ResourceError` (C9), which no client reads yet.
 *
 * Beside them: CSDS (what each client acknowledged and refused), gRPC health (NOT_SERVING until there is something to
 * serve, and while draining) and reflection.
 *
 * To read: `subscription.ts` (one type), `ordering.ts` (between types), `client.ts` (between streams), `session.ts` (one
 * stream, pure so far), `delta.ts` and `sotw.ts` (the variants), `stream.ts`, `services.ts`, `server.ts`.
 */
export { createXdsServer } from './mesh-server.ts';
export type { XdsObserver } from './observer.ts';
export type { ProxyStatus } from './proxies.ts';
export { createResourceServer, type RawResource } from './resource-server.ts';
export type { XdsServer } from './server.ts';
export type { SessionStatus } from './status.ts';
