import type { Problem } from '../base/problem.ts';
import type { SidecarResource } from '../manifests/index.ts';
import { readSecurity } from './gateway-tls.ts';
import { canonicalAddress, covers, resolveHost } from './hosts.ts';
import { mistake, originOf, placesOf } from './mistake.ts';
import { readConnections } from './policies.ts';
import { protocolOf } from './protocol.ts';
import { isAbove, settingsFor } from './root.ts';
import type { Bind, Ingress, Mesh, Place, Protocol, Routing, Service, Settings, Sidecar } from './types.ts';
import { hasLabels } from './workloads.ts';

type Labels = Readonly<Record<string, string>>;

function readSidecar(resource: SidecarResource): Sidecar {
  const { namespace, spec } = resource;
  const { workloadSelector, egress = [], ingress = [], outboundTrafficPolicy: outbound } = spec;
  const { egressProxy: through, mode } = outbound ?? {};
  const pool = spec.inboundConnectionPool;
  const labels = workloadSelector?.labels ?? {};
  return {
    namespace,
    selector: Object.keys(labels).length === 0 ? null : labels,
    imports:
      egress.length === 0
        ? null
        : egress.map((listener) => ({
            port: listener.port?.number ?? null,
            hosts: listener.hosts
              .filter((text) => !text.startsWith('~'))
              .map((text) => readImport(text, namespace)),
            except: listener.hosts
              .filter((text) => text.startsWith('~') && text !== '~/*')
              .map((text) => readImport(text.replace(/^~(?=\/)/, '~*').slice(1), namespace)),
            bind: readBind(listener),
            protocol: listenerProtocol(listener),
          })),
    unknown: outbound === undefined ? null : mode === 'ALLOW_ANY' ? 'pass' : 'refuse',
    through:
      through === undefined
        ? null
        : {
            host: resolveHost(through.host, namespace),
            subset: through.subset ?? null,
            port: through.port?.number ?? null,
          },
    connections: pool === undefined ? null : readConnections(pool),
    ingress: ingress.length === 0 ? null : ingress.map(readIngress),
    origin: originOf(resource),
  };
}

function readImport(text: string, namespace: string) {
  const [from = '', host = ''] = text.split('/');
  return { from, host: resolveHost(host, from === '.' || from === '*' ? namespace : from) };
}

type WrittenEgress = NonNullable<SidecarResource['spec']['egress']>[number];

/** Without an address, what nothing captures is called on the loopback. */
function listenerProtocol({ port }: WrittenEgress): Protocol {
  const { number = 0, name = '', protocol } = port ?? {};
  return protocolOf({ number, name, appProtocol: protocol });
}

function readBind({ port, bind, captureMode }: WrittenEgress): Bind | null {
  if (port === undefined || (bind === undefined && captureMode !== 'NONE')) return null;
  const path = bind?.startsWith('unix://') ? bind.slice('unix://'.length) : null;
  if (path !== null) return { at: 'socket', path };
  return {
    at: 'address',
    address: canonicalAddress(bind ?? '127.0.0.1'),
    isCaptured: captureMode !== 'NONE',
  };
}

type WrittenIngress = NonNullable<SidecarResource['spec']['ingress']>[number];

function readIngress({ port, tls, ...written }: WrittenIngress): Ingress {
  const { number, name = '', protocol } = port;
  const { bind, captureMode, defaultEndpoint, connectionPool: pool } = written;
  const security = readSecurity(tls);
  const carried = protocolOf({ number, name, appProtocol: protocol });
  return {
    port: { number, name, protocol: security === null ? carried : decrypted(carried, protocol) },
    bind: bind === undefined ? null : canonicalAddress(bind),
    isBound: captureMode === 'NONE',
    to: placeOfApplication(defaultEndpoint ?? `127.0.0.1:${number}`),
    security,
    connections: pool === undefined ? null : readConnections(pool),
  };
}

/** What TLS is about. */
function decrypted(carried: Protocol, written: string | undefined): Protocol {
  if (carried !== 'tls') return carried;
  return written === 'TLS' ? 'tcp' : 'http';
}

/** An unspecified address is the workload's own. */
function placeOfApplication(text: string): Place {
  if (text.startsWith('unix://')) return { at: 'socket', path: text.slice('unix://'.length) };
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  return { at: 'port', address: address === '0.0.0.0' || address === '::' ? null : address, port };
}

