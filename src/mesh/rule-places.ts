import type { Resource, ScopeResources } from '../manifests/index.ts';
import { originOf } from './mistake.ts';
import type { Mesh, Origin, Rule } from './types.ts';

/** Resources by what origins call them. */
export function documentsOf(scopes: readonly ScopeResources[]): ReadonlyMap<string, Resource> {
  const all = scopes.flatMap(({ resources }) => resources);
  return new Map(all.map((resource) => [originOf(resource).document, resource]));
}

/**
 * The line of one of `rules` itself where its manifest has a list with one entry for each, else that of its manifest. It is
 * looked up when people ask: to keep it for every rule would mean to find it whenever a file is read.
 */
export function ruleOrigin(
  rule: Rule,
  rules: readonly Rule[],
  documents: ReadonlyMap<string, Resource>,
): Origin {
  const { origin } = rule;
  const resource = documents.get(origin.document);
  const own = rules.filter((other) => other.origin.document === origin.document);
  if (resource?.kind === 'ServiceProfile') {
    const at = own.indexOf(rule);
    return at in (resource.spec.routes ?? [])
      ? { ...origin, ...resource.at(['spec', 'routes', at]) }
      : origin;
  }
  if (resource?.kind !== 'VirtualService') return origin;
  const steps = [...(resource.spec.http ?? []).entries()];
  // Those that are handed on have the rules of other manifests in their place.
  const kept = own.length === steps.length ? steps : steps.filter(([, step]) => step.delegate === undefined);
  const [at] = (own.length === kept.length ? kept[own.indexOf(rule)] : undefined) ?? [];
  return at === undefined ? origin : { ...origin, ...resource.at(['spec', 'http', at]) };
}

/** `ruleOrigin` of the rule that does `action`, the very object; null where none does. */
export function originOfAction(
  { routings }: Pick<Mesh, 'routings'>,
  action: Rule['action'],
  documents: ReadonlyMap<string, Resource>,
): Origin | null {
  for (const { rules } of routings) {
    const rule = rules.find((one) => one.action === action);
    if (rule !== undefined) return ruleOrigin(rule, rules, documents);
  }
  return null;
}
