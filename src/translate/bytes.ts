import { type Origin, policyOf, type Service } from '../mesh/index.ts';
import { tcpProxy } from './http.ts';
import { outboundCluster } from './names.ts';
import { tcpPolicy } from './policies.ts';

/** Bytes as they come to one port of a service, as its policy says. */
export function bytesTo(service: Service, port: number): Bytes {
  const cluster = outboundCluster(port, null, service.host);
  const policy = policyOf(service, null, port);
  return {
    cluster,
    filter: tcpProxy(cluster, tcpPolicy(policy)),
    origins: [service.origin, ...(policy?.origins ?? [])],
  };
}

type Bytes = { readonly cluster: string; readonly filter: object; readonly origins: readonly Origin[] };
