import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { DestinationRuleResource, Path } from '../manifests/index.ts';
import { visibilityOf } from './claim.ts';
import { type ClientRule, readClientRule, withRules } from './client-rules.ts';
import { covers, resolveHost } from './hosts.ts';
import { lacks, mistake, placesOf, spotsOf } from './mistake.ts';
import type { Services } from './service-index.ts';
import type { Defined } from './services.ts';
import type { Owner, Service } from './types.ts';

type Rule = DestinationRuleResource;

/**
 * The services of one scope with the subsets and policies that its rules give them; `all` only explains. Rules of one
 * host and namespace are merged; a subset or a policy of the host that two of them define is a conflict, and both rules
 * are left out. What rules of the host's own namespace say to everybody stands in the service; all others are for some
 * clients only.
 */
export function applyRules(
  rules: readonly Rule[],
  services: readonly Defined[],
  all: Services,
  owners: readonly Owner[],
): {
  readonly services: readonly Defined[];
  readonly clientRules: readonly ClientRule[];
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const byService = new Map<Defined, readonly Rule[]>();
  const clientRules: ClientRule[] = [];
  const groups = Map.groupBy(rules, ({ spec: { host }, namespace }) => {
    return `${namespace}/${resolveHost(host, namespace)}`;
  });
  for (const group of [...groups.values()].flatMap(bySelector)) {
    const conflicts = conflictsAmong(group);
    problems.push(...[...conflicts.values()].flat());
    const kept = group.filter((rule) => conflicts.get(rule)?.length === 0);
    problems.push(...kept.flatMap((rule) => inspect(rule, all)));
    const target = kept.every((rule) => isForEverybody(rule, owners)) ? targetOf(kept, services) : undefined;
    if (target === undefined) clientRules.push(...kept.map((rule) => readClientRule(rule, owners)));
    else byService.set(target, kept);
  }
  const applied = services.map((defined) => {
    const own = (byService.get(defined) ?? []).map((rule) => readClientRule(rule, owners));
    return own.length === 0 ? defined : { ...defined, service: withRules(defined.service, own) };
  });
  return { services: applied, clientRules, problems };
}

/** Rules contradict each other where they are for the same clients. */
function bySelector(rules: readonly Rule[]): readonly (readonly Rule[])[] {
  const groups = Map.groupBy(rules, ({ spec: { workloadSelector } }) => {
    const labels = Object.entries(workloadSelector?.matchLabels ?? {});
    return workloadSelector === undefined ? '' : JSON.stringify(labels.sort(([a], [b]) => byCodeUnit(a, b)));
  });
  return [...groups.values()];
}

function isForEverybody(rule: Rule, owners: readonly Owner[]): boolean {
  const { trafficPolicy, subsets = [], workloadSelector } = rule.spec;
  if (workloadSelector !== undefined) return false;
  // One that says nothing hides those for wider hosts, and nothing in a service could say that.
  return visibilityOf(rule, owners).to === 'everybody' && (trafficPolicy !== undefined || subsets.length > 0);
}

function targetOf([rule]: readonly Rule[], services: readonly Defined[]): Defined | undefined {
  if (rule === undefined) return undefined;
  const host = resolveHost(rule.spec.host, rule.namespace);
  return services.find(({ service }) => service.host === host && service.namespace === rule.namespace);
}

/** What does nothing: the host is not there, or has not the port. */
function inspect(rule: Rule, all: Services): readonly Problem[] {
  const host = resolveHost(rule.spec.host, rule.namespace);
  const found = all.at(host);
  const [own = found[0]] = found.filter(({ service }) => service.namespace === rule.namespace);
  if (own !== undefined) return unknownPorts(rule, own.service);
  if (host.startsWith('*')) return [];
  const message = `there is no service ${host}${hint(host, all)}`;
  return [lacks({ host }, mistake(rule, ['spec', 'host'], 'FL3301', message))];
}

/** What several rules of the host say: no rule is first. */
function conflictsAmong(rules: readonly Rule[]): ReadonlyMap<Rule, readonly Problem[]> {
  const found = new Map(rules.map((rule) => [rule, [] as Problem[]]));
  if (rules.length === 1) return found;
  const spotOf = spotsOf<Said>(({ rule, path }) => [rule, path]);
  for (const same of Map.groupBy(rules.flatMap(saidBy), ({ what }) => what).values()) {
    for (const said of same) {
      const rivals = same.filter(({ rule }) => rule !== said.rule);
      if (rivals.length > 0) found.get(said.rule)?.push(conflict(said, placesOf(rivals.map(spotOf))));
    }
  }
  return found;
}

/** What only one rule may say; `subset` null: the policy of the host itself. */
type Said = {
  readonly rule: Rule;
  readonly what: string;
  readonly subset: string | null;
  readonly path: Path;
};

function saidBy(rule: Rule): readonly Said[] {
  const { subsets = [], trafficPolicy } = rule.spec;
  const named = subsets.map(({ name }, index): Said => {
    return { rule, what: `subset ${name}`, subset: name, path: ['spec', 'subsets', index] };
  });
  if (trafficPolicy === undefined) return named;
  return [...named, { rule, what: 'policy', subset: null, path: ['spec', 'trafficPolicy'] }];
}

function conflict({ rule, subset, path }: Said, places: string): Problem {
  if (subset === null) {
    const message = `the traffic policy of ${rule.spec.host} stands also at ${places}`;
    return mistake(rule, path, 'FL3320', message);
  }
  return mistake(rule, [...path, 'name'], 'FL3203', `subset ${subset} is also defined at ${places}`);
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
      const at = [...path, 'portLevelSettings', index, 'port', 'number'];
      return [lacks({ host }, mistake(rule, at, 'FL3321', message))];
    }),
  );
}

/** What an unknown host may have been meant to be: a short form with its namespace, or a host that a wildcard covers. */
export function hint(host: string, services: Services): string {
  const [meant] = [...services.at(`${host}.svc.cluster.local`), ...services.at(`${host}.cluster.local`)];
  if (meant !== undefined) return `; ${meant.service.host} was perhaps meant`;
  const wildcard = services.wildcards().find(({ service }) => covers(service.host, host));
  return wildcard === undefined ? '' : `; only the wildcard ${wildcard.service.host} covers it`;
}
