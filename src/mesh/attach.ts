import type { Problem } from '../base/problem.ts';
import type { HTTPRouteResource, Path } from '../manifests/index.ts';
import { admits, type Listener } from './api-gateways.ts';
import { claimHost } from './claim.ts';
import { type Gateways, isSeenBy, MESH, ofGateway } from './gateways.ts';
import { covers } from './hosts.ts';
import { hostOf, isService, serviceOf } from './http-route-backends.ts';
import { lacks, mistake } from './mistake.ts';
import { carriesHttp } from './protocol.ts';
import type { RouteResource } from './route-rules.ts';
import type { Services } from './service-index.ts';
import { hint } from './subsets.ts';
import type { Owner, Routing, Visibility } from './types.ts';

/** One parent of a route that is there, and one host of it whose requests it routes. */
export type Attachment = {
  readonly resource: RouteResource;
  /** Where the parent is written. */
  readonly path: Path;
  readonly host: string;
  /** Of the Service; null: all. */
  readonly port: number | null;
  readonly role: Routing['role'];
  /** Where the requests come in: `mesh`, or a listener. */
  readonly entrance: string;
  readonly visibility: Visibility;
};

/** Why a parent takes a route, or does not (Gateway API, RouteConditionReason). */
type ParentReason =
  | 'Accepted'
  | 'NoMatchingParent'
  | 'NotAllowedByListeners'
  | 'NoMatchingListenerHostname'
  | 'Conflicted'
  | 'HostNotOwned'
  /** Another controller says so. */
  | 'Foreign';

/** What became of one parent of a route. */
export type Parent = {
  readonly resource: RouteResource;
  readonly index: number;
  readonly reason: ParentReason;
  readonly message: string;
};

export type Attaching = {
  readonly attachments: readonly Attachment[];
  readonly parents: readonly Parent[];
  readonly problems: readonly Problem[];
};

/** What the parents of routes are found in. */
export type Surroundings = {
  readonly services: Services;
  readonly gateways: Gateways;
  readonly owners: readonly Owner[];
};

type Ref = HTTPRouteResource['spec']['parentRefs'][number];
type Found =
  | { readonly attachments: readonly Attachment[]; readonly problems?: readonly Problem[] }
  | { readonly reason: ParentReason; readonly message: string; readonly problems: readonly Problem[] };

/** Finds the parents of a route. One that is not there gets no requests, and is a problem. */
export function attach(resource: RouteResource, around: Surroundings): Attaching {
  const found = resource.spec.parentRefs.map((parent, index) => {
    const path = ['spec', 'parentRefs', index];
    return isService(parent)
      ? atService(resource, parent, path, around.services)
      : atGateway(resource, parent, path, around);
  });
  return {
    attachments: found.flatMap((one) => ('attachments' in one ? one.attachments : [])),
    parents: found.map((one, index): Parent => {
      const taken = { reason: 'Accepted', message: 'the route is in force' } as const;
      const { reason, message } = 'reason' in one ? one : taken;
      return { resource, index, reason, message };
    }),
    problems: found.flatMap(({ problems = [] }) => problems),
  };
}

function refuse(reason: ParentReason, problem: Problem): Found {
  return { reason, message: problem.message, problems: [problem] };
}

function atService(resource: RouteResource, parent: Ref, path: Path, services: Services): Found {
  const host = hostOf(parent, resource.namespace);
  const found = serviceOf(host, services);
  const port = parent.port ?? null;
  if (found === null) {
    const message = `there is no Service ${host}${hint(host, services)}: the route is for none of its requests`;
    return refuse(
      'NoMatchingParent',
      lacks({ host }, mistake(resource, [...path, 'name'], 'FL3301', message)),
    );
  }
  if (port !== null && !found.service.ports.some(({ number }) => number === port)) {
    const message = `${host} has no port ${port}: the route is for none of its requests`;
    return refuse(
      'NoMatchingParent',
      lacks({ host }, mistake(resource, [...path, 'port'], 'FL3303', message)),
    );
  }
  const asked = found.service.ports.filter(({ number }) => port === null || number === port);
  const message = `${host} speaks no HTTP here: the route is for none of its requests`;
  const silent = asked.some(carriesHttp) ? [] : [mistake(resource, path, 'FL3312', message)];
  const role = found.service.namespace === resource.namespace ? 'producer' : 'consumer';
  const visibility: Visibility =
    role === 'producer' ? { to: 'everybody' } : { to: 'namespaces', names: [resource.namespace] };
  return {
    attachments: [{ resource, path, host, port, role, entrance: MESH, visibility }],
    problems: silent,
  };
}

