import type { Source } from '../manifests/index.ts';
import {
  carriesHttp,
  importedPorts,
  type Origin,
  type Port,
  type Service,
  type Sidecar,
} from '../mesh/index.ts';
import { type Bound, skip } from './bindings.ts';
import { clientManager } from './client-manager.ts';
import { rds } from './config-source.ts';
import type { Draft } from './encode.ts';
import { listenerName } from './names.ts';
import { socketAddress } from './pieces.ts';
import { portRoutes } from './redirect-routes.ts';
import { patience, tlsInspector } from './sniffing.ts';
import { type Chain, chainsInOrder, chainsTo, clustersOf, hasNames, isWhole } from './streams.ts';
import { LISTENER, ROUTES, type Skipped } from './types.ts';
import { nearest, type View } from './view.ts';

type Import = NonNullable<Sidecar['imports']>[number];
type Bind = NonNullable<Import['bind']>;

/** A listener of a Sidecar that has an address of its own. */
type BoundListener = {
  readonly name: string;
  readonly drafts: readonly Draft[];
  readonly skipped: readonly Skipped[];
  /** Where it is said. */
  readonly sources: Skipped['sources'];
};

/** What applications call at an address that their Sidecar says (`egress[].bind`, `captureMode: NONE`). */
export function boundEgress(view: View): readonly BoundListener[] {
  return (view.limits.imports ?? []).flatMap((listener) => {
    const { bind, port } = listener;
    if (bind === null || port === null || isEverywhere(bind, view)) return [];
    const about = { name: nameOf(bind, port), bind, port, services: importedBy(listener, port, view) };
    const isHttp = listener.protocol !== 'tcp' && listener.protocol !== 'tls';
    const sources = view.limits.origins.map(sourceOf);
    return [{ ...(isHttp ? forRequests(view, about) : forBytes(view, about)), sources }];
  });
}

/** What of it has an address that is free, and the names that nobody else may have then. */
export function apart(
  all: readonly BoundListener[],
  reserved: ReadonlyMap<string, string>,
): Bound & { readonly names: ReadonlyMap<string, string> } {
  const free = all.filter(({ name }) => !reserved.has(name));
  const lost = all.filter(({ name }) => reserved.has(name));
  return {
    drafts: free.flatMap(({ drafts }) => drafts),
    skipped: [
      ...all.flatMap(({ skipped }) => skipped),
      ...lost.map(({ name, sources }) => ({ address: name, reason: reserved.get(name) ?? '', sources })),
    ],
    names: new Map(free.map(({ name }) => [name, 'a Sidecar listens there'])),
  };
}

/** Ports of which a Sidecar says that nothing captures what goes to them. */
export function uncapturedPorts({ limits: { imports } }: View): ReadonlySet<number> {
  const bound = (imports ?? []).filter(({ bind }) => bind !== null && !isCaptured(bind));
  return new Set(bound.flatMap(({ port }) => port ?? []));
}

type Made = Omit<BoundListener, 'sources'>;

function sourceOf({ scope, uid, file, line, column }: Origin): Source {
  return { scope, uid, file, line, column };
}

type Placed = {
  readonly name: string;
  readonly bind: Bind;
  readonly port: number;
  readonly services: readonly Service[];
};

function importedBy(listener: Import, port: number, { services, proxy }: View): readonly Service[] {
  return [...services.values()].filter((service) =>
    importedPorts(service, [listener], proxy.namespace).includes(port),
  );
}

function nameOf(bind: Bind, port: number): string {
  return bind.at === 'socket' ? bind.path : listenerName(bind.address, port);
}

/** What is captured at any address has the listener of its port. */
function isEverywhere(bind: Bind, { proxy }: View): boolean {
  if (bind.at === 'socket' || !bind.isCaptured || proxy.capture !== 'redirect') return false;
  return bind.address === '0.0.0.0' || bind.address === '::';
}

function isCaptured(bind: Bind): boolean {
  return bind.at === 'address' && bind.isCaptured;
}

function listening({ bind, port }: Placed, { proxy }: View): object {
  if (bind.at === 'socket') return { address: { pipe: { path: bind.path } } };
  const isVirtual = bind.isCaptured && proxy.capture === 'redirect';
  return { address: socketAddress(bind.address, port), ...(isVirtual ? { bind_to_port: false } : {}) };
}

/** Requests are told apart by their hosts. */
function forRequests(view: View, placed: Placed): Made {
  const { name, port, services } = placed;
  const routes = portRoutes(view, port, { name, services });
  const source = rds(name, view.proxy);
  const manager = clientManager(view, `outbound_${name}`, source);
  const json = {
    name,
    ...listening(placed, view),
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [manager] }],
  };
  const references = [{ typeUrl: ROUTES, name }] as const;
  const listener: Draft = { typeUrl: LISTENER, name, json, origins: view.limits.origins, references };
  return { name, drafts: [listener, routes], skipped: [] };
}

/** TLS is told apart by the names that it asks for; all else is for one service. */
function forBytes(view: View, placed: Placed): Made {
  const { name, services } = placed;
  const ported = services.flatMap((service) => {
    const port = service.ports.find(({ number }) => number === placed.port);
    return port === undefined || carriesHttp(port) ? [] : [{ service, port }];
  });
  const named = ported.filter(({ port }) => port.protocol === 'tls');
  const rest = ported.filter(({ port }) => port.protocol !== 'tls').map(({ service }) => service);
  const winner = nearest(view, rest);
  const skipped = rest
    .filter((service) => service !== winner)
    .map((service) => skip(name, 'another service wants it too', service));
  const last = ported.filter(({ service }) => service === winner);
  const chains = [...named, ...last].flatMap(({ service, port }) => namedChains(view, service, port));
  if (chains.length === 0) return { name, drafts: [], skipped };
  const json = {
    name,
    ...listening(placed, view),
    traffic_direction: 'OUTBOUND',
    ...(chains.some(hasNames) ? { listener_filters: [tlsInspector], ...patience(view) } : {}),
    filter_chains: chainsInOrder(chains),
  };
  const origins = [...view.limits.origins, ...chains.flatMap((chain) => chain.origins)];
  const listener: Draft = { typeUrl: LISTENER, name, json, origins, references: clustersOf(chains) };
  return { name, drafts: [listener], skipped };
}

function namedChains(view: View, service: Service, port: Port): readonly Chain[] {
  const chains = chainsTo(view, service, port);
  if (port.protocol !== 'tls') return chains;
  return chains.map((chain) => (isWhole(chain) ? { ...chain, names: [service.host] } : chain));
}
