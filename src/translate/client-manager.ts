import { httpConnectionManager } from './http.ts';
import { lookingUp } from './look-up.ts';
import type { View } from './view.ts';

/**
 * The HTTP connection manager of those who call: applications at their own proxy, and clients of a gateway. A host that ends
 * with a dot is the same host (RFC 1034, 3.1), and goes on without it.
 */
export function clientManager(view: View, statPrefix: string, routes: object, more: object = {}): object {
  const fields = { strip_trailing_host_dot: true, ...more };
  return httpConnectionManager(statPrefix, routes, view.proxy, fields, lookingUp(view));
}
