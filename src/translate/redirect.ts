import type { Service } from '../mesh/index.ts';
import { type Binding, type Bound, bind, skip } from './bindings.ts';
import { apart, boundEgress, uncapturedPorts } from './bound-egress.ts';
import { clientManager } from './client-manager.ts';
import type { Draft } from './encode.ts';
import { routeConfiguration, tcpProxy } from './http.ts';
import { boundIngress } from './inbound.ts';
import {
  BLACK_HOLE,
  INBOUND_PORT,
  LOOKED_UP,
  listenerName,
  OUTBOUND_PORT,
  ownPorts,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import { addressBindings, endpointListeners } from './redirect-addresses.ts';
import { redirectInbound } from './redirect-inbound.ts';
import { portListener, wildcardPorts } from './redirect-ports.ts';
import { httpInspectorBut, isHttp } from './sniffing.ts';
import { CLUSTER, LISTENER } from './types.ts';
import type { View } from './view.ts';
import { unknownHosts } from './virtual-hosts.ts';
import { listening } from './wildcard.ts';

/**
 * Capture mode `redirect`: iptables sends outbound connections to 15001 and inbound ones to 15006, and Envoy asks the
 * kernel where they wanted to go. The listeners named after addresses and ports are not bound: 15001 hands to them.
 */
export function redirectListeners(view: View): Bound {
  const egress = apart(boundEgress(view), reservedFor(view));
  const captured = capturedOf(view);
  const addresses = bindAddresses(captured, egress.names);
  const wildcards = [...wildcardPorts(captured)].map(([port, wanted]) =>
    portListener(captured, port, wanted),
  );
  const inspected = new Set(wildcards.flatMap(({ port, isInspected }) => (isInspected ? [port] : [])));
  const inbound = redirectInbound(view);
  const bound = bind(view, boundIngress(view), egress.names);
  const drafts = [
    ...endpointListeners(captured, inspected),
    ...addresses.drafts,
    ...wildcards.flatMap((wildcard) => wildcard.drafts),
    virtualOutbound(view),
    ...inbound.drafts,
    ...egress.drafts,
    ...bound.drafts,
  ];
  const ofPorts = wildcards.flatMap((wildcard) => wildcard.skipped);
  const skipped = [...addresses.skipped, ...ofPorts, ...inbound.skipped, ...egress.skipped, ...bound.skipped];
  return { drafts: distinct(drafts), skipped };
}

/** Ports at which the proxy itself listens, at whatever address that a Sidecar says. */
function reservedFor({ limits: { imports } }: View): ReadonlyMap<string, string> {
  const taken = [...ownPorts, OUTBOUND_PORT, INBOUND_PORT];
  const addresses = (imports ?? []).flatMap(({ bind }) => (bind?.at === 'address' ? [bind.address] : []));
  const names = addresses.flatMap((address) => taken.map((port) => listenerName(address, port)));
  return new Map(names.map((name) => [name, 'the proxy itself listens there']));
}

/** What is captured: not what a Sidecar has its applications call by themselves. */
function capturedOf(view: View): View {
  const uncaptured = uncapturedPorts(view);
  if (uncaptured.size === 0) return view;
  const left = [...view.services].map(([host, service]): readonly [string, Service] => {
    const ports = service.ports.filter(({ number }) => !uncaptured.has(number));
    return [host, ports.length === service.ports.length ? service : { ...service, ports }];
  });
  const services = new Map(left);
  const claimants = [...view.claimants].map(([address, all]): [string, readonly Service[]] => [
    address,
    all.flatMap(({ host }) => services.get(host) ?? []),
  ]);
  return { ...view, services, claimants: new Map(claimants) };
}

/** Gives the virtual addresses of services to those that may have them. */
function bindAddresses(view: View, reserved: ReadonlyMap<string, string>): Bound {
  const [mine, others] = [[] as Binding[], [] as Binding[]];
  for (const binding of addressBindings(view)) {
    const isClaimed = view.claimants.get(binding.address)?.includes(binding.service) ?? false;
    (isClaimed ? mine : others).push(binding);
  }
  const everywhere = mine
    .filter(({ address }) => address === '0.0.0.0' || address === '::')
    .map(({ address, port }) => [listenerName(address, port), 'it stands for every address'] as const);
  const bound = bind(view, mine, new Map([...reserved, ...everywhere]));
  const foreign = others.map(({ address, port, service }) => {
    return skip(listenerName(address, port), 'a workload of another scope has the address', service);
  });
  return { drafts: bound.drafts, skipped: [...bound.skipped, ...foreign] };
}

/** What no other listener is for passes on as it is (outbound ALLOW_ANY), or goes nowhere. */
function virtualOutbound(view: View): Draft {
  const { proxy, elsewhere, elsewhereForRequests } = view;
  const isLookedUp = elsewhereForRequests === LOOKED_UP;
  const json = {
    name: VIRTUAL_OUTBOUND,
    ...listening(proxy, OUTBOUND_PORT).addresses,
    use_original_dst: true,
    traffic_direction: 'OUTBOUND',
    ...(isLookedUp ? unknownInspected(view) : {}),
    filter_chains: [
      loopGuard,
      ...(isLookedUp ? [unknownRequests(view)] : []),
      { name: `${VIRTUAL_OUTBOUND}-catchall-tcp`, filters: [tcpProxy(elsewhere)] },
    ],
  };
  const references = [...new Set([elsewhere, BLACK_HOLE, elsewhereForRequests])].map(
    (name) => ({ typeUrl: CLUSTER, name }) as const,
  );
  return { typeUrl: LISTENER, name: VIRTUAL_OUTBOUND, json, origins: [], references };
}

/** How long the client of an unknown port may be silent before its connection passes on: its server may speak first. */
const silence = { listener_filters_timeout: '1s', continue_on_listener_filters_timeout: true };

/** Connections to known ports are inspected by the listeners that they are handed to. */
function unknownInspected({ services }: View): object {
  const known = [...services.values()].flatMap(({ ports }) => ports.map(({ number }) => number));
  return { listener_filters: [httpInspectorBut([...new Set(known)])], ...silence };
}

/** Requests to where no service is go by the name that they ask for. */
function unknownRequests(view: View): object {
  const name = `${VIRTUAL_OUTBOUND}-catchall-tcp-http`;
  const route_config = routeConfiguration(name, unknownHosts(view).rest);
  const manager = clientManager(view, name, { route_config });
  return { name, filter_chain_match: isHttp, filters: [manager] };
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
