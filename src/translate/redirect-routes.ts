import { byCodeUnit } from '../base/order.ts';
import { carriesHttp, type Port, type Service } from '../mesh/index.ts';
import type { Draft } from './encode.ts';
import { type Entry, routeTable, type VirtualHost, virtualHost } from './route-table.ts';
import type { View } from './view.ts';
import { serviceEntry, unknownHosts, virtualEntries } from './virtual-hosts.ts';

/** Istio's name of the routes of a service that has an address of its own. */
function addressRoutesName(service: Service, port: Port): string {
  return `${service.host}:${port.number}`;
}

/**
 * Routes of captured requests to one port, by host. The port that a client writes behind the host does not count: it
 * has been connected to. A host in full beats a short name or address that reads the same, whatever their order.
 */
export function portRoutes(
  view: View,
  number: number,
  { name = String(number), services: of = [...view.services.values()] }: Part = {},
): Draft {
  const services = of.flatMap((service) =>
    service.ports
      .filter((port) => port.number === number && carriesHttp(port))
      .map((port) => serviceEntry(service, port, true, view)),
  );
  const entries = [...services, ...virtualEntries(view, number)].sort((left, right) =>
    byCodeUnit(left.host, right.host),
  );
  const taken = new Set(entries.map(({ host }) => host));
  const hosts = entries.map(({ host, names, ...entry }) => {
    const others = names.filter((name) => !taken.has(name));
    for (const name of others) taken.add(name);
    return hostOf({ ...entry, host, names: others }, [host, ...others].map(asDomain));
  });
  return routeTable({
    name,
    ...{
      entries,
      hosts,
      ...unknownHosts(view),
      virtualPort: number,
      fields: captured,
    },
  });
}

/** Some of the services, in a table of their own. */
type Part = { readonly name?: string; readonly services?: readonly Service[] };

/** Routes of what the first bytes at the address of one service show to be HTTP. */
export function addressRoutes(view: View, service: Service, port: Port): Draft {
  const entry = serviceEntry(service, port, true, view);
  return routeTable({
    name: addressRoutesName(service, port),
    ...{ entries: [entry], hosts: [hostOf(entry, ['*'])], rest: [], otherClusters: [], virtualPort: null },
    fields: captured,
  });
}

function hostOf({ host, port, routes }: Entry, domains: readonly string[]): VirtualHost {
  return virtualHost(`${host}:${port}`, domains, routes);
}

/** The port of a request is where it was captured, whatever it says. */
const captured = { ignore_port_in_host_matching: true };

function asDomain(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}
