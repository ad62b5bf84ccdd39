import type { Problem } from '../base/problem.ts';
import { durationMs, type Path, type ProfileRoute, type ServiceProfileResource } from '../manifests/index.ts';
import { MESH } from './gateways.ts';
import { withHabits } from './habits.ts';
import { readHeaders } from './headers.ts';
import { namespaceOfHost } from './hosts.ts';
import { mistake, originOf } from './mistake.ts';
import type { RetryBudget } from './policy-types.ts';
import { failures, readCondition } from './profile-match.ts';
import { carriesHttp } from './protocol.ts';
import type { Claimed } from './rivals.ts';
import { writtenAt } from './rule-places.ts';
import type { Services } from './service-index.ts';
import type { Defined } from './services.ts';
import { hint } from './subsets.ts';
import type { Destination, Forward, Retries, Routing, Rule } from './types.ts';

type Resource = ServiceProfileResource;

/** A routing and the ServiceProfile that says it. */
export type Profiled = { readonly routing: Routing; readonly resource: Resource };

/**
 * What a ServiceProfile says of requests for the service of its name: in the service's own namespace to everybody, in
 * another one to the clients of that (Linkerd). What none of its routes is for goes to the service all the same.
 */
export function readProfile(resource: Resource): Profiled {
  const { namespace, spec } = resource;
  const host = resource.name.toLowerCase();
  const origin = originOf(resource);
  const destinations = split(resource, host);
  const said = { ...readHeaders(undefined), cors: null, handed: null, origin };
  const { askedHost: _, ...rest } = said;
  const rule = (name: string | null, matches: Rule['matches'], forward: Partial<Forward>): Rule => {
    return { ...rest, name, matches, action: { ...nothing, destinations, ...forward } };
  };
  const rules = (spec.routes ?? []).map((route, at) => {
    const timeoutMs = route.timeout === undefined ? null : durationMs(route.timeout);
    const said = { timeoutMs, retries: retriesOf(route) };
    return writtenAt(rule(route.name, readCondition(route.condition), said), resource, [
      'spec',
      'routes',
      at,
    ]);
  });
  const isProducer = isOfItsNamespace(resource);
  const routing: Routing = {
    ...{ host, namespace, ports: null, entrances: [MESH], streams: [], origin },
    role: isProducer ? 'producer' : 'consumer',
    rules: [...rules, rule(null, [], {})],
    visibility: isProducer ? { to: 'everybody' } : { to: 'namespaces', names: [namespace] },
  };
  return { routing, resource };
}

function isOfItsNamespace({ name, namespace }: Resource): boolean {
  return namespaceOfHost(name.toLowerCase()) === namespace;
}

/** Linkerd tries again for as long as the budget lasts; a proxy wants a number. */
const maxAttempts = 10;

const once: Retries = {
  attempts: 0,
  perTryTimeoutMs: null,
  on: [],
  avoidTried: null,
  otherLocalities: false,
  backoffMs: null,
};

/** What is not said to be safe is never tried again (Linkerd). */
const nothing: Omit<Forward, 'destinations'> = {
  does: 'forward',
  refusedWeight: 0,
  path: null,
  askedHost: null,
  mirrors: [],
  timeoutMs: null,
  retries: once,
  fault: null,
};

function retriesOf({ isRetryable = false, responseClasses }: ProfileRoute): Retries {
  return isRetryable ? { ...once, attempts: maxAttempts, on: failures(responseClasses) } : once;
}

/** Where its requests go: to the service, or what stands in its place. */
function split({ spec: { dstOverrides = [] } }: Resource, host: string): readonly Destination[] {
  const { askedHost, ...headers } = readHeaders(undefined);
  const to = { subset: null, askedHost, ...headers };
  if (dstOverrides.length === 0) return [{ ...to, host, port: null, weight: 1 }];
  return dstOverrides.flatMap(({ authority, weight }): readonly Destination[] => {
    const [name = '', port] = authority.toLowerCase().split(':');
    const share = thousandths(weight);
    const target = { ...to, host: name, port: port === undefined ? null : Number(port) };
    return share === 0 ? [] : [{ ...target, weight: share }];
  });
}

/** A quantity of Kubernetes. */
function thousandths(weight: number | string): number {
  const text = String(weight);
  return Math.round(text.endsWith('m') ? Number(text.slice(0, -1)) : Number(text) * 1000);
}

/** Linkerd's, where nothing is said: a fifth of the requests of ten seconds, and ten in any case. */
const usualBudget: RetryBudget = { percent: 20, least: 10, countsForMs: 10_000 };

/** Services with the budget of retries that their ServiceProfile asks for, where one of its routes is tried again. */
export function withBudgets(services: readonly Defined[], profiles: readonly Profiled[]): readonly Defined[] {
  const own = profiles.filter(({ resource }) => isOfItsNamespace(resource));
  const byHost = new Map(own.map(({ routing, resource }) => [routing.host, resource]));
  return services.map((defined) => {
    const { service } = defined;
    const profile = byHost.get(service.host);
    if (profile === undefined || profile.namespace !== service.namespace) return defined;
    const habits = { ...service.habits, retryBudget: budgetOf(profile) };
    const asked = { ...service, habits };
    return { ...defined, service: { ...asked, policies: withHabits([], asked) } };
  });
}

function budgetOf({ spec: { retryBudget, routes = [] } }: Resource): RetryBudget | null {
  if (retryBudget !== undefined) {
    return {
      percent: Math.round(retryBudget.retryRatio * 1e6) / 1e4,
      least: retryBudget.minRetriesPerSecond,
      countsForMs: durationMs(retryBudget.ttl),
    };
  }
  return routes.some(({ isRetryable }) => isRetryable) ? usualBudget : null;
}

/** What a profile claims; that of consumers is claimed by no other routes of theirs. */
export function claimOfProfile({ routing, resource }: Profiled): Claimed {
  const entrances = [routing.role === 'producer' ? MESH : consumedBy(routing.namespace)];
  return { routing: { ...routing, entrances }, places: [{ resource, path: ['metadata', 'name'] }] };
}

/** Where requests of the clients of a namespace come in, as far as they are routed by itself. */
export function consumedBy(namespace: string): string {
  return `${MESH} of ${namespace}`;
}

/** What a profile names that is not there. */
export function danglingProfile({ routing, resource }: Profiled, services: Services): readonly Problem[] {
  const own = services.at(routing.host);
  const absent = (host: string, path: Path, what: string) => {
    const message = `there is no service ${host}${hint(host, services)}: ${what}`;
    return mistake(resource, path, 'FL3301', message);
  };
  if (own.length === 0) return [absent(routing.host, ['metadata', 'name'], 'the profile is for nobody')];
  const ports = own.flatMap(({ service }) => service.ports);
  const message = `${routing.host} speaks no HTTP by its ports: its requests are not seen`;
  const silent = ports.some(carriesHttp) ? [] : [mistake(resource, ['metadata', 'name'], 'FL3312', message)];
  const targets = (resource.spec.dstOverrides ?? []).flatMap(({ authority }, index) => {
    const path = ['spec', 'dstOverrides', index, 'authority'];
    const [host = '', port] = authority.toLowerCase().split(':');
    const [found] = services.at(host);
    if (found === undefined) return [absent(host, path, 'its requests are answered 503')];
    const numbers = found.service.ports.map(({ number }) => number);
    if (port === undefined || numbers.includes(Number(port))) return [];
    const why = `${host} has no port ${port}, only ${numbers.join(', ')}: its requests are answered 503`;
    return [mistake(resource, path, 'FL3303', why)];
  });
  return [...silent, ...targets];
}