/** Those that contradict each other for every workload that the narrower one selects: neither is honoured. */
export function withoutRivalSidecars(
  resources: readonly SidecarResource[],
  problems: Problem[],
): readonly Sidecar[] {
  const all = resources.map((resource) => ({ resource, sidecar: readSidecar(resource) }));
  return all.flatMap(({ resource, sidecar }) => {
    const rivals = all.filter((other) => other.resource !== resource && areRivals(sidecar, other.sidecar));
    if (rivals.length === 0) return [sidecar];
    const places = placesOf(rivals.map((rival) => rival.sidecar.origin));
    const message = `its workloads have the Sidecar at ${places}, too`;
    problems.push(mistake(resource, ['spec', 'workloadSelector'], 'FL3350', message));
    return [];
  });
}

function areRivals(one: Sidecar, other: Sidecar): boolean {
  if (one.namespace !== other.namespace) return false;
  if (one.selector === null || other.selector === null) return one.selector === other.selector;
  return hasLabels(one.selector, other.selector) || hasLabels(other.selector, one.selector);
}

/** What a proxy sees and serves, of all that it might. */
export type Limits = Pick<Sidecar, 'imports' | 'ingress' | 'through' | 'connections'> & {
  readonly unknown: Settings['unknown'];
  readonly origins: Sidecar['origin'][];
};

/**
 * What the Sidecars say of a workload (Istio, "Sidecar"): the one that selects it, and where that says nothing the one of
 * its namespace, and where there is none that of the root namespace. Of several that select one workload none counts.
 */
export function limitsOf(mesh: Mesh, namespace: string, labels: Labels): Limits {
  const own = mesh.sidecars.filter((sidecar) => sidecar.namespace === namespace);
  const selecting = own.filter(({ selector }) => selector !== null && hasLabels(labels, selector));
  const { rootNamespace: root, unknown } = settingsFor(mesh, namespace);
  const roots = isAbove(mesh, root, namespace) ? mesh.sidecars.filter((one) => one.namespace === root) : [];
  const general = [own, roots].map((all) => all.find(({ selector }) => selector === null));
  const found = [selecting.length === 1 ? selecting[0] : undefined, ...general].filter(
    (one) => one !== undefined,
  );
  const first = <Field extends 'imports' | 'connections' | 'ingress'>(field: Field): Sidecar[Field] | null =>
    found.find((sidecar) => sidecar[field] !== null)?.[field] ?? null;
  const outbound = found.find((sidecar) => sidecar.unknown !== null);
  return {
    imports: first('imports'),
    unknown: outbound?.unknown ?? unknown,
    through: outbound?.through ?? null,
    connections: first('connections'),
    ingress: first('ingress'),
    origins: found.map(({ origin }) => origin),
  };
}

type Named = Pick<Service | Routing, 'host' | 'namespace'>;

/** Whether one of the hosts is that of a service, for clients of `namespace`. */
function isNamed({ host, namespace }: Named, hosts: Import['hosts'], client: string): boolean {
  return hosts.some(({ from, host: pattern }) => {
    const isFrom = from === '*' || (from === '.' ? client : from) === namespace;
    return isFrom && covers(pattern, host);
  });
}

type Import = NonNullable<Sidecar['imports']>[number];

/** Whether a listener shows a service, or a routing, of these clients: what it leaves out, it does not include. */
function isShown(named: Named, { hosts, except }: Import, client: string): boolean {
  return isNamed(named, hosts, client) && !isNamed(named, except, client);
}

/** Ports of a service that clients of a namespace see: what no listener of a port is for is that of the last. */
export function importedPorts(
  service: Service,
  imports: readonly Import[],
  client: string,
): readonly number[] {
  return service.ports
    .map(({ number }) => number)
    .filter((number) => {
      const listener =
        imports.find(({ port }) => port === number) ?? imports.find(({ port }) => port === null);
      return listener !== undefined && isShown(service, listener, client);
    });
}

/** Whether clients of a namespace see a routing: at a wildcard, where either covers the other. */
export function isImported(routing: Routing, imports: readonly Import[], client: string): boolean {
  return imports.some((listener) => {
    const { hosts, except } = listener;
    if (isNamed(routing, except, client)) return false;
    const within = hosts.filter(({ host }) => covers(routing.host, host));
    const wide = { namespace: routing.namespace };
    return (
      isShown(routing, listener, client) ||
      within.some(({ from, host }) => isNamed({ ...wide, host }, [{ from, host }], client))
    );
  });
}
