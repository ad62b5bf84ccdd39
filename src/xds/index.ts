/**
 * xds: serves snapshots to proxies, as delta ADS (xds_protocol.rst).
 *
 * Guarantees: a proxy ends with exactly its snapshot, whatever it refuses, unsubscribes or forgets in between; it is
 * never left with a reference to something that was taken away first (within `removalTimeoutMs`); only what changed
 * is sent, and a publish that changes nothing sends nothing; what a proxy refused is named with file and line, and it
 * and what newly refers to it are all that is held back; one broken stream never disturbs another.
 * Refuses: streams whose first request does not say who the proxy is, and bytes that are no request.
 * Does not: check snapshots (translate does), authenticate proxies, listen on anything but plain gRPC.
 *
 * To read: `subscription.ts` (one type), `ordering.ts` (between types), `session.ts` (one stream, pure so far),
 * `wire.ts`, `stream.ts`, `server.ts`.
 */
export { createXdsServer, type XdsServer } from './server.ts';
export type { SessionStatus } from './status.ts';
