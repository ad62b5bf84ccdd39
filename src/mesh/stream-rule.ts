import type { TcpMatch, TlsMatch, VirtualServiceResource } from '../manifests/index.ts';
import { entranceOf } from './gateways.ts';
import { canonicalAddresses } from './hosts.ts';
import { readShares } from './routing-rule.ts';
import { writtenAt } from './rule-places.ts';
import type { Origin, StreamMatch, StreamRule } from './types.ts';

/** The steps of a VirtualService for connections that no proxy reads as HTTP. */
export function readStreams(resource: VirtualServiceResource, origin: Origin): readonly StreamRule[] {
  const { namespace, spec } = resource;
  const tls = (spec.tls ?? []).map(({ match, route }, at): StreamRule => {
    const matches = match.map((each) => ({ ...readMatch(each, namespace), names: each.sniHosts.map(lower) }));
    const rule = { of: 'tls', matches, destinations: readShares(route, namespace), origin } as const;
    return writtenAt(rule, resource, ['spec', 'tls', at]);
  });
  const tcp = (spec.tcp ?? []).map(({ match = [], route }, at): StreamRule => {
    const matches = match.map((each) => ({ ...readMatch(each, namespace), names: [] }));
    const rule = { of: 'tcp', matches, destinations: readShares(route, namespace), origin } as const;
    return writtenAt(rule, resource, ['spec', 'tcp', at]);
  });
  return [...tls, ...tcp];
}

function readMatch(match: TcpMatch | TlsMatch, namespace: string): Omit<StreamMatch, 'names'> {
  return {
    ranges: canonicalAddresses(match.destinationSubnets ?? []),
    port: match.port ?? null,
    fromNamespace: match.sourceNamespace ?? null,
    fromLabels: match.sourceLabels ?? {},
    entrances: (match.gateways ?? []).map((gateway) => entranceOf(gateway, namespace)),
  };
}

function lower(name: string): string {
  return name.toLowerCase();
}
