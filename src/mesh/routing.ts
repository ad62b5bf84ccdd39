import type { Problem } from '../base/problem.ts';
import type { VirtualServiceResource } from '../manifests/index.ts';
import { claimHost } from './claim.ts';
import { type DelegatesAround, readStep } from './delegates.ts';
import { entrancesOf } from './gateways.ts';
import { resolveHost } from './hosts.ts';
import { originOf } from './mistake.ts';
import { readStreams } from './stream-rule.ts';
import type { Owner, Routing } from './types.ts';

/** A routing and the manifest that defines it. */
export type DefinedRouting = {
  readonly routing: Routing;
  readonly resource: VirtualServiceResource;
  /** Delegates of which some of its rules are, and the steps that hand on to them. */
  readonly handedTo: readonly { readonly delegate: VirtualServiceResource; readonly step: number }[];
  readonly index: number;
};

/** One routing per host that the scope may speak for; a refused host leaves out the whole manifest. */
export function readRoutings(
  resource: VirtualServiceResource,
  owners: readonly Owner[],
  delegates: DelegatesAround,
): { readonly defined: readonly DefinedRouting[]; readonly problems: readonly Problem[] } {
  const { namespace, spec } = resource;
  const claims = (spec.hosts ?? []).map((host, index) => {
    return claimHost(resource, resolveHost(host, namespace), ['spec', 'hosts', index], owners);
  });
  const problems = claims.flatMap((claim) => claim.problems);
  if (claims.some(({ visibility }) => visibility === null)) return { defined: [], problems };
  const origin = originOf(resource);
  const steps = (spec.http ?? []).map((step, at) => readStep(resource, at, step, delegates, owners));
  const rules = steps.flatMap((step) => step.rules);
  const handedTo = steps.flatMap(({ delegate }, step) => (delegate === null ? [] : [{ delegate, step }]));
  const streams = readStreams(resource, origin);
  const entrances = entrancesOf(spec.gateways, namespace);
  const defined = claims.flatMap(({ host, visibility }, index) => {
    if (visibility === null) return [];
    const about = { host, role: 'producer', ports: null, namespace, entrances } as const;
    return [{ routing: { ...about, rules, streams, visibility, origin }, resource, handedTo, index }];
  });
  return { defined, problems: [...problems, ...steps.flatMap((step) => step.problems)] };
}
