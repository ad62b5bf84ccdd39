import type { ServiceEntryPort } from '../manifests/index.ts';
import type { Port, Protocol } from './types.ts';

const known: Readonly<Record<string, Protocol>> = {
  http: 'http',
  'grpc-web': 'http',
  http2: 'http2',
  grpc: 'http2',
  'kubernetes.io/h2c': 'http2',
  tcp: 'tcp',
  tls: 'tls',
  https: 'tls',
  mongo: 'tcp',
  mysql: 'tcp',
  redis: 'tcp',
};

/**
 * Protocol of a Kubernetes port (Istio, "explicit protocol selection"): `appProtocol`, else the name up to its first
 * `-`.
 */
export function protocolOf(name: string, appProtocol: string | undefined): Protocol {
  const declared = appProtocol === undefined ? undefined : known[appProtocol.toLowerCase()];
  if (declared !== undefined) return declared;
  const lower = name.toLowerCase();
  if (lower.startsWith('grpc-web')) return 'http';
  return known[lower.split('-')[0] ?? ''] ?? 'undeclared';
}

/** Whether a port may carry HTTP requests. */
export function carriesHttp({ protocol }: Port): boolean {
  return protocol !== 'tcp' && protocol !== 'tls';
}

/** Whether a port may carry what is neither HTTP nor TLS. */
export function carriesBytes({ protocol }: Port): boolean {
  return protocol === 'tcp' || protocol === 'undeclared';
}

/** Port of a service entry: its protocol says it, or else its name. */
export function portOfEntry({ number, name, protocol }: ServiceEntryPort): Port {
  return { number, name, protocol: protocolOf(name, protocol) };
}
