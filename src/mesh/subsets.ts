import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { DestinationRuleResource } from '../manifests/index.ts';
import { covers, resolveHost } from './hosts.ts';
import { mistake, originOf, placeOf } from './mistake.ts';
import type { Defined } from './services.ts';
import type { Subset } from './types.ts';

type Placed = { readonly subset: Subset; readonly index: number; readonly rule: DestinationRuleResource };
export type Subsets = {
  readonly byService: ReadonlyMap<string, readonly Subset[]>;
  readonly problems: readonly Problem[];
};

/**
 * Subsets by service id. Rules of one host are merged; a subset that two of them define is a conflict, and both rules
 * are left out. A rule counts only in the namespace of its host: elsewhere Istio would apply it to the clients of that
 * namespace alone.
 */
export function readSubsets(
  rules: readonly DestinationRuleResource[],
  services: readonly Defined[],
): Subsets {
  const byService = new Map<string, Placed[]>();
  const problems: Problem[] = [];
  for (const rule of rules) {
    const host = resolveHost(rule.spec.host, rule.namespace);
    const target = services.find(
      ({ service }) => service.host === host && service.namespace === rule.namespace,
    );
    if (target === undefined) problems.push(misplaced(rule, host, services));
    else byService.set(target.service.id, [...(byService.get(target.service.id) ?? []), ...placed(rule)]);
  }
  const kept = new Map<string, readonly Subset[]>();
  for (const [id, all] of byService) {
    const conflicts = all.filter((one) => all.some((other) => isSame(one, other)));
    problems.push(...conflicts.map((one) => conflict(one, all)));
    const bad = new Set(conflicts.map(({ rule }) => rule));
    const good = all.filter(({ rule }) => !bad.has(rule)).map(({ subset }) => subset);
    kept.set(
      id,
      good.sort((left, right) => byCodeUnit(left.name, right.name)),
    );
  }
  return { byService: kept, problems };
}

function placed(rule: DestinationRuleResource): readonly Placed[] {
  return (rule.spec.subsets ?? []).map(({ name, labels = {} }, index) => {
    const origin = { ...originOf(rule), ...rule.at(['spec', 'subsets', index]) };
    return { subset: { name, labels, origin }, index, rule };
  });
}

function isSame(one: Placed, other: Placed): boolean {
  return one.rule !== other.rule && one.subset.name === other.subset.name;
}

function conflict(one: Placed, all: readonly Placed[]): Problem {
  const others = all.filter((other) => isSame(one, other)).map(({ subset }) => placeOf(subset.origin));
  const message = `subset ${one.subset.name} is also defined at ${others.join(', ')}`;
  return mistake(one.rule, ['spec', 'subsets', one.index, 'name'], 'FL3203', message);
}

function misplaced(rule: DestinationRuleResource, host: string, services: readonly Defined[]): Problem {
  const path = ['spec', 'host'];
  const elsewhere = services.find(({ service }) => service.host === host);
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
export function hint(host: string, services: readonly Defined[]): string {
  const meant = services.find(({ service }) => {
    return service.host === `${host}.svc.cluster.local` || service.host === `${host}.cluster.local`;
  });
  if (meant !== undefined) return `; ${meant.service.host} was perhaps meant`;
  const wildcard = services.find(({ service }) => covers(service.host, host));
  return wildcard === undefined ? '' : `; only the wildcard ${wildcard.service.host} covers it`;
}
