import type { SessionCondition } from './ordering.ts';
import type { Session } from './session.ts';
import { ORDER, type XdsResource } from './types.ts';

/**
 * As `istioctl proxy-status` has them: of one type, of one proxy. `STALE`: an answer is outstanding. What is held back
 * for a refusal elsewhere is no answer outstanding: it stands in the conditions.
 */
type TypeState = 'SYNCED' | 'NOT SENT' | 'STALE' | 'ERROR';

type TypeStatus = {
  readonly typeUrl: string;
  readonly state: TypeState;
  /** Nonce of the last response and of the last one ACKed; empty before the first. */
  readonly sent: string;
  readonly acked: string;
  /** The revision that the last ACK was for. */
  readonly version: string;
  /** How many resources the client has ACKed. */
  readonly resources: number;
  /** When the oldest response was made that the client still owes an answer to; null: it owes none. */
  readonly unansweredSinceMs: number | null;
};

/** Content that the client refused, and the lines it was made from. */
export type RejectedResource = {
  readonly typeUrl: string;
  readonly name: string;
  /** Empty: the client refused the removal. */
  readonly version: string;
  /** The client's own words. */
  readonly message: string;
  readonly sources: XdsResource['sources'];
};

/** What a status reads of a session, in whatever variant. */
export type Observed = Pick<
  Session<never>,
  'subscriptions' | 'subscription' | 'progress' | 'conditions' | 'revision'
>;

export type SessionStatus = {
  /** One per stream; a proxy may have several. */
  readonly id: string;
  /** The node id. */
  readonly proxy: string;
  readonly protocol: 'delta' | 'sotw';
  /** `ADS`, or the service of one type. */
  readonly service: 'ADS' | 'CDS' | 'EDS' | 'LDS' | 'RDS';
  readonly connectedAtMs: number;
  /** The revision last published to this session; empty before the first. */
  readonly revision: string;
  /** The last push of which everything was ACKed, and when. */
  readonly fullyAcked: { readonly revision: string; readonly push: number; readonly atMs: number } | null;
  readonly types: readonly TypeStatus[];
  readonly rejected: readonly RejectedResource[];
  readonly conditions: readonly SessionCondition[];
};

/** The types that the stream is for (all four, for ADS) in order, and whatever else the client asked for. */
export function typeStatuses(session: Observed, only: string | null): readonly TypeStatus[] {
  const asked = session.subscriptions().map(([typeUrl]) => typeUrl);
  const types = new Set([...(only === null ? ORDER : [only]), ...asked]);
  return [...types].map((typeUrl) => {
    const progress = session.progress(typeUrl);
    const { sent = '', acked = '', ackedRevision: version = '' } = progress ?? {};
    const resources = session.subscription(typeUrl)?.holdings.size ?? 0;
    const [unansweredSinceMs = null] = progress?.unanswered.values() ?? [];
    return { typeUrl, state: stateOf(session, typeUrl), sent, acked, version, resources, unansweredSinceMs };
  });
}

export function rejectedResources(session: Observed): readonly RejectedResource[] {
  return session.subscriptions().flatMap(([typeUrl, subscription]) =>
    subscription.rejections().map(({ name, resource, message }) => {
      return { typeUrl, name, version: resource?.version ?? '', message, sources: resource?.sources ?? [] };
    }),
  );
}

function stateOf(session: Observed, typeUrl: string): TypeState {
  const subscription = session.subscription(typeUrl);
  if (subscription === null || session.progress(typeUrl)?.sent === '') return 'NOT SENT';
  if (subscription.rejections().length > 0) return 'ERROR';
  return subscription.resting ? 'SYNCED' : 'STALE';
}
