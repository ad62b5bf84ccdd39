import type { SessionStatus } from './status.ts';
import { ORDER } from './types.ts';

type TypeStatus = SessionStatus['types'][number];

/** What all streams of one proxy come to: one, with ADS; without it, one for each type and often for each resource. */
export type ProxyStatus = Omit<SessionStatus, 'service'> & {
  readonly services: 'ads' | 'per-type';
  readonly streams: number;
};

/** A stream of a proxy, and when it had acknowledged what it says, by the steady clock. */
export type Acked = { readonly status: SessionStatus; readonly ackedSteadyMs: number };

/** One proxy, of all its streams, at least one, in the order in which they were opened. */
export function proxyStatus(streams: readonly [Acked, ...Acked[]]): ProxyStatus {
  const sessions = streams.map(({ status }) => status);
  const [{ status: first }] = streams;
  const { id, proxy, protocol, service, connectedAtMs } = first;
  const { revision } = sessions.at(-1) ?? first; // streams are served in this order
  return {
    ...{ id, proxy, protocol, connectedAtMs, revision },
    services: service === 'ADS' ? 'ads' : 'per-type',
    streams: sessions.length,
    fullyAcked: fullyAcked(streams),
    types: types(sessions),
    rejected: distinct(sessions.flatMap(({ rejected }) => rejected)),
    conditions: distinct(sessions.flatMap(({ conditions }) => conditions)),
  };
}

/** What the slowest stream has acknowledged, the others have too; of equals, when the last one had. */
function fullyAcked(streams: readonly Acked[]): SessionStatus['fullyAcked'] {
  const acked = streams.flatMap(({ status: { fullyAcked: last }, ackedSteadyMs }) =>
    last === null ? [] : [{ ...last, ackedSteadyMs }],
  );
  if (acked.length < streams.length) return null;
  const push = Math.min(...acked.map((last) => last.push));
  const slowest = acked.filter((last) => last.push === push);
  const [last] = slowest.toSorted((left, right) => right.ackedSteadyMs - left.ackedSteadyMs);
  return last === undefined ? null : { revision: last.revision, push, atMs: last.atMs };
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
