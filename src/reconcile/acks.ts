import type { SessionStatus } from '../xds/index.ts';

/** Connected streams by what became of one revision. */
export type Distributed = {
  readonly connected: number;
  readonly acked: number;
  /** Something of it was refused, by name or as a whole, and nothing is on its way any more. */
  readonly rejected: number;
};

export function distribution(sessions: readonly SessionStatus[], revision: string): Distributed {
  const acked = sessions.filter((session) => hasAcked(session, revision)).length;
  const rejected = sessions.filter((session) => !hasAcked(session, revision) && hasRejected(session)).length;
  return { connected: sessions.length, acked, rejected };
}

/** When the last connected proxy had acknowledged all of `revision`, or null where one has not, or none is connected. */
export function allAckedMs(sessions: readonly SessionStatus[], revision: string): number | null {
  const times = sessions.map((session) =>
    hasAcked(session, revision) ? session.fullyAcked?.atMs : undefined,
  );
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 || known.length < times.length ? null : Math.max(...known);
}

/** Did the proxy reject a resource that a manifest of this scope is a source of? */
export function isRejectedBy(session: SessionStatus, uid: string): boolean {
  return session.rejected.some(({ sources }) => sources.some((source) => source.uid === uid));
}

function hasAcked(session: SessionStatus, revision: string): boolean {
  return session.fullyAcked?.revision === revision;
}

function hasRejected({ rejected, types }: SessionStatus): boolean {
  return rejected.length > 0 && types.every(({ state }) => state !== 'STALE');
}
