import type { Snapshot, SnapshotResource } from '../translate/index.ts';
import type { ProxyStatus } from '../xds/index.ts';

/** One resource of one proxy: what it should have, and what the proxy said to it. */
export type ProxyResource = Pick<SnapshotResource, 'typeUrl' | 'name' | 'version' | 'sources'> & {
  /** As `proxy-status` has them; `HELD`: not sent, since what it needs was refused. */
  readonly state: 'SYNCED' | 'STALE' | 'NOT SENT' | 'ERROR' | 'HELD';
  /** The proxy's words, or what is in the way; null where all is well. */
  readonly message: string | null;
  /** Proto3 JSON with the field names of Envoy's documentation. */
  readonly resource: object;
};

/** What a proxy should have, in the order of types and names, with what it says. Null: not connected. */
export function proxyConfig(
  proxy: string,
  snapshot: Snapshot | null,
  proxies: readonly ProxyStatus[],
): { readonly revision: string; readonly resources: readonly ProxyResource[] } | null {
  // One that reconnects is there twice for a moment: the last is the one that counts.
  const own = proxies.filter((one) => one.proxy === proxy);
  const last = own.toSorted((a, b) => b.connectedAtMs - a.connectedAtMs)[0];
  if (last === undefined) return null;
  const wanted = [...(snapshot?.resources.values() ?? [])].flatMap((byName) => [...byName.values()]);
  return { revision: last.revision, resources: wanted.map((resource) => withState(resource, own)) };
}

function withState(wanted: SnapshotResource, proxies: readonly ProxyStatus[]): ProxyResource {
  const { typeUrl, name, version, sources, json } = wanted;
  const facts = { typeUrl, name, version, sources, resource: json };
  const refused = proxies
    .flatMap(({ rejected }) => rejected)
    .find((one) => one.typeUrl === typeUrl && one.name === name && one.version === version);
  if (refused !== undefined) return { ...facts, state: 'ERROR', message: refused.message };
  const held = proxies
    .flatMap(({ conditions }) => conditions)
    .find((one) => one.type === 'HeldBack' && one.typeUrl === typeUrl && one.name === name);
  if (held !== undefined) return { ...facts, state: 'HELD', message: `waits for ${held.because.join(', ')}` };
  return { ...facts, state: stateOf(typeUrl, proxies), message: null };
}

/** Of the whole type: a refusal of another resource says nothing against this one. */
function stateOf(typeUrl: string, proxies: readonly ProxyStatus[]): ProxyResource['state'] {
  const states = proxies.flatMap(({ types }) => types.filter((type) => type.typeUrl === typeUrl));
  const state = states.find((type) => type.state !== 'NOT SENT')?.state ?? 'NOT SENT';
  return state === 'ERROR' ? 'SYNCED' : state;
}
