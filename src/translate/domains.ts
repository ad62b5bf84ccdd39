import type { Service } from '../mesh/index.ts';

/**
 * The other names by which clients in `namespace` may call a service: what DNS search domains would complete (`cart`
 * in its own namespace, `cart.shop`, `cart.shop.svc` everywhere), and its virtual addresses.
 */
export function namesOf(
  { shortName, namespace: own, addresses }: Service,
  namespace: string,
): readonly string[] {
  if (shortName === null) return addresses;
  const qualified = [`${shortName}.${own}.svc`, `${shortName}.${own}`];
  return [...(own === namespace ? [shortName] : []), ...qualified, ...addresses];
}