function atGateway(resource: RouteResource, parent: Ref, path: Path, around: Surroundings): Found {
  const { gateways } = around;
  const { namespace = resource.namespace, name, sectionName, port } = parent;
  const id = `${namespace}/${name}`;
  if (gateways.foreign.includes(id))
    return { reason: 'Foreign', message: `${id} is another controller's`, problems: [] };
  const all = gateways.listeners.filter(({ gateway }) => gateway === id);
  if (all.length === 0) {
    const message = `there is no Gateway ${id}: nobody outside is served by it`;
    return refuse(
      'NoMatchingParent',
      lacks(ofGateway(id), mistake(resource, [...path, 'name'], 'FL3330', message)),
    );
  }
  const named = all.filter((listener) => {
    return (sectionName ?? listener.name) === listener.name && (port ?? listener.port) === listener.port;
  });
  if (named.length === 0) {
    const which = sectionName === undefined ? `on port ${port}` : sectionName;
    const at = [...path, sectionName === undefined ? 'port' : 'sectionName'];
    const message = `${id} has no listener ${which}: the route is for none of its requests`;
    return refuse('NoMatchingParent', lacks(ofGateway(id), mistake(resource, at, 'FL3334', message)));
  }
  const labels = gateways.namespaceLabels.get(resource.namespace) ?? {};
  const open = named.filter((listener) => admits(listener, resource.kind, resource.namespace, labels));
  if (open.length === 0) {
    const message = `${id} takes no ${resource.kind} of the namespace ${resource.namespace}`;
    return refuse('NotAllowedByListeners', lacks(ofGateway(id), mistake(resource, path, 'FL3335', message)));
  }
  return atListeners(resource, path, open, all, around);
}

/** A host that a route and a listener have in common. */
type Common = { readonly listener: Listener; readonly host: string; readonly at: Path };

function atListeners(
  resource: RouteResource,
  path: Path,
  open: readonly Listener[],
  all: readonly Listener[],
  { gateways, owners }: Surroundings,
): Found {
  const common = open.flatMap((listener) => commonHosts(resource, listener, path, all));
  const [first] = open;
  if (common.length === 0) {
    const message = `${first?.gateway} listens for none of the hosts of the route`;
    const at = ['spec', resource.spec.hostnames === undefined ? 'parentRefs' : 'hostnames'];
    return refuse(
      'NoMatchingListenerHostname',
      lacks(ofGateway(first?.gateway ?? ''), mistake(resource, at, 'FL3332', message)),
    );
  }
  const claims = new Map(
    common.map(({ host, at }) => [host, claimHost(resource, host, at, owners)] as const),
  );
  const problems = [...claims.values()].flatMap((claim) => claim.problems);
  const refused = [...claims.values()].find(({ visibility }) => visibility === null);
  if (refused !== undefined)
    return { reason: 'HostNotOwned', message: refused.problems[0]?.message ?? '', problems };
  const seen = common.flatMap(({ listener, host }): readonly Attachment[] => {
    const visibility = claims.get(host)?.visibility ?? null;
    const gateway = gateways.gateways.find(({ id }) => id === listener.id);
    // One that is refused has said so itself.
    if (gateway === undefined || visibility === null || !isSeenBy(gateway, { visibility }, owners)) return [];
    return [{ resource, path, host, port: null, role: 'producer', entrance: listener.id, visibility }];
  });
  if (seen.length > 0) return { attachments: seen, problems };
  if (common.every(({ listener }) => gateways.refused.has(listener.id)))
    return { reason: 'NoMatchingParent', message: 'the listener is not served', problems };
  const message = `${common.map(({ host }) => host).join(', ')} is not visible at ${first?.gateway}: nobody is served by it there`;
  const hidden = lacks(ofGateway(first?.gateway ?? ''), mistake(resource, path, 'FL3332', message));
  return { reason: 'NoMatchingListenerHostname', message, problems: [...problems, hidden] };
}

/**
 * Hosts of a route at a listener, the narrower of the two; a route without hosts has those of the listener. A host that
 * another listener of the port is for more closely is that one's alone (Gateway API, "listener isolation").
 */
function commonHosts(
  { spec }: RouteResource,
  listener: Listener,
  parent: Path,
  all: readonly Listener[],
): readonly Common[] {
  const closer = all.filter(({ port, host }) => {
    return port === listener.port && host !== listener.host && covers(listener.host, host);
  });
  const hosts = spec.hostnames ?? [];
  const written =
    hosts.length === 0
      ? [{ host: '*', at: parent }]
      : hosts.map((host, index) => ({ host: host.toLowerCase(), at: ['spec', 'hostnames', index] }));
  return written.flatMap(({ host, at }): readonly Common[] => {
    const narrower = covers(listener.host, host) ? host : covers(host, listener.host) ? listener.host : null;
    if (narrower === null || closer.some((other) => covers(other.host, narrower))) return [];
    return [{ listener, host: narrower, at }];
  });
}
