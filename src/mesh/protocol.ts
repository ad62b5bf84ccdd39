import type { ServiceEntryPort } from '../manifests/index.ts';
import type { Port, Protocol } from './types.ts';

const known: Readonly<Record<string, Protocol>> = {
  http: 'http',
  'grpc-web': 'http',
  http2: 'http2',
  grpc: 'http2',
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'tls',
  tcp: 'tcp',
  tls: 'tls',
  https: 'tls',
  mongo: 'tcp',
  mysql: 'tcp',
  redis: 'tcp',
};

/** SMTP, DNS, MySQL and MongoDB: whoever waited for their clients' first bytes would wait for ever. */
const serverFirst = new Set([25, 53, 3306, 27017]);

/**
 * Protocol of a Kubernetes port (Istio, "explicit protocol selection"): `appProtocol`, else the name, up to its first `-`;
 * where neither says, TCP at ports of protocols in which the server speaks first (Istio, "server first protocols").
 */
export function protocolOf({ number, name, appProtocol }: Declared): Protocol {
  const said = (appProtocol ?? name).toLowerCase();
  const declared = said.startsWith('grpc-web') ? 'http' : (known[said] ?? known[said.split('-')[0] ?? '']);
  return declared ?? (serverFirst.has(number) ? 'tcp' : 'undeclared');
}

type Declared = { readonly number: number; readonly name: string; readonly appProtocol: string | undefined };

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
  return { number, name, protocol: protocolOf({ number, name, appProtocol: protocol }) };
}
