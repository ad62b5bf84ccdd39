import type { Visibility } from './types.ts';

/**
 * Whether some client may see both. Two that name namespaces of which one is `scope` may overlap or not; they are taken
 * to overlap when they come from one scope, since a scope's visibility never leaves its own namespaces.
 */
export function overlap(left: Seen, right: Seen): boolean {
  const [a, b] = [left.visibility, right.visibility];
  if (a.to === 'namespaces' && b.to === 'namespaces') return a.names.some((name) => b.names.includes(name));
  if (a.to === 'everybody' || b.to === 'everybody') return ![a, b].some(isNobody);
  return left.origin.uid === right.origin.uid && ![a, b].some(isNobody);
}

/** What has a host and is seen by somebody. */
export type Seen = {
  readonly host: string;
  readonly visibility: Visibility;
  readonly origin: { readonly uid: string };
};

/**
 * For each of those that have one host, the others that some client would see under it. Never first-come: all of them
 * conflict.
 */
export function conflictsOf<T>(
  groups: readonly (readonly T[])[],
  seen: (one: T) => Seen,
): ReadonlyMap<T, readonly T[]> {
  const conflicts = new Map<T, readonly T[]>();
  for (const same of groups) {
    const views = same.map(seen);
    for (const [index, one] of same.entries()) {
      const view = views[index];
      const others = same.filter((_, at) => {
        const other = views[at];
        return at !== index && view !== undefined && other !== undefined && overlap(view, other);
      });
      if (others.length > 0) conflicts.set(one, others);
    }
  }
  return conflicts;
}

function isNobody(visibility: Visibility): boolean {
  return visibility.to === 'namespaces' && visibility.names.length === 0;
}
