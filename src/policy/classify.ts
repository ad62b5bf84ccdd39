import { byCodeUnit } from '../base/order.ts';
import type { OwnFile } from '../git/index.ts';
import type { MutationClass } from './types.ts';

export type FileChange = { readonly path: string; readonly change: 'added' | 'changed' | 'removed' };

/** The difference of two own trees, by path. Modes cannot differ: G10 allows one. */
export function changes(base: readonly OwnFile[], next: readonly OwnFile[]): readonly FileChange[] {
  const before = new Map(base.map(({ path, sha256 }) => [path, sha256]));
  const after = new Map(next.map(({ path, sha256 }) => [path, sha256]));
  const found: FileChange[] = [];
  for (const [path, digest] of after) {
    const old = before.get(path);
    if (old === undefined) found.push({ path, change: 'added' });
    else if (old !== digest) found.push({ path, change: 'changed' });
  }
  for (const path of before.keys()) if (!after.has(path)) found.push({ path, change: 'removed' });
  return found.sort((left, right) => byCodeUnit(left.path, right.path));
}

/**
 * Class of a candidate, derived from bytes and never declared (governance.md, Class). `delegate` stands for all
 * structural ones: which one it is, the records say, and whether the other files may go with them.
 */
export function classify(difference: readonly FileChange[]): MutationClass | 'mixed' {
  const policy = difference.filter(({ path }) => isPolicyFile(path)).length;
  const records = difference.some(({ path }) => path === 'delegations.yaml');
  if (policy > 0) return policy === difference.length ? 'reconfigure' : 'mixed';
  if (records) return 'delegate';
  return 'update';
}

/** The closed set of files that carry a scope's authority. */
export function isPolicyFile(path: string): boolean {
  return path === 'scope.yaml' || path.startsWith('anchors/') || path.startsWith('identity/');
}
