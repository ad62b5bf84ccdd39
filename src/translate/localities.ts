import { byCodeUnit } from '../base/order.ts';
import type { Endpoint, Service, TrafficPolicy, Travel } from '../mesh/index.ts';
import type { Proxy } from './types.ts';

/** Endpoints that get requests together. `priority` 0 first; those of 1 when too many of 0 fail, and so on. */
export type Group = {
  readonly locality: string;
  readonly priority: number;
  /** Share of the requests among the groups of its priority. */
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
};

/** What of a proxy says how far its requests go. */
export type Client = Pick<Proxy, 'locality' | 'labels' | 'node'> & {
  /** Where no policy says it; null: the default. */
  readonly travel: Travel | null;
  /** Whether it counts what it sends, and so hears what workloads are called. */
  readonly isCounted: boolean;
};

/** Whether clients of a service differ by the node that they run on. */
export function asksForNode({ habits: { stays, travel } }: Pick<Service, 'habits'>): boolean {
  return stays === 'on-node' || (travel?.how === 'close' && travel.from === 'node');
}

/** What of a client the endpoints of a service depend on: clients of one key hear the same. */
export function clientKey({ policies, subsets, habits }: Service, client: Client): string {
  const { locality, labels, travel: general } = client;
  const node = asksForNode({ habits }) ? client.node : null;
  const all = [...policies, ...subsets.flatMap((subset) => subset.policies)];
  const travelling = all.filter(
    ({ ejection, travel }) => ejection !== null || travel?.how === 'shares' || travel?.how === 'close',
  );
  if (travelling.length === 0 && general?.how !== 'shares') return node ?? '';
  const wanted = [...travelling.map(({ travel }) => travel), general].flatMap((travel) =>
    travel?.how === 'alike' ? travel.labels : [],
  );
  const said = general === null ? [] : [general];
  return JSON.stringify([node, locality, ...wanted.map(({ name }) => labels[name] ?? null), ...said]);
}

/**
 * How the requests of a client travel (Istio, "locality load balancing"): with outlier detection the nearest endpoints
 * are first, unless the policy says otherwise; shares hold without it. Where nobody knows the client's locality,
 * requests go anywhere.
 */
export function inGroups(
  endpoints: readonly Endpoint[],
  policy: TrafficPolicy | null,
  client: Client,
): readonly Group[] {
  const travel = travelOf(policy, client);
  switch (travel.how) {
    case 'anywhere':
      return ranked(endpoints, () => 0);
    case 'close':
      return ranked(endpoints, (endpoint) => fromNode(endpoint, client));
    case 'nearest':
      return ranked(endpoints, ({ locality }) => distance(locality, client.locality, travel.regions));
    case 'alike':
      return ranked(endpoints, (endpoint) => unlike(endpoint, client, travel.labels));
    case 'shares':
      return shared(
        ranked(endpoints, () => 0),
        travel.shares,
        client,
      );
  }
}

/** Whether the weights of localities say how many requests each gets. */
export function hasShares(policy: TrafficPolicy | null, { travel }: Pick<Client, 'travel'>): boolean {
  return (policy?.travel ?? travel)?.how === 'shares';
}

const anywhere: Travel = { how: 'anywhere' };
const nearest: Travel = { how: 'nearest', regions: [] };

/** Only outlier detection tells a proxy that the nearest fail: without it requests would never go further. */
function travelOf(policy: TrafficPolicy | null, { locality, node, travel }: Client): Travel {
  const wanted = policy?.travel ?? travel ?? nearest;
  if (wanted.how === 'shares') return wanted;
  if (wanted.how === 'close' && wanted.from === 'node' && node !== null) return wanted;
  if (wanted.how === 'close') return locality === '' ? anywhere : nearest;
  if (policy === null || policy.ejection === null) return anywhere;
  return wanted.how === 'nearest' && locality === '' ? anywhere : wanted;
}

