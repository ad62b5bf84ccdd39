import type { Problem } from '../base/problem.ts';
import type { Path, Resource, VirtualServiceResource } from '../manifests/index.ts';
import type { ClientRule } from './client-rules.ts';
import type { Code } from './codes.ts';
import { overlap } from './conflicts.ts';
import { entranceOf, MESH, meet } from './gateways.ts';
import { covers } from './hosts.ts';
import { lacks, mistake } from './mistake.ts';
import { carriesBytes, carriesHttp } from './protocol.ts';
import type { DefinedRouting } from './routing.ts';
import { readTarget } from './routing-rule.ts';
import type { Services } from './service-index.ts';
import { hint } from './subsets.ts';
import type { Gateway, Port, Routing, Service, Target } from './types.ts';

const answered = 'its requests are answered 503';
const closed = 'its connections are closed';
const notMirrored = 'nothing is mirrored to it';

/** A place of a manifest that names where requests go. */
type Reference = {
  readonly resource: Resource;
  readonly routing: Routing;
  readonly path: Path;
  readonly target: Target;
  /** What of a host's ports the step is about. */
  readonly of: 'requests' | 'tls' | 'bytes';
  /** Each has to let a request through, by one of its matches or by having none: those of the step, and of those that hand on to it. */
  readonly gates: readonly (readonly Gate[])[];
  /** What becomes of requests for it when it is not there. */
  readonly consequence: string;
};

/** What of a match says where requests come in: at which port (null: any), and by which entrances (empty: any). */
type Gate = { readonly port: number | null; readonly entrances: readonly string[] };

/**
 * Destinations that do not exist. The routing stays: leaving it out would send the requests that its author wanted
 * elsewhere to the host's own service, silently. What cannot be reached is answered 503, as an Istio user expects.
 */
export function danglingOf(
  defined: DefinedRouting,
  services: Services,
  gateways: readonly Gateway[],
  clientRules: readonly ClientRule[],
): readonly Problem[] {
  const silent = unseen(defined, services);
  if (defined.index > 0) return silent;
  const hasSubset = subsetsAmong(clientRules);
  const inspectOne = (reference: Reference) => {
    const asked = () => askedPorts(reference, services, gateways);
    return inspect(reference, asked, services, hasSubset);
  };
  return [...silent, ...referencesOf(defined).flatMap(inspectOne), ...foreignProblems(defined, inspectOne)];
}

/** Rules for what no sidecar sees of a host, where nothing comes in by anything else. */
function unseen({ resource, routing, index }: DefinedRouting, services: Services): readonly Problem[] {
  const ports = services.at(routing.host).flatMap(({ service }) => service.ports);
  if (ports.length === 0 || routing.entrances.some((entrance) => entrance !== MESH)) return [];
  const has = (of: 'tls' | 'tcp') => routing.streams.some((rule) => rule.of === of);
  const said: readonly [boolean, boolean, Code, string][] = [
    [routing.rules.length > 0, ports.some(carriesHttp), 'FL3312', 'no HTTP: its requests are not seen'],
    [has('tls'), ports.some(({ protocol }) => protocol === 'tls'), 'FL3313', 'no TLS by its ports'],
    [has('tcp'), ports.some(carriesBytes), 'FL3313', 'nothing but HTTP and TLS by its ports'],
  ];
  return said.flatMap(([isSaid, isSeen, code, what]) => {
    if (!isSaid || isSeen) return [];
    return [mistake(resource, ['spec', 'hosts', index], code, `${routing.host} speaks ${what}`)];
  });
}

/** Ports at which what the step is about may come in, and come to it. */
function askedPorts(
  { routing, of, gates }: Reference,
  services: Services,
  gateways: readonly Gateway[],
): readonly number[] {
  const own = services.at(routing.host)[0]?.service.ports;
  const ofMesh = own?.filter(mayCarry[of]).map(({ number }) => number) ?? (of === 'requests' ? [80] : []);
  const ports = routing.entrances.flatMap((entrance) => {
    const opened = entrance === MESH ? ofMesh : openedBy(entrance, routing, of, gateways);
    return opened.filter((port) => gates.every((gate) => isOpen(gate, port, entrance)));
  });
  return [...new Set(ports)];
}

const mayCarry = {
  requests: carriesHttp,
  tls: ({ protocol }: Port) => protocol === 'tls',
  bytes: carriesBytes,
} as const satisfies Record<Reference['of'], (port: Port) => boolean>;

/** What a server sends elsewhere itself comes to no step. */
function openedBy(
  gateway: string,
  routing: Routing,
  of: Reference['of'],
  gateways: readonly Gateway[],
): readonly number[] {
  const servers = gateways.find(({ id }) => id === gateway)?.servers ?? [];
  const open = servers.filter(({ carries, insistsOnHttps }) => carries === of && !insistsOnHttps);
  return open.filter((server) => meet(server, routing).length > 0).map(({ port }) => port);
}

function isOpen(gates: readonly Gate[], asked: number, by: string): boolean {
  if (gates.length === 0) return true;
  return gates.some(({ port, entrances }) => {
    return (port ?? asked) === asked && (entrances.length === 0 || entrances.includes(by));
  });
}

/** Of the matches of a step, written in a namespace. */
function gatesOf(
  matches: readonly { readonly port?: number; readonly gateways?: readonly string[] }[],
  namespace: string,
): readonly Gate[] {
  return matches.map(({ port = null, gateways = [] }) => {
    return { port, entrances: gateways.map((name) => entranceOf(name, namespace)) };
  });
}

/** Its own, and those of the delegates of its scope. */
function referencesOf(defined: DefinedRouting): readonly Reference[] {
  const { resource, handedTo } = defined;
  const own = handedTo.map(({ delegate }) => delegate).filter((each) => isOfOneScope(each, resource));
  return [resource, ...new Set(own)].flatMap((each) => namedBy(each, defined));
}

