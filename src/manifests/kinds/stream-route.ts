import type {
  RouteDestination,
  TcpMatch,
  TlsMatch,
  VirtualServiceSpec,
} from '../../generated/schemas/index.ts';
import { isIp } from '../address.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkWeights } from './weights.ts';

/** What a schema cannot say about `spec.tls` and `spec.tcp`. */
export function* checkStreams({ hosts = [], tls = [], tcp = [] }: VirtualServiceSpec): Generator<Finding> {
  for (const [index, { match, route }] of tls.entries()) {
    const path = ['spec', 'tls', index];
    yield* checkStep(match, route, path);
    for (const [at, { sniHosts }] of match.entries()) {
      yield* checkNames(sniHosts, hosts, [...path, 'match', at, 'sniHosts']);
    }
  }
  for (const [index, { match = [], route }] of tcp.entries()) {
    yield* checkStep(match, route, ['spec', 'tcp', index]);
  }
  const last = tcp.findIndex(({ match = [] }) => match.length === 0);
  if (last === -1 || last === tcp.length - 1) return;
  const message = `every connection is taken by spec.tcp[${last}]`;
  yield { code: 'FL2215', message, path: ['spec', 'tcp', last + 1] };
}

function* checkStep(
  match: readonly (TcpMatch | TlsMatch)[],
  route: readonly RouteDestination[],
  path: Path,
): Generator<Finding> {
  yield* checkWeights(route, 'connection', path);
  for (const [index, { destinationSubnets = [] }] of match.entries()) {
    for (const [at, subnet] of destinationSubnets.entries()) {
      const [ip = '', bits] = subnet.split('/');
      if (isIp(ip) && (bits === undefined || Number(bits) <= (ip.includes(':') ? 128 : 32))) continue;
      const inside = [...path, 'match', index, 'destinationSubnets', at];
      yield { code: 'FL2208', message: `${subnet} is no IP address or range`, path: inside };
    }
  }
}

/** Istio: a route can only be for names of the hosts that it is about. */
function* checkNames(names: readonly string[], hosts: readonly string[], path: Path): Generator<Finding> {
  for (const [index, name] of names.entries()) {
    if (hosts.some((host) => isWithin(name, host))) continue;
    const message = `${name} is none of spec.hosts, nor covered by one`;
    yield { code: 'FL2262', message, path: [...path, index] };
  }
}

function isWithin(name: string, host: string): boolean {
  const [inner, outer] = [name.toLowerCase(), host.toLowerCase()];
  if (inner === outer || outer === '*') return true;
  return outer.startsWith('*.') && inner.endsWith(outer.slice(1));
}
