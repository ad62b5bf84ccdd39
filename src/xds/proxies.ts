import type { SessionStatus } from './status.ts';
import { ORDER } from './types.ts';

type TypeStatus = SessionStatus['types'][number];

/** What all streams of one proxy come to: one, with ADS; without it, one for each type and often for each resource. */
export type ProxyStatus = Omit<SessionStatus, 'service'> & {
  readonly services: 'ads' | 'per-type';
  readonly streams: number;
};

/** One proxy; `sessions` are those of its streams, at least one, in the order in which they were opened. */
export function proxyStatus(sessions: readonly [SessionStatus, ...SessionStatus[]]): ProxyStatus {
  const [first] = sessions;
  const { id, proxy, protocol, service, connectedAtMs } = first;
  const { revision } = sessions.at(-1) ?? first; // streams are served in this order
  return {
    ...{ id, proxy, protocol, connectedAtMs, revision },
    services: service === 'ADS' ? 'ads' : 'per-type',
    streams: sessions.length,
    fullyAcked: fullyAcked(sessions),
    types: types(sessions),
    rejected: distinct(sessions.flatMap(({ rejected }) => rejected)),
    conditions: distinct(sessions.flatMap(({ conditions }) => conditions)),
  };
}

/** What the slowest stream has acknowledged, the others have too; where all are equal, when the last one had. */
function fullyAcked(sessions: readonly SessionStatus[]): SessionStatus['fullyAcked'] {
  const acked = sessions.flatMap((session) => session.fullyAcked ?? []);
  if (acked.length < sessions.length) return null;
  const byTime = acked.toSorted((left, right) => left.atMs - right.atMs);
  const [slowest = null] = byTime;
  const all = acked.every(({ push }) => push === slowest?.push);
  return all ? (byTime.at(-1) ?? null) : slowest;
}

function types(sessions: readonly SessionStatus[]): readonly TypeStatus[] {
  const each = sessions.flatMap((session) => session.types);
  const names = new Set([...ORDER, ...each.map(({ typeUrl }) => typeUrl)]);
  return [...names].map((typeUrl) =>
    together(
      typeUrl,
      each.filter((type) => type.typeUrl === typeUrl),
    ),
  );
}

/** The worst comes first; a type is not sent only where no stream of it heard anything. */
const WORST: readonly TypeStatus['state'][] = ['ERROR', 'STALE', 'SYNCED', 'NOT SENT'];

function together(typeUrl: string, statuses: readonly TypeStatus[]): TypeStatus {
  const state = WORST.find((wanted) => statuses.some((status) => status.state === wanted)) ?? 'NOT SENT';
  const { sent = '', acked = '', version = '' } = statuses.at(-1) ?? {};
  const resources = statuses.reduce((sum, status) => sum + status.resources, 0);
  const since = statuses.flatMap(({ unansweredSinceMs }) => unansweredSinceMs ?? []);
  const unansweredSinceMs = since.length === 0 ? null : Math.min(...since);
  return { typeUrl, state, sent, acked, version, resources, unansweredSinceMs };
}

/** Streams of one type may tell of the same resource. */
function distinct<T extends { readonly typeUrl: string; readonly name: string }>(
  items: readonly T[],
): readonly T[] {
  return [...new Map(items.map((item) => [`${item.typeUrl} ${item.name}`, item])).values()];
}