function isOfOneScope(one: Resource, other: Resource): boolean {
  return one.source.uid === other.source.uid;
}

/** What delegates of other scopes name that is not there is no mistake of this one: a warning at the step. */
function foreignProblems(
  defined: DefinedRouting,
  inspectOne: (reference: Reference) => readonly Problem[],
): readonly Problem[] {
  const { resource, handedTo } = defined;
  const foreign = handedTo.filter(({ delegate }) => !isOfOneScope(delegate, resource));
  return foreign.flatMap(({ delegate, step }) => {
    const found = namedBy(delegate, defined).flatMap(inspectOne);
    const [first, ...others] = new Set(found.map(({ message }) => message));
    if (first === undefined) return [];
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    const message = `of ${delegate.namespace}/${delegate.name}: ${first}${more}`;
    return [mistake(resource, ['spec', 'http', step, 'delegate'], 'FL3343', message)];
  });
}

function namedBy(resource: VirtualServiceResource, defined: DefinedRouting): readonly Reference[] {
  const { namespace, spec } = resource;
  const { routing } = defined;
  const handing = handingTo(resource, defined);
  const requests = (spec.http ?? []).flatMap(({ match = [], route = [], mirror, mirrors = [] }, at) => {
    const step: Path = ['spec', 'http', at];
    const all = [
      ...route.map(({ destination }, index) => ({
        list: 'route',
        index,
        destination,
        consequence: answered,
      })),
      ...mirrors.map(({ destination }, index) => ({
        list: 'mirrors',
        index,
        destination,
        consequence: notMirrored,
      })),
    ].map(({ list, index, destination, consequence }) => ({
      path: [...step, list, index, 'destination'],
      target: readTarget(destination, namespace),
      consequence,
    }));
    const one =
      mirror === undefined
        ? []
        : [{ path: [...step, 'mirror'], target: readTarget(mirror, namespace), consequence: notMirrored }];
    const about = {
      resource,
      routing,
      of: 'requests',
      gates: [gatesOf(match, namespace), ...handing],
    } as const;
    return [...all, ...one].map((reference) => ({ ...reference, ...about }));
  });
  const streams = (['tls', 'tcp'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ match = [], route }, at) =>
      route.map(
        ({ destination }, index): Reference => ({
          path: ['spec', list, at, 'route', index, 'destination'],
          target: readTarget(destination, namespace),
          consequence: closed,
          resource,
          routing,
          of: list === 'tls' ? 'tls' : 'bytes',
          gates: [gatesOf(match, namespace)],
        }),
      ),
    ),
  );
  return [...requests, ...streams];
}

/** The matches of all steps that hand on to a delegate; none: it is no delegate, or one of them has none. */
function handingTo(
  delegate: VirtualServiceResource,
  { resource, handedTo }: DefinedRouting,
): readonly (readonly Gate[])[] {
  const steps = handedTo.filter((handed) => handed.delegate === delegate);
  const matches = steps.map(({ step }) =>
    gatesOf(resource.spec.http?.[step]?.match ?? [], resource.namespace),
  );
  return matches.some((match) => match.length === 0) ? [] : [matches.flat()];
}

/** Null: any subset at all. */
type HasSubset = (service: Service, name: string | null) => boolean;

/** Some client may have it, if not all. */
function subsetsAmong(clientRules: readonly ClientRule[]): HasSubset {
  return ({ host, subsets }, subset) =>
    subsets.some(({ name }) => name === (subset ?? name)) ||
    clientRules.some((rule) => {
      return covers(rule.host, host) && rule.subsets.some(({ name }) => name === (subset ?? name));
    });
}

function inspect(
  reference: Reference,
  asked: () => readonly number[],
  services: Services,
  hasSubset: HasSubset,
): readonly Problem[] {
  const { resource, routing, path, target, consequence } = reference;
  const { host, subset, port } = target;
  const found = services.at(host).filter(({ service }) => overlap(service, routing));
  if (found.length === 0) {
    const message = `there is no service ${host} for its clients${hint(host, services)}: ${consequence}`;
    return [lacks({ host }, mistake(resource, [...path, 'host'], 'FL3301', message))];
  }
  const problems: Problem[] = [];
  for (const { service } of found) {
    if (subset !== null && !hasSubset(service, subset)) {
      const message = `${host} has no subset ${subset}: ${consequence}`;
      const what = hasSubset(service, null) ? { host } : 'anybody';
      problems.push(lacks(what, mistake(resource, [...path, 'subset'], 'FL3302', message)));
    }
    const numbers = service.ports.map(({ number }) => number);
    if (port !== null && !numbers.includes(port)) {
      const message = `${host} has no port ${port}, only ${numbers.join(', ')}: ${consequence}`;
      problems.push(lacks({ host }, mistake(resource, [...path, 'port', 'number'], 'FL3303', message)));
    }
    if (port === null) problems.push(...unnamedPort(reference, asked, service));
  }
  return problems;
}

/** Without a port, a service of several is called on the port that was asked for, which it has to have. */
function unnamedPort(
  { resource, routing, path, consequence }: Reference,
  asked: () => readonly number[],
  service: Service,
): readonly Problem[] {
  if (service.ports.length <= 1) return [];
  const numbers = new Set(service.ports.map(({ number }) => number));
  const missing = asked().filter((port) => !numbers.has(port));
  if (missing.length === 0) return [];
  const message = `${service.host} has several ports, but not ${missing.join(', ')} of ${routing.host}: ${consequence}`;
  const problem = mistake(resource, path, 'FL3303', message, 'name the port of the destination');
  return [lacks({ host: service.host }, problem)];
}
