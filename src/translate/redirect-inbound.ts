import { isIPv6 } from 'node:net';
import type { Place } from '../mesh/index.ts';
import { type Bound, skip } from './bindings.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { behindTls } from './inbound-tls.ts';
import {
  BLACK_HOLE,
  INBOUND_PASSTHROUGH,
  INBOUND_PORT,
  inboundCluster,
  listenerName,
  VIRTUAL_INBOUND,
} from './names.ts';
import { provenance, thresholds } from './pieces.ts';
import {
  applicationAt,
  applicationConnections,
  carriedBy,
  inboundHttp,
  originsOf,
  type Served,
  servedTargets,
} from './served.ts';
import { httpInspectorAt, isHttp, originalDestination, patience } from './sniffing.ts';
import { CLUSTER, LISTENER, type Proxy } from './types.ts';
import type { View } from './view.ts';
import { listening } from './wildcard.ts';

/**
 * The one listener that iptables redirects inbound connections to: a chain for each port that the workload serves, and
 * for all others one that passes them on as they are. Both go to where the client wanted to go, the workload's own address.
 */
export function redirectInbound(view: View): Bound {
  const all = [...servedTargets(view, view.proxy.ips)].sort(([left], [right]) => left - right);
  const targets = all.filter(([target]) => target !== INBOUND_PORT);
  const skipped = all
    .filter(([target]) => target === INBOUND_PORT)
    .flatMap(([, served]) =>
      served.map(({ service }) => skip(listenerName('0.0.0.0', INBOUND_PORT), taken, service)),
    );
  const sniffed = targets.filter(([, served]) => carriedBy(served) === 'sniffed').map(([target]) => target);
  const clusters = targets.flatMap(([target, served]) => applicationCluster(view, target, served));
  const json = {
    name: VIRTUAL_INBOUND,
    ...listening(view.proxy, INBOUND_PORT).addresses,
    traffic_direction: 'INBOUND',
    listener_filters: [originalDestination, ...(sniffed.length > 0 ? [httpInspectorAt(sniffed)] : [])],
    ...patience(view),
    filter_chains: [
      loopGuard,
      passOn,
      ...targets.flatMap(([target, served]) => chainsOf(view, target, served)),
    ],
  };
  const names = [BLACK_HOLE, INBOUND_PASSTHROUGH, ...clusters.map(({ name }) => name)];
  const listener: Draft = {
    typeUrl: LISTENER,
    name: VIRTUAL_INBOUND,
    json,
    origins: targets.flatMap(([, served]) => originsOf(served)),
    references: names.map((name) => ({ typeUrl: CLUSTER, name })),
  };
  return { drafts: [listener, ...clusters, passthroughCluster(view.proxy)], skipped };
}

const taken = 'captured traffic arrives there';

/** Whoever connects to the listener itself would be sent to it again, and again. */
const loopGuard = {
  name: `${VIRTUAL_INBOUND}-blackhole`,
  filter_chain_match: { destination_port: INBOUND_PORT },
  filters: [tcpProxy(BLACK_HOLE)],
};

const passOn = { name: VIRTUAL_INBOUND, filters: [tcpProxy(INBOUND_PASSTHROUGH)] };

function chainsOf(view: View, target: number, served: readonly Served[]): readonly object[] {
  const [first] = served;
  if (first === undefined) return [];
  const name = listenerName('0.0.0.0', target);
  const metadata = provenance(first.service.origin);
  const http = inboundHttp(view.proxy, `inbound_${name}`, target, first);
  const bytes = tcpProxy(inboundCluster(target));
  const match = { destination_port: target };
  switch (carriedBy(served)) {
    case 'http':
      return [
        behindTls({ name, filter_chain_match: match, filters: [http], metadata }, first, view, 'requests'),
      ];
    case 'bytes':
      return [
        behindTls({ name, filter_chain_match: match, filters: [bytes], metadata }, first, view, 'bytes'),
      ];
    case 'sniffed':
      return [
        { name, filter_chain_match: { ...match, ...isHttp }, filters: [http], metadata },
        { name: `${name}-tcp`, filter_chain_match: match, filters: [bytes], metadata },
      ];
  }
}

function applicationCluster(
  { proxy, settings }: View,
  target: number,
  served: readonly Served[],
): readonly Draft[] {
  const [first] = served;
  if (first === undefined) return [];
  const name = inboundCluster(target);
  const { connections, origins } = applicationConnections(first, served, settings);
  const said = first.application ?? (settings.applications === 'loopback' ? loopbackOf(proxy, target) : null);
  const place = said === null ? toApplication(proxy) : applicationAt(name, said, proxy.ip);
  const json = { name, ...place, ...connections, metadata: provenance(first.service.origin) };
  return [{ typeUrl: CLUSTER, name, json, origins, references: [] }];
}

/** Of the family of the proxy's own address. */
function loopbackOf({ ip }: Proxy, port: number): Place {
  return { at: 'port', address: isIPv6(ip) ? '::1' : '127.0.0.1', port };
}

function passthroughCluster(proxy: Proxy): Draft {
  const name = INBOUND_PASSTHROUGH;
  const json = { name, ...toApplication(proxy), connect_timeout: '10s', circuit_breakers: thresholds() };
  return { typeUrl: CLUSTER, name, json, origins: [], references: [] };
}

/** From an address that the redirecting rules know, so that what has been here once is not sent here again. */
function toApplication({ ips }: Proxy): object {
  const families = ips.some((ip) => !isIPv6(ip)) ? ['127.0.0.6'] : [];
  if (ips.some((ip) => isIPv6(ip))) families.push('::6');
  const [first = '127.0.0.6', ...others] = families.map((address) => ({ address, port_value: 0 }));
  return {
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    upstream_bind_config: {
      source_address: first,
      ...(others.length > 0 ? { extra_source_addresses: others.map((address) => ({ address })) } : {}),
    },
  };
}
