import { carriesHttp, type Port, type Service } from '../mesh/index.ts';
import type { Binding } from './bindings.ts';
import { clientManager } from './client-manager.ts';
import { rds } from './config-source.ts';
import type { Draft } from './encode.ts';
import { isAsAsked } from './look-up.ts';
import { HTTP_PROXY_ROUTES, listenerName } from './names.ts';
import { provenance, socketAddress } from './pieces.ts';
import { patience, tlsInspector } from './sniffing.ts';
import { chainsInOrder, chainsTo, clustersOf, hasNames } from './streams.ts';
import { LISTENER, ROUTES } from './types.ts';
import type { View } from './view.ts';

const loopback = '127.0.0.1';

/** The first port that every user may bind. */
const firstFreePort = 1024;

/** The HTTP proxy that applications are pointed at (`http_proxy=http://127.0.0.1:15080`). */
export function httpProxyListener(view: View): Draft {
  const { proxy } = view;
  const { httpProxyPort } = proxy;
  const name = listenerName(loopback, httpProxyPort);
  const absolute = { http_protocol_options: { allow_absolute_url: true } };
  const manager = clientManager(view, `outbound_${name}`, { ...rds(HTTP_PROXY_ROUTES, proxy), ...absolute });
  const json = {
    name,
    address: socketAddress(loopback, httpProxyPort),
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [manager] }],
  };
  return {
    typeUrl: LISTENER,
    name,
    json,
    origins: [],
    references: [{ typeUrl: ROUTES, name: HTTP_PROXY_ROUTES }],
  };
}

/**
 * A listener on the loopback for each TCP port of each service, as Istio's `captureMode: NONE`. Ports below 1024 would
 * need root, and a wildcard has no host to connect to, unless the name that TLS asks for says it.
 */
export function tcpBindings(view: View): readonly Binding[] {
  return [...view.services.values()].flatMap((service) => {
    if (service.discovery === 'original') return [];
    if (service.host.startsWith('*') && !isAsAsked(service)) return [];
    return service.ports
      .filter((port) => !carriesHttp(port) && port.number >= firstFreePort)
      .map((port) => tcpBinding(view, service, port));
  });
}

function tcpBinding(view: View, service: Service, port: Port): Binding {
  const name = listenerName(loopback, port.number);
  const chains = chainsTo(view, service, port);
  const json = {
    name,
    address: socketAddress(loopback, port.number),
    traffic_direction: 'OUTBOUND',
    ...(chains.some(hasNames) ? { listener_filters: [tlsInspector], ...patience(view) } : {}),
    filter_chains: chainsInOrder(chains),
    metadata: provenance(service.origin),
  };
  const references = clustersOf(chains);
  const origins = chains.flatMap((chain) => chain.origins);
  const listener: Draft = { typeUrl: LISTENER, name, json, origins, references };
  return { address: loopback, port: port.number, service, listener, others: [] };
}
