import { isIPv6 } from 'node:net';
import { listenerName } from './names.ts';
import { socketAddress } from './pieces.ts';
import type { Proxy } from './types.ts';

/** A listener's name and addresses: `bind`, or else all of the families that the proxy has, IPv4 first. */
export function listening({ ips }: Proxy, port: number, bind: string | null = null): WildcardListener {
  const families = ips.some((ip) => !isIPv6(ip)) ? ['0.0.0.0'] : [];
  if (ips.some((ip) => isIPv6(ip))) families.push('::');
  const [first = '0.0.0.0', ...others] = bind === null ? families : [bind];
  const additional = others.map((address) => ({ address: socketAddress(address, port) }));
  return {
    name: listenerName(first, port),
    addresses: {
      address: socketAddress(first, port),
      ...(additional.length > 0 ? { additional_addresses: additional } : {}),
    },
  };
}

type WildcardListener = { readonly name: string; readonly addresses: object };
