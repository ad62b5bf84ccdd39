import { type Binding, type Bound, bind, skip } from './bindings.ts';
import type { Draft } from './encode.ts';
import { tcpProxy } from './http.ts';
import { boundIngress } from './inbound.ts';
import { BLACK_HOLE, listenerName, OUTBOUND_PORT, VIRTUAL_OUTBOUND } from './names.ts';
import { addressBindings, endpointListeners } from './redirect-addresses.ts';
import { redirectInbound } from './redirect-inbound.ts';
import { portListener, wildcardPorts } from './redirect-ports.ts';
import { CLUSTER, LISTENER } from './types.ts';
import type { View } from './view.ts';
import { listening } from './wildcard.ts';

/**
 * Capture mode `redirect`: iptables sends outbound connections to 15001 and inbound ones to 15006, and Envoy asks the
 * kernel where they wanted to go. The listeners named after addresses and ports are not bound: 15001 hands to them.
 */
export function redirectListeners(view: View): Bound {
  const addresses = bindAddresses(view);
  const wildcards = [...wildcardPorts(view)].map(([port, wanted]) => portListener(view, port, wanted));
  const inspected = new Set(wildcards.flatMap(({ port, isInspected }) => (isInspected ? [port] : [])));
  const inbound = redirectInbound(view);
  const bound = bind(view, boundIngress(view), new Map());
  const drafts = [
    ...endpointListeners(view, inspected),
    ...addresses.drafts,
    ...wildcards.flatMap((wildcard) => wildcard.drafts),
    virtualOutbound(view),
    ...inbound.drafts,
    ...bound.drafts,
  ];
  const ofPorts = wildcards.flatMap((wildcard) => wildcard.skipped);
  const skipped = [...addresses.skipped, ...ofPorts, ...inbound.skipped, ...bound.skipped];
  return { drafts: distinct(drafts), skipped };
}

/** Gives the virtual addresses of services to those that may have them. */
function bindAddresses(view: View): Bound {
  const [mine, others] = [[] as Binding[], [] as Binding[]];
  for (const binding of addressBindings(view)) {
    const isClaimed = view.claimants.get(binding.address)?.includes(binding.service) ?? false;
    (isClaimed ? mine : others).push(binding);
  }
  const everywhere = mine
    .filter(({ address }) => address === '0.0.0.0' || address === '::')
    .map(({ address, port }) => [listenerName(address, port), 'it stands for every address'] as const);
  const bound = bind(view, mine, new Map(everywhere));
  const foreign = others.map(({ address, port, service }) => {
    return skip(listenerName(address, port), 'a workload of another scope has the address', service);
  });
  return { drafts: bound.drafts, skipped: [...bound.skipped, ...foreign] };
}

/** What no other listener is for passes on as it is (outbound ALLOW_ANY), or goes nowhere. */
function virtualOutbound({ proxy, elsewhere }: View): Draft {
  const json = {
    name: VIRTUAL_OUTBOUND,
    ...listening(proxy, OUTBOUND_PORT).addresses,
    use_original_dst: true,
    traffic_direction: 'OUTBOUND',
    filter_chains: [loopGuard, { name: `${VIRTUAL_OUTBOUND}-catchall-tcp`, filters: [tcpProxy(elsewhere)] }],
  };
  const references = [...new Set([elsewhere, BLACK_HOLE])].map(
    (name) => ({ typeUrl: CLUSTER, name }) as const,
  );
  return { typeUrl: LISTENER, name: VIRTUAL_OUTBOUND, json, origins: [], references };
}

/** Whoever connects to the listener itself would be sent to it again, and again. */
const loopGuard = {
  name: `${VIRTUAL_OUTBOUND}-blackhole`,
  filter_chain_match: { destination_port: OUTBOUND_PORT },
  filters: [tcpProxy(BLACK_HOLE)],
};

/** The addresses of one service share its routes, and of two listeners at one address the last is the stronger. */
function distinct(drafts: readonly Draft[]): readonly Draft[] {
  return [...new Map(drafts.map((draft) => [`${draft.typeUrl} ${draft.name}`, draft])).values()];
}
