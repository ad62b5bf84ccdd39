import type { Problem } from '../base/problem.ts';
import { type Code, codes } from './codes.ts';
import { placeOf } from './mistake.ts';
import type { TrafficPolicy } from './policy-types.ts';
import type { Defined } from './services.ts';
import type { Endpoint, Port, Service, Subset } from './types.ts';
import { hasLabels } from './workloads.ts';

/** Envoy's, and so Istio's. */
const defaultMaxPercent = 10;

/** Policies that do nothing with what there is, each once: they are honoured, but not as their author expects. */
export function idlePolicies({ service }: Defined, endpoints: readonly Endpoint[]): readonly Problem[] {
  const problems = [null, ...service.subsets].flatMap((subset) => {
    const own = endpoints.filter(({ labels }) => subset === null || hasLabels(labels, subset.labels));
    return (subset ?? service).policies.flatMap((policy) => [
      ...unbalanced(policy, service),
      ...unejected(policy, own, service, subset),
      ...unfailing(policy, service),
      ...untunnelled(policy, service),
    ]);
  });
  const distinct = new Map(problems.map((problem) => [`${problem.code} ${placeOf(problem)}`, problem]));
  return [...distinct.values()];
}

function unbalanced(policy: TrafficPolicy, { host, discovery }: Service): readonly Problem[] {
  const how = policy.balancing?.how ?? 'original';
  if (discovery !== 'original' || how === 'original') return [];
  const message = `requests for ${host} go to their original destination: there is nothing to balance`;
  return at(policy, 'FL3326', message);
}

/** A proxy leaves alone no more than a share of the endpoints: of a few, a small share is none. */
function unejected(
  policy: TrafficPolicy,
  endpoints: readonly Endpoint[],
  { host, discovery }: Service,
  subset: Subset | null,
): readonly Problem[] {
  const count = endpoints.filter(({ ports }) => ports.has(policy.port)).length;
  if (policy.ejection === null || discovery !== 'listed' || count === 0) return [];
  const percent = policy.ejection.maxPercent ?? defaultMaxPercent;
  if (percent * count >= 100) return [];
  const whose = subset === null ? host : `subset ${subset.name} of ${host}`;
  const message = `${percent} % of the ${count} endpoint(s) of ${whose} is less than one: none is ever ejected`;
  return at(policy, 'FL3327', message);
}

/** Requests would never travel further: nothing tells that those before fail. */
function unfailing(policy: TrafficPolicy, { host }: Service): readonly Problem[] {
  const { travel, ejection } = policy;
  const isAsked = travel?.how === 'alike' || (travel?.how === 'nearest' && travel.regions.length > 0);
  if (!isAsked || ejection !== null) return [];
  return at(policy, 'FL3328', `requests for ${host} never fail over: it has no outlier detection`);
}

/** Only connections that nobody reads go through a tunnel. */
function untunnelled(policy: TrafficPolicy, { host, ports }: Service): readonly Problem[] {
  if (policy.tunnel === null || !ports.every(isRequests)) return [];
  return at(policy, 'FL3329', `${host} speaks HTTP alone, which goes through no tunnel`);
}

function isRequests({ protocol }: Port): boolean {
  return protocol === 'http' || protocol === 'http2';
}

function at({ origins }: TrafficPolicy, code: Code, message: string): readonly Problem[] {
  const place = origins.at(-1);
  if (place === undefined) return [];
  const { file, line, column } = place;
  return [{ code, severity: 'warning', message, fix: codes[code].fix, file, line, column }];
}
