import type { GatewayTls } from '../manifests/index.ts';
import type {
  Certificate,
  ClientCheck,
  GatewayServer,
  SecretName,
  Termination,
  TlsVersion,
} from './types.ts';

/** What a server of an Istio Gateway carries. */
export function carriedBy(
  protocol: string,
  { mode = 'PASSTHROUGH' }: GatewayTls = {},
): GatewayServer['carries'] {
  if (protocol === 'TCP' || protocol === 'MONGO') return 'bytes';
  if (protocol !== 'HTTPS' && protocol !== 'TLS') return 'requests';
  if (mode === 'PASSTHROUGH') return 'tls';
  return protocol === 'TLS' ? 'bytes' : 'requests';
}

/** How a server of an Istio Gateway ends TLS; null: it does not. */
export function readSecurity(tls: GatewayTls = {}): Termination | null {
  const { mode = 'PASSTHROUGH', minProtocolVersion, maxProtocolVersion, cipherSuites = [] } = tls;
  if (mode === 'PASSTHROUGH') return null;
  return {
    certificates: readCertificates(tls),
    clients: mode === 'SIMPLE' ? null : readClients(tls, mode === 'MUTUAL'),
    minVersion: versions[minProtocolVersion ?? 'TLS_AUTO'],
    maxVersion: versions[maxProtocolVersion ?? 'TLS_AUTO'],
    ciphers: [...new Set(cipherSuites)],
  };
}

const versions = {
  TLS_AUTO: null,
  TLSV1_0: '1.0',
  TLSV1_1: '1.1',
  TLSV1_2: '1.2',
  TLSV1_3: '1.3',
} as const satisfies Record<string, TlsVersion | null>;

function readCertificates(tls: GatewayTls): readonly Certificate[] {
  const { credentialName, credentialNames, tlsCertificates, serverCertificate, privateKey } = tls;
  if (credentialName !== undefined) return [secret(credentialName)];
  if (credentialNames !== undefined) return credentialNames.map(secret);
  const files = tlsCertificates ?? [{ serverCertificate, privateKey }];
  return files.map(({ serverCertificate: chain = '', privateKey: key = '' }) => ({
    from: 'files',
    chain,
    key,
  }));
}

/** It stands in the namespace of the proxy (Istio). */
function secret(name: string): SecretName {
  return { from: 'secret', namespace: null, name };
}

function readClients(tls: GatewayTls, isRequired: boolean): ClientCheck {
  const { caCertificates, caCertCredentialName, credentialName, credentialNames = [], caCrl } = tls;
  const named = caCertCredentialName ?? credentialName ?? credentialNames[0] ?? '';
  return {
    isRequired,
    authorities: caCertificates === undefined ? secret(named) : { from: 'file', file: caCertificates },
    revoked: caCrl ?? null,
    names: tls.subjectAltNames ?? [],
    keyHashes: tls.verifyCertificateSpki ?? [],
    hashes: tls.verifyCertificateHash ?? [],
    takesAny: tls.insecureSkipVerify ?? false,
  };
}
