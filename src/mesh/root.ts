import { ownerOfNamespace } from './ownership.ts';
import { defaultSettings } from './settings.ts';
import type { Mesh, Owner, Settings } from './types.ts';

/** What holds for the proxies and manifests of a namespace. */
export function settingsFor({ owners }: Pick<Mesh, 'owners'>, namespace: string): Settings {
  return ownerOfNamespace(owners, namespace)?.settings ?? defaultSettings;
}

/** Whether the owner of one namespace is that of the other, or a scope above it. */
export function isAbove({ owners }: Pick<Mesh, 'owners'>, upper: string, lower: string): boolean {
  const [above, below] = [ownerOfNamespace(owners, upper), ownerOfNamespace(owners, lower)];
  if (above === null || below === null) return false;
  if (above === below) return true;
  const byUid = indexes.get(owners) ?? new Map(owners.map((owner) => [owner.uid, owner]));
  indexes.set(owners, byUid);
  return lineOf(below, ({ parent }) => byUid.get(parent ?? '')).includes(above);
}

/** Made once for a list of owners. */
const indexes = new WeakMap<readonly Owner[], ReadonlyMap<string, Owner>>();

/** A scope and those above it, the nearest first: by uid, since scopes of two repositories may have one path. */
export function lineOf<T>(scope: T, parentOf: (scope: T) => T | undefined): readonly T[] {
  const line = [scope];
  for (let above = parentOf(scope); above !== undefined; above = parentOf(above)) line.push(above);
  return line;
}
