import { ownerOfNamespace } from './ownership.ts';
import { defaultSettings } from './settings.ts';
import type { Mesh, Settings } from './types.ts';

/** What holds for the proxies and manifests of a namespace. */
export function settingsFor({ owners }: Pick<Mesh, 'owners'>, namespace: string): Settings {
  return ownerOfNamespace(owners, namespace)?.settings ?? defaultSettings;
}

/** Whether the owner of one namespace is that of the other, or a scope above it. */
export function isAbove({ owners }: Pick<Mesh, 'owners'>, upper: string, lower: string): boolean {
  const [above, below] = [ownerOfNamespace(owners, upper), ownerOfNamespace(owners, lower)];
  if (above === null || below === null) return false;
  return above.uid === below.uid || below.path.endsWith(`.${above.path}`);
}