/** By locality and rank; ranks become priorities without a gap. */
function ranked(endpoints: readonly Endpoint[], rankOf: (endpoint: Endpoint) => number): readonly Group[] {
  const all = endpoints.map((endpoint) => ({ endpoint, rank: rankOf(endpoint) }));
  const ranks = [...new Set(all.map(({ rank }) => rank))].sort((left, right) => left - right);
  const groups = Map.groupBy(all, ({ rank, endpoint: { locality } }) => `${rank} ${locality}`);
  return [...groups.values()]
    .map((group): Group => {
      const own = group.map(({ endpoint }) => endpoint);
      return {
        locality: own[0]?.locality ?? '',
        priority: ranks.indexOf(group[0]?.rank ?? 0),
        weight: own.reduce((sum, { weight }) => sum + weight, 0),
        endpoints: own,
      };
    })
    .sort((left, right) => left.priority - right.priority || byCodeUnit(left.locality, right.locality));
}

type Regions = Extract<Travel, { readonly how: 'nearest' }>['regions'];

/** 0 the same locality, 1 the same zone, 2 the same region, 3 the region that takes over, or any, 4 any other. */
function distance(locality: string, from: string, regions: Regions): number {
  const [here, there] = [placeOf(from), placeOf(locality)];
  // Where only the zone is known, as in slices of Kubernetes, its region is the client's if the zone is.
  const isUnknown = there.region === '' && there.zone !== '' && there.zone === here.zone;
  if (there.region === here.region || isUnknown) {
    if (there.zone !== here.zone) return 2;
    return there.subZone === here.subZone ? 0 : 1;
  }
  const rule = regions.find((region) => region.from === here.region);
  return rule === undefined || rule.to === there.region ? 3 : 4;
}

/** 0 the same node, then as far as `distance` says, where the client knows its locality. */
function fromNode({ node, locality }: Endpoint, client: Client): number {
  if (node === client.node) return 0;
  return client.locality === '' ? 1 : 1 + distance(locality, client.locality, []);
}

type Labels = Extract<Travel, { readonly how: 'alike' }>['labels'];

/** How many labels from the first that differs on. */
function unlike(endpoint: Endpoint, client: Client, labels: Labels): number {
  const theirs = { ...endpoint.labels, ...topology(endpoint.locality) };
  const place = topology(client.locality);
  const own = (name: string) => place[name] ?? client.labels[name];
  const first = labels.findIndex(({ name, value }) => (value ?? own(name)) !== theirs[name]);
  return first === -1 ? 0 : labels.length - first;
}

/** The labels by which Kubernetes and Istio say where something runs. */
function topology(locality: string): Readonly<Record<string, string>> {
  const { region, zone, subZone } = placeOf(locality);
  return {
    ...(region === '' ? {} : { 'topology.kubernetes.io/region': region }),
    ...(zone === '' ? {} : { 'topology.kubernetes.io/zone': zone }),
    ...(subZone === '' ? {} : { 'topology.istio.io/subzone': subZone }),
  };
}

type Shares = Extract<Travel, { readonly how: 'shares' }>['shares'];

/** The first share of the client's locality counts; localities that it does not name get nothing. */
function shared(groups: readonly Group[], shares: Shares, { locality }: Client): readonly Group[] {
  const own = shares.find(({ from }) => fits(locality, from));
  if (own === undefined) return groups;
  return own.to.flatMap(({ locality: pattern, percent }) => {
    const within = groups.filter((group) => fits(group.locality, pattern));
    const total = within.reduce((sum, { weight }) => sum + weight, 0);
    return within.map((group) => ({ ...group, weight: Math.ceil((group.weight * percent) / total) }));
  });
}

/** Whether a locality is one of a pattern's; what the pattern leaves out, it leaves open. */
function fits(locality: string, pattern: string): boolean {
  const parts = locality.split('/');
  return pattern.split('/').every((part, index) => part === '*' || part === (parts[index] ?? ''));
}

type Place = { readonly region: string; readonly zone: string; readonly subZone: string };

export function placeOf(locality: string): Place {
  const [region = '', zone = '', subZone = ''] = locality.split('/');
  return { region, zone, subZone };
}
