import type { Service } from '../mesh/index.ts';
import { nearest, type View } from './view.ts';

/**
 * The other names by which clients of the view may call a service: what DNS search domains would complete (`cart` in
 * its own namespace, `cart.shop`, `cart.shop.svc` everywhere), and the virtual addresses that it is the nearest to have.
 */
export function namesOf(service: Service, view: View): readonly string[] {
  const { shortName, namespace } = service;
  const addresses = service.addresses.filter((address) => {
    return nearest(view, view.claimants.get(address) ?? []) === service;
  });
  if (shortName === null) return addresses;
  const own = namespace === view.proxy.namespace ? [shortName] : [];
  return [...own, `${shortName}.${namespace}.svc`, `${shortName}.${namespace}`, ...addresses];
}
