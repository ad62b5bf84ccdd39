import type { ReferenceGrantResource } from '../manifests/index.ts';

/** What a ReferenceGrant lets others name: Services of its namespace. */
export type Grant = {
  /** Kinds of routes, with their namespaces. */
  readonly from: readonly { readonly kind: string; readonly namespace: string }[];
  readonly namespace: string;
  /** Null: all of them. */
  readonly services: readonly string[] | null;
};

/** The grants of a scope; each is for what stands in its own namespace, which nobody else owns. */
export function readGrants(resources: readonly ReferenceGrantResource[]): readonly Grant[] {
  return resources.flatMap(({ namespace, spec }): readonly Grant[] => {
    const from = spec.from.filter(({ group }) => group === 'gateway.networking.k8s.io');
    const to = spec.to.filter(({ group, kind }) => group === '' && kind === 'Service');
    if (from.length === 0 || to.length === 0) return [];
    const names = to.flatMap(({ name }) => name ?? []);
    return [{ from, namespace, services: names.length < to.length ? null : names }];
  });
}

/** Whether a route may send requests to a Service of another namespace. */
export function isGranted(
  grants: readonly Grant[],
  route: { readonly kind: string; readonly namespace: string },
  service: { readonly name: string; readonly namespace: string },
): boolean {
  return grants.some(({ from, namespace, services }) => {
    const isFrom = from.some((one) => one.kind === route.kind && one.namespace === route.namespace);
    return isFrom && namespace === service.namespace && (services?.includes(service.name) ?? true);
  });
}
