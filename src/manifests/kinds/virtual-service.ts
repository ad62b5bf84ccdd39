import {
  type HttpRoute,
  type VirtualServiceManifest,
  type VirtualServiceSpec,
  validateVirtualService,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkDurations } from './durations.ts';
import { allSidecars } from './gateway.ts';
import { checkAction } from './http-action.ts';
import { checkMatch } from './http-match.ts';
import { defineKind, istioNetworking } from './kind.ts';
import { checkStreams } from './stream-route.ts';
import { checkWeights } from './weights.ts';

/** Istio VirtualService: how requests for a host are routed. */
export const virtualService = defineKind({
  name: 'VirtualService',
  apiVersions: istioNetworking,
  validate: validateVirtualService,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'VirtualService', spec }),
});

function* check(manifest: VirtualServiceManifest): Generator<Finding> {
  const { spec } = manifest;
  const { http = [], tls = [], tcp = [] } = spec;
  yield* checkHosts(spec);
  if ((spec.hosts ?? []).length === 0) yield* checkDelegate(spec);
  yield* checkGateways(manifest);
  if (http.length + tls.length + tcp.length === 0)
    yield { code: 'FL2106', message: 'spec.http is missing', path: ['spec'] };
  for (const [index, route] of http.entries()) yield* checkRoute(route, ['spec', 'http', index]);
  yield* checkOrder(http);
  yield* checkStreams(spec);
}

/** Without hosts it is a delegate of others, which say where requests come in. */
function* checkDelegate(spec: VirtualServiceSpec): Generator<Finding> {
  for (const field of ['gateways', 'tls', 'tcp'] as const) {
    if (spec[field] === undefined) continue;
    const message = `${field} of a VirtualService without hosts, which is a delegate`;
    yield { code: 'FL2263', message, path: ['spec', field], on: 'key' };
  }
  for (const [index, { delegate }] of (spec.http ?? []).entries()) {
    if (delegate === undefined) continue;
    const path = ['spec', 'http', index, 'delegate'];
    yield { code: 'FL2263', message: 'a delegate cannot delegate', path, on: 'key' };
  }
}

function* checkHosts({ hosts = [], gateways }: VirtualServiceSpec): Generator<Finding> {
  const isOfMesh = boundTo(gateways).includes(allSidecars);
  for (const [index, host] of hosts.entries()) {
    const path = ['spec', 'hosts', index];
    if (host === '*' && isOfMesh)
      yield { code: 'FL2213', message: 'a VirtualService of the mesh cannot stand for every host', path };
    if (hosts.indexOf(host) < index) yield { code: 'FL2212', message: `host ${host} is given twice`, path };
  }
}

function boundTo(gateways: readonly string[] = []): readonly string[] {
  return gateways.length === 0 ? [allSidecars] : gateways;
}

/** A gateway is one however it is written; that of a match has to be one of the manifest's. */
function* checkGateways({ metadata, spec }: VirtualServiceManifest): Generator<Finding> {
  const { namespace = 'default' } = metadata;
  const whole = (name: string) =>
    name === allSidecars || name.includes('/') ? name : `${namespace}/${name}`;
  const all = boundTo(spec.gateways).map(whole);
  for (const [index, gateway] of all.entries()) {
    if (all.indexOf(gateway) === index) continue;
    yield { code: 'FL2212', message: `gateway ${gateway} is given twice`, path: ['spec', 'gateways', index] };
  }
  for (const { gateway, path } of gatewaysOfMatches(spec)) {
    if (all.includes(whole(gateway))) continue;
    const message = `the VirtualService is bound to ${all.join(', ')}, not to ${gateway}`;
    yield { code: 'FL2261', message, path };
  }
}

function* gatewaysOfMatches(spec: VirtualServiceSpec): Generator<{ gateway: string; path: Path }> {
  for (const list of ['http', 'tls', 'tcp'] as const) {
    for (const [at, { match = [] }] of (spec[list] ?? []).entries()) {
      for (const [index, { gateways = [] }] of match.entries()) {
        for (const [which, gateway] of gateways.entries()) {
          yield { gateway, path: ['spec', list, at, 'match', index, 'gateways', which] };
        }
      }
    }
  }
}

function* checkRoute(route: HttpRoute, path: Path): Generator<Finding> {
  yield* checkAction(route, path);
  yield* checkWeights(route.route, 'request', path);
  yield* checkDurations({ timeout: route.timeout }, path, { timeout: 'or-zero' });
  for (const [index, match] of (route.match ?? []).entries())
    yield* checkMatch(match, [...path, 'match', index]);
}

/** The first route that fits is taken (Istio): after one without a match, none is. */
function* checkOrder(http: readonly HttpRoute[]): Generator<Finding> {
  const last = http.findIndex(({ match = [] }) => match.length === 0);
  if (last === -1 || last === http.length - 1) return;
  const message = `every request is taken by spec.http[${last}]`;
  yield { code: 'FL2215', message, path: ['spec', 'http', last + 1] };
}
