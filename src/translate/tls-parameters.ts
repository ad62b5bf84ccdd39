import type { TlsDefaults, TlsVersion } from '../mesh/index.ts';

type Parameters = TlsDefaults & { readonly maxVersion?: TlsVersion | null };

/** What both ends of TLS may be told: its versions, and what it may be made of; empty where nothing is. */
export function tlsParameters({ minVersion, maxVersion = null, ciphers, curves }: Parameters): object {
  const tls_params = {
    ...(minVersion === null ? {} : { tls_minimum_protocol_version: versionOf(minVersion) }),
    ...(maxVersion === null ? {} : { tls_maximum_protocol_version: versionOf(maxVersion) }),
    ...(ciphers.length === 0 ? {} : { cipher_suites: ciphers }),
    ...(curves.length === 0 ? {} : { ecdh_curves: curves }),
  };
  return Object.keys(tls_params).length === 0 ? {} : { tls_params };
}

function versionOf(version: TlsVersion): string {
  return `TLSv${version.replace('.', '_')}`;
}
