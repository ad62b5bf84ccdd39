import { type Origin, policyOf, type Service } from '../mesh/index.ts';
import { tcpProxy } from './http.ts';
import { byServerName, isAsAsked } from './look-up.ts';
import { outboundCluster } from './names.ts';
import { tcpPolicy } from './policies.ts';

/** Bytes as they come to one port of a service, as its policy says. */
export function bytesTo(service: Service, port: number): Bytes {
  const cluster = outboundCluster(port, null, service.host);
  const policy = policyOf(service, null, port);
  const filter = tcpProxy(cluster, tcpPolicy(policy));
  return {
    cluster,
    filters: isAsAsked(service) ? [byServerName(port), filter] : [filter],
    origins: [service.origin, ...(policy?.origins ?? [])],
  };
}

type Bytes = {
  readonly cluster: string;
  readonly filters: readonly object[];
  readonly origins: readonly Origin[];
};
