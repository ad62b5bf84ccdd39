import { sameItems } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { DestinationRuleResource, Path, WrittenPolicy } from '../manifests/index.ts';
import { visibilityOf } from './claim.ts';
import { withHabits } from './habits.ts';
import { covers, resolveHost } from './hosts.ts';
import { originOf } from './mistake.ts';
import { isVisible } from './ownership.ts';
import { type PlacedPolicy, readPolicies } from './policies.ts';
import { isAbove, settingsFor } from './root.ts';
import type { Mesh, Origin, Owner, Service, Settings, Subset, Visibility } from './types.ts';
import { hasLabels } from './workloads.ts';

/** How clients treat the services that a host stands for. In its own namespace it counts whoever else may see it. */
export type ClientRule = {
  /** May start with `*.`, or be `*`. */
  readonly host: string;
  readonly namespace: string;
  readonly visibility: Visibility;
  /** Labels of the clients of its namespace that it is for; null: of all clients that see it. */
  readonly selector: Readonly<Record<string, string>> | null;
  readonly policy: PlacedPolicy | null;
  readonly subsets: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly policy: PlacedPolicy | null;
    readonly origin: Origin;
  }[];
  readonly origin: Origin;
};

/** One resource is one rule, so that what was made of it is found again. */
const read = new WeakMap<Settings, WeakMap<DestinationRuleResource, ClientRule>>();

export function readClientRule(resource: DestinationRuleResource, owners: readonly Owner[]): ClientRule {
  const settings = settingsFor({ owners }, resource.namespace);
  const byResource = read.get(settings) ?? new WeakMap<DestinationRuleResource, ClientRule>();
  read.set(settings, byResource);
  const known = byResource.get(resource);
  if (known !== undefined) return known;
  const { namespace, spec } = resource;
  const rule: ClientRule = {
    host: resolveHost(spec.host, namespace),
    namespace,
    visibility: visibilityOf(resource, owners),
    selector: spec.workloadSelector === undefined ? null : (spec.workloadSelector.matchLabels ?? {}),
    policy: placed(resource, spec.trafficPolicy, ['spec', 'trafficPolicy']),
    subsets: (spec.subsets ?? []).map(({ name, labels = {}, trafficPolicy }, index) => {
      const path = ['spec', 'subsets', index];
      const policy = placed(resource, trafficPolicy, [...path, 'trafficPolicy']);
      return { name, labels, policy, origin: { ...originOf(resource), ...resource.at(path) } };
    }),
    origin: originOf(resource),
  };
  byResource.set(resource, rule);
  return rule;
}

function placed(
  resource: DestinationRuleResource,
  written: WrittenPolicy | undefined,
  path: Path,
): PlacedPolicy | null {
  return written === undefined ? null : { written, origin: { ...originOf(resource), ...resource.at(path) } };
}

/** A service as those treat it for whom these rules count, which do not contradict each other. */
export function withRules(service: Service, rules: readonly ClientRule[]): Service {
  const destination = rules.find(({ policy }) => policy !== null)?.policy ?? null;
  const policies = (own: PlacedPolicy | null) =>
    withHabits(readPolicies(destination, own, service.ports), service);
  const subsets = rules.flatMap((rule) =>
    rule.subsets.map(({ name, labels, policy, origin }): Subset => {
      return { name, labels, policies: policies(policy), origin };
    }),
  );
  return {
    ...service,
    subsets: subsets.sort((left, right) => byCodeUnit(left.name, right.name)),
    policies: policies(null),
  };
}

type Labels = Readonly<Record<string, string>>;

/**
 * How clients of a namespace treat each service (Istio, "destination rule lookup"): by the rules of their own namespace,
 * those that select them by most of their `labels` first,
 * else by those that the service's namespace lets them see, else by those of the root namespace, if its owner is the
 * clients' or stands above it. Of one namespace, the rules of the narrowest host count.
 */
export function treatment(mesh: Mesh, namespace: string, labels: Labels = {}): (service: Service) => Service {
  if (mesh.clientRules.length === 0) return (service) => service;
  const index = indexOf(mesh.clientRules);
  const isFor = (rule: ClientRule) => {
    if (rule.selector !== null) return rule.namespace === namespace && hasLabels(labels, rule.selector);
    if (rule.namespace !== namespace) return isVisible(mesh, rule.visibility, namespace);
    return rule.visibility.to !== 'namespaces' || rule.visibility.names.length > 0;
  };
  const { rootNamespace: root } = settingsFor(mesh, namespace);
  const roots = isAbove(mesh, root, namespace) ? [root] : [];
  return (service) => {
    for (const level of [namespace, service.namespace, ...roots]) {
      const rules = index.get(level);
      const [exact, ...more] = closest(rules?.exact.get(service.host)?.filter(isFor) ?? []);
      if (exact !== undefined) return treated(service, [exact, ...more]);
      if (level === service.namespace && isRuled(service)) return service;
      for (const [host, wide] of rules?.wildcards ?? []) {
        const [first, ...others] = covers(host, service.host) ? closest(wide.filter(isFor)) : [];
        if (first !== undefined) return treated(service, [first, ...others]);
      }
    }
    return service;
  };
}

/** Those that select by the most labels; rules for all clients come last. */
function closest(rules: readonly ClientRule[]): readonly ClientRule[] {
  const telling = ({ selector }: ClientRule) => (selector === null ? -1 : Object.keys(selector).length);
  const most = Math.max(...rules.map(telling));
  return rules.filter((rule) => telling(rule) === most);
}

/** Whether its own namespace says something of it to everybody. */
function isRuled({ subsets, policies }: Service): boolean {
  return subsets.length > 0 || policies.some(({ origins }) => origins.length > 0);
}

type OfNamespace = {
  readonly exact: ReadonlyMap<string, readonly ClientRule[]>;
  /** The narrowest first. */
  readonly wildcards: readonly (readonly [string, readonly ClientRule[]])[];
};

/** Made once for a list: each proxy asks. */
const indexes = new WeakMap<readonly ClientRule[], ReadonlyMap<string, OfNamespace>>();

function indexOf(rules: readonly ClientRule[]): ReadonlyMap<string, OfNamespace> {
  const known = indexes.get(rules);
  if (known !== undefined) return known;
  const byNamespace = Map.groupBy(rules, ({ namespace }) => namespace);
  const index = new Map([...byNamespace].map(([namespace, own]) => [namespace, ofNamespace(own)]));
  indexes.set(rules, index);
  return index;
}

function ofNamespace(rules: readonly ClientRule[]): OfNamespace {
  const exact = Map.groupBy(rules, ({ host }) => host);
  const wildcards = [...exact].filter(([host]) => host.startsWith('*'));
  return { exact, wildcards: wildcards.sort(([left], [right]) => right.length - left.length) };
}

type Treated = { readonly rules: readonly ClientRule[]; readonly service: Service };

/** By the first of the rules. */
const made = new WeakMap<Service, WeakMap<ClientRule, Treated>>();

/** The same object for the same rules: what is translated of it is, too. */
function treated(service: Service, rules: readonly [ClientRule, ...ClientRule[]]): Service {
  const byRule = made.get(service) ?? new WeakMap<ClientRule, Treated>();
  made.set(service, byRule);
  const [first] = rules;
  const known = byRule.get(first);
  if (known !== undefined && sameItems(known.rules, rules)) return known.service;
  const fresh = { rules, service: withRules(service, rules) };
  byRule.set(first, fresh);
  return fresh.service;
}
