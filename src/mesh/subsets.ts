import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { DestinationRuleResource, Path, WrittenPolicy } from '../manifests/index.ts';
import { covers, resolveHost } from './hosts.ts';
import { mistake, originOf, placeOf } from './mistake.ts';
import { type PlacedPolicy, readPolicies } from './policies.ts';
import type { Services } from './service-index.ts';
import type { Defined } from './services.ts';
import type { Service, Subset } from './types.ts';

type Rule = DestinationRuleResource;

/**
 * The services of one scope with the subsets and policies that its rules give them; `all` only explains. Rules of one
 * host are merged; a subset or a policy of the host that two of them define is a conflict, and both rules are left out. A
 * rule counts only in the namespace of its host: elsewhere Istio would apply it to the clients of that namespace alone.
 */
export function applyRules(
  rules: readonly Rule[],
  services: readonly Defined[],
  all: Services,
): { readonly services: readonly Defined[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const byService = new Map<Defined, Rule[]>();
  for (const rule of rules) {
    const host = resolveHost(rule.spec.host, rule.namespace);
    const target = services.find(
      ({ service }) => service.host === host && service.namespace === rule.namespace,
    );
    if (target === undefined) problems.push(misplaced(rule, host, all));
    else byService.set(target, [...(byService.get(target) ?? []), rule]);
  }
  const applied = services.map((defined) => {
    const own = byService.get(defined) ?? [];
    const conflicts = new Map(own.map((rule) => [rule, conflictsOf(rule, own)]));
    problems.push(...[...conflicts.values()].flat());
    const kept = own.filter((rule) => conflicts.get(rule)?.length === 0);
    problems.push(...kept.flatMap((rule) => unknownPorts(rule, defined.service)));
    return { ...defined, service: withRules(defined.service, kept) };
  });
  return { services: applied, problems };
}

function withRules(service: Service, rules: readonly Rule[]): Service {
  const [destination = null] = rules.flatMap((rule) => placed(rule, rule.spec.trafficPolicy, []));
  const subsets = rules.flatMap((rule) => subsetsOf(rule, destination, service));
  return {
    ...service,
    subsets: subsets.sort((left, right) => byCodeUnit(left.name, right.name)),
    policies: readPolicies(destination, null, service.ports),
  };
}

function subsetsOf(rule: Rule, destination: PlacedPolicy | null, { ports }: Service): readonly Subset[] {
  return (rule.spec.subsets ?? []).map(({ name, labels = {}, trafficPolicy }, index) => {
    const path = ['spec', 'subsets', index];
    const [own = null] = placed(rule, trafficPolicy, path);
    const policies = readPolicies(destination, own, ports);
    return { name, labels, policies, origin: { ...originOf(rule), ...rule.at(path) } };
  });
}

function placed(rule: Rule, written: WrittenPolicy | undefined, path: Path): readonly PlacedPolicy[] {
  if (written === undefined) return [];
  const at = path.length === 0 ? ['spec', 'trafficPolicy'] : [...path, 'trafficPolicy'];
  return [{ written, origin: { ...originOf(rule), ...rule.at(at) } }];
}

/** What other rules of the host say too: no rule is first. */
function conflictsOf(rule: Rule, rules: readonly Rule[]): readonly Problem[] {
  const others = rules.filter((other) => other !== rule);
  const subsets = (rule.spec.subsets ?? []).flatMap(({ name }, index) => {
    const path = (at: number) => ['spec', 'subsets', at];
    const places = others.flatMap((other) => {
      const at = (other.spec.subsets ?? []).findIndex((subset) => subset.name === name);
      return at === -1 ? [] : [placeOf({ ...other.source, ...other.at(path(at)) })];
    });
    if (places.length === 0) return [];
    const message = `subset ${name} is also defined at ${places.join(', ')}`;
    return [mistake(rule, [...path(index), 'name'], 'FL3203', message)];
  });
  return [...subsets, ...policyConflict(rule, others)];
}

function policyConflict(rule: Rule, others: readonly Rule[]): readonly Problem[] {
  if (rule.spec.trafficPolicy === undefined) return [];
  const path = ['spec', 'trafficPolicy'];
  const rivals = others.filter(({ spec }) => spec.trafficPolicy !== undefined);
  if (rivals.length === 0) return [];
  const places = rivals.map((other) => placeOf({ ...other.source, ...other.at(path) }));
  const message = `the traffic policy of ${rule.spec.host} stands also at ${places.join(', ')}`;
  return [mistake(rule, path, 'FL3320', message)];
}

/** Settings of ports that the service lacks count for nothing. */
function unknownPorts(rule: Rule, { host, ports }: Service): readonly Problem[] {
  const { trafficPolicy, subsets = [] } = rule.spec;
  const policies = [
    { policy: trafficPolicy, path: ['spec', 'trafficPolicy'] },
    ...subsets.map(({ trafficPolicy: policy }, index) => {
      return { policy, path: ['spec', 'subsets', index, 'trafficPolicy'] };
    }),
  ];
  return policies.flatMap(({ policy, path }) =>
    (policy?.portLevelSettings ?? []).flatMap(({ port: { number } }, index) => {
      if (ports.some((port) => port.number === number)) return [];
      const message = `${host} has no port ${number}, only ${ports.map((port) => port.number).join(', ')}`;
      return [mistake(rule, [...path, 'portLevelSettings', index, 'port', 'number'], 'FL3321', message)];
    }),
  );
}

function misplaced(rule: DestinationRuleResource, host: string, services: Services): Problem {
  const path = ['spec', 'host'];
  const [elsewhere] = services.at(host);
  if (elsewhere === undefined)
    return mistake(rule, path, 'FL3301', `there is no service ${host}${hint(host, services)}`);
  const { namespace, origin } = elsewhere.service;
  if (origin.uid !== rule.source.uid) {
    return mistake(rule, path, 'FL3102', `${host} is owned by ${origin.scope}, not by ${rule.source.scope}`);
  }
  return mistake(
    rule,
    path,
    'FL3105',
    `${host} stands in the namespace ${namespace}, not in ${rule.namespace}`,
  );
}

/** What an unknown host may have been meant to be: a short form with its namespace, or a host that a wildcard covers. */
export function hint(host: string, services: Services): string {
  const [meant] = [...services.at(`${host}.svc.cluster.local`), ...services.at(`${host}.cluster.local`)];
  if (meant !== undefined) return `; ${meant.service.host} was perhaps meant`;
  const wildcard = services.wildcards().find(({ service }) => covers(service.host, host));
  return wildcard === undefined ? '' : `; only the wildcard ${wildcard.service.host} covers it`;
}
