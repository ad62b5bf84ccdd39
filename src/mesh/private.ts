import type { Routing } from './types.ts';

type Placed = Pick<Routing, 'host' | 'namespace' | 'visibility'>;

/** Whether the clients of its own namespace alone see it. */
function isPrivate({ namespace, visibility }: Placed): boolean {
  return visibility.to === 'namespaces' && visibility.names.every((name) => name === namespace);
}

/** Whether no client in the mesh hears both: for the clients of its namespace, a private one stands for those of other namespaces. */
export function areApart(one: Placed, other: Placed): boolean {
  return one.namespace !== other.namespace && (isPrivate(one) || isPrivate(other));
}

/** Of what the clients of one namespace see in the mesh, what they hear (Istio looks at what is private to a namespace first). */
export function heard<R extends Placed>(seen: readonly R[]): readonly R[] {
  const own = new Map(seen.filter(isPrivate).map(({ host, namespace }) => [host, namespace]));
  if (own.size === 0) return seen;
  return seen.filter(({ host, namespace }) => (own.get(host) ?? namespace) === namespace);
}
