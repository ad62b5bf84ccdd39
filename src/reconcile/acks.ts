import type { SessionStatus } from "../xds/index.ts";

/** How many connected proxies run exactly what was sent to them last. */
export function distribution(sessions: readonly SessionStatus[]): { acked: number; connected: number } {
  return { acked: sessions.filter(isSettled).length, connected: sessions.length };
}

/** Has every proxy that is connected acknowledged everything of `revision`? A rejection is no acknowledgement. */
export function allAcked(sessions: readonly SessionStatus[], revision: string): boolean {
  return sessions.every((session) => session.revision === revision && isSettled(session));
}

function isSettled(session: SessionStatus): boolean {
  return session.rejected.length === 0 && session.types.every(({ sent, acked }) => sent === acked);
}

/** Did the proxy reject a resource that a manifest of this scope is a source of? */
export function isRejectedBy(session: SessionStatus, uid: string): boolean {
  return session.rejected.some(({ sources }) => sources.some((source) => source.uid === uid));
}
