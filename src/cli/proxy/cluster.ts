import { istioDocument, nameIn, type ProxyResource, textAt } from './resource.ts';
import type { Filters, View } from './views.ts';

export const clusterView: View = {
  what: 'clusters',
  aliases: ['clusters', 'c', 'cds'],
  head: ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'],
  filters: {
    fqdn: 'part of the host',
    port: 'of the service',
    subset: 'of the destination',
    direction: 'inbound or outbound',
  },
  rows(cluster, filters) {
    const name = nameOf(cluster);
    if (!fits(name, filters)) return [];
    const { fqdn, port, subset, direction } = name;
    const type =
      textAt(cluster.resource, 'type') ?? textAt(cluster.resource, 'cluster_type', 'name') ?? 'STATIC';
    const documents = [
      ...cluster.sources.map(({ document }) => document),
      ...istioDocument(cluster.resource),
    ];
    const rule = nameIn(documents, ['DestinationRule']);
    return [{ cells: [fqdn, port, subset, direction, type, rule], part: cluster.resource }];
  },
};

type Name = Readonly<Record<'fqdn' | 'port' | 'subset' | 'direction', string>>;

/** `outbound|80|v1|reviews.default.svc.cluster.local`; every other name is a host and nothing else. */
function nameOf({ name }: ProxyResource): Name {
  const [direction, port, subset, fqdn] = name.split('|');
  if (fqdn === undefined) return { fqdn: name, port: '-', subset: '-', direction: '-' };
  return { fqdn: fqdn || '-', port: port || '-', subset: subset || '-', direction: direction || '-' };
}

function fits(name: Name, { fqdn, port, subset, direction }: Filters): boolean {
  if (fqdn !== undefined && !name.fqdn.includes(fqdn)) return false;
  if (port !== undefined && name.port !== port) return false;
  if (subset !== undefined && name.subset !== subset) return false;
  return direction === undefined || name.direction === direction.toLowerCase();
}
