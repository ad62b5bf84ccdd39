import type { Problem } from '../base/problem.ts';
import { type AmendingResource, contradict, isGateway, type WrittenChange } from '../manifests/index.ts';
import { gatewayNameLabel } from './api-gateways.ts';
import { mistake, originOf, placeOf } from './mistake.ts';
import { isAbove, settingsFor } from './root.ts';
import type { Mesh, Origin } from './types.ts';
import { hasLabels, mayMeet } from './workloads.ts';

type Labels = Readonly<Record<string, string>>;

/** What is changed, in the end, of what some proxies hear, in words that `translate` alone reads. */
export type Amendment = {
  readonly namespace: string;
  /** Labels of the workloads; null: all of the namespace. */
  readonly selector: Labels | null;
  /** Names of Gateways of the namespace, whose proxies alone it is for; null: whatever they serve. */
  readonly gateways: readonly string[] | null;
  /** The lowest comes first. */
  readonly priority: number;
  readonly changes: readonly Change[];
  readonly origin: Origin;
};

export type Change = { readonly says: WrittenChange; readonly origin: Origin };

function readAmendment(resource: AmendingResource): Amendment {
  const { namespace, spec } = resource;
  const labels = spec.workloadSelector?.labels ?? {};
  const { targetRefs = [] } = spec;
  const origin = originOf(resource);
  return {
    namespace,
    selector: Object.keys(labels).length === 0 ? null : labels,
    gateways: targetRefs.length === 0 ? null : targetRefs.filter(isGateway).map(({ name }) => name),
    priority: spec.priority ?? 0,
    changes: (spec.configPatches ?? []).map((says, index) => {
      return { says, origin: { ...origin, ...resource.at(['spec', 'configPatches', index]) } };
    }),
    origin,
  };
}

/** Those that contradict each other for a workload, with nothing to say which is the last: neither is honoured. */
export function withoutRivalAmendments(
  resources: readonly AmendingResource[],
  problems: Problem[],
): readonly Amendment[] {
  const all = resources.map((resource) => ({ resource, amendment: readAmendment(resource) }));
  const byTarget = Map.groupBy(
    all.flatMap((one) => one.amendment.changes.map(({ says }) => ({ one, says }))),
    ({ one, says }) => targetOf(one.amendment, says),
  );
  return all.flatMap((one) => {
    const { resource, amendment } = one;
    let first = -1;
    const rivals = new Set<string>();
    for (const [at, { says }] of amendment.changes.entries()) {
      for (const other of byTarget.get(targetOf(amendment, says)) ?? []) {
        if (rivals.size > maxPlaces) break;
        if (other.one === one || !areRivals(amendment, other.one.amendment)) continue;
        if (!contradict(says, other.says)) continue;
        if (first < 0) first = at;
        rivals.add(placeOf(other.one.amendment.origin));
      }
    }
    if (first < 0) return [amendment];
    const places = [...rivals].slice(0, maxPlaces).join(', ');
    const message = `${places}${rivals.size > maxPlaces ? ' and others say' : ' says'} something else of the same, with the same priority`;
    problems.push(mistake(resource, ['spec', 'configPatches', first], 'FL3360', message));
    return [];
  });
}

/** As many as anybody reads: of many rivals, each would name all others. */
const maxPlaces = 5;

/** What two changes have in common that can contradict each other: many are compared with few. */
function targetOf({ namespace, priority }: Amendment, { applyTo, match = {} }: WrittenChange): string {
  return JSON.stringify([namespace, priority, applyTo, match], (_, value: unknown) => {
    const isFields = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isFields ? Object.fromEntries(Object.entries(value).sort()) : value;
  });
}

/** Whether a workload may have both, one as soon as the other. */
function areRivals(one: Amendment, other: Amendment): boolean {
  if (one.priority !== other.priority) return false;
  const { gateways } = other;
  if (gateways !== null && one.gateways?.some((name) => gateways.includes(name)) === false) return false;
  return mayMeet(one, other);
}

/** By the positions of those that it has: the same list for all who have the same. */
const lists = new WeakMap<readonly Amendment[], Map<string, readonly Amendment[]>>();

/**
 * What is changed of what a workload hears, in order (Istio, "EnvoyFilter"): what the root namespace says, if its owner is
 * the workload's or stands above it, then what its own namespace says; of each by priority, then by name.
 */
export function amendmentsOf(mesh: Mesh, namespace: string, labels: Labels): readonly Amendment[] {
  const { amendments } = mesh;
  if (amendments.length === 0) return amendments;
  const { rootNamespace: root } = settingsFor(mesh, namespace);
  const levels = root !== namespace && isAbove(mesh, root, namespace) ? [root, namespace] : [namespace];
  const indexes = levels.flatMap((level) =>
    [...amendments.keys()].filter((index) => {
      const amendment = amendments[index];
      return amendment?.namespace === level && isForLabels(amendment, namespace, labels);
    }),
  );
  const known = lists.get(amendments) ?? new Map<string, readonly Amendment[]>();
  lists.set(amendments, known);
  const key = indexes.join();
  const found = known.get(key) ?? indexes.flatMap((index) => amendments[index] ?? []);
  known.set(key, found);
  return found;
}

function isForLabels(
  { namespace: own, selector, gateways }: Amendment,
  namespace: string,
  labels: Labels,
): boolean {
  const gateway = labels[gatewayNameLabel] ?? '';
  if (gateways !== null && !(own === namespace && gateways.includes(gateway))) return false;
  return selector === null || hasLabels(labels, selector);
}

/** In the order of these: by namespace, then as they come. */
export function orderOf({ namespace, priority, origin }: Amendment): string {
  return `${namespace} ${String(priority + 2 ** 31).padStart(10, '0')} ${origin.document}`;
}
