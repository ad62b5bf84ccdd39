import type { Problem } from '../base/problem.ts';
import type { VirtualServiceResource } from '../manifests/index.ts';
import { claimHost } from './claim.ts';
import { entrancesOf } from './gateways.ts';
import { resolveHost } from './hosts.ts';
import { originOf } from './mistake.ts';
import { readRule } from './routing-rule.ts';
import { readStreams } from './stream-rule.ts';
import type { Owner, Routing } from './types.ts';

/** A routing and the manifest that defines it. */
export type DefinedRouting = {
  readonly routing: Routing;
  readonly resource: VirtualServiceResource;
  readonly index: number;
};

/** One routing per host that the scope may speak for; a refused host leaves out the whole manifest. */
export function readRoutings(
  resource: VirtualServiceResource,
  owners: readonly Owner[],
): { readonly defined: readonly DefinedRouting[]; readonly problems: readonly Problem[] } {
  const { namespace, spec } = resource;
  const claims = spec.hosts.map((host, index) => {
    return claimHost(resource, resolveHost(host, namespace), ['spec', 'hosts', index], owners);
  });
  const problems = claims.flatMap((claim) => claim.problems);
  if (claims.some(({ visibility }) => visibility === null)) return { defined: [], problems };
  const origin = originOf(resource);
  const rules = (spec.http ?? []).map((route) => readRule(route, namespace, origin));
  const streams = readStreams(resource, origin);
  const entrances = entrancesOf(spec.gateways, namespace);
  const defined = claims.flatMap(({ host, visibility }, index) => {
    if (visibility === null) return [];
    const about = { host, role: 'producer', ports: null, namespace, entrances } as const;
    return [{ routing: { ...about, rules, streams, visibility, origin }, resource, index }];
  });
  return { defined, problems };
}
