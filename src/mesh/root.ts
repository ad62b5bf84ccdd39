import { ownerOfNamespace } from './ownership.ts';
import type { Mesh } from './types.ts';

/** The namespace whose rules are the defaults of others, for those of a namespace; Istio's, unless they say another. */
export function rootNamespace(_mesh: Mesh, _namespace: string): string {
  return 'istio-system';
}

/** Whether the owner of one namespace is that of the other, or a scope above it. */
export function isAbove({ owners }: Pick<Mesh, 'owners'>, upper: string, lower: string): boolean {
  const [above, below] = [ownerOfNamespace(owners, upper), ownerOfNamespace(owners, lower)];
  if (above === null || below === null) return false;
  return above.uid === below.uid || below.path.endsWith(`.${above.path}`);
}
