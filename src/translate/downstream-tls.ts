import type { ClientCheck, SecretName, Termination } from '../mesh/index.ts';
import { typed } from './pieces.ts';
import { certificateOf, trusted } from './secrets.ts';
import { tlsParameters } from './tls-parameters.ts';
import type { View } from './view.ts';

/** What a listener speaks to those outside, or why it cannot. */
export type Ending = { readonly socket: object } | { readonly reason: string };

/** What of a view takes part. */
export type Ends = Pick<View, 'proxy' | 'settings'>;

/**
 * The end of TLS at a gateway. Secrets are files of the proxy's machine, laid out as Kubernetes mounts them (`tls.crt`,
 * `tls.key`, `ca.crt`): no private key passes through here.
 */
export function endOfTls(
  { proxy, settings: { tls } }: Ends,
  security: Termination,
  protocols: readonly string[],
): Ending {
  const secrets = secretsOf(security);
  if (secrets.length > 0 && proxy.credentials === null) {
    return { reason: `the proxy announces no folder of credentials, so that it has no ${secrets[0]?.name}` };
  }
  const { minVersion, maxVersion, ciphers, certificates, clients } = security;
  const context = {
    common_tls_context: {
      ...tlsParameters({
        // A default that is above what the server says at most would leave nothing.
        minVersion: minVersion ?? (maxVersion === null ? tls.minVersion : null) ?? '1.2',
        maxVersion,
        ciphers: ciphers.length === 0 ? tls.ciphers : ciphers,
        curves: tls.curves,
      }),
      tls_certificates: certificates.map((certificate) => certificateOf(certificate, proxy)),
      ...(clients === null ? {} : { validation_context: validationOf(clients, proxy) }),
      ...(protocols.length === 0 ? {} : { alpn_protocols: protocols }),
    },
    require_client_certificate: clients?.isRequired ?? false,
  };
  const message = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
  return { socket: { name: 'envoy.transport_sockets.tls', typed_config: typed(message, context) } };
}

function secretsOf({ certificates, clients }: Termination): readonly SecretName[] {
  const authorities = clients === null ? [] : [clients.authorities];
  return [...certificates, ...authorities].filter((source) => source.from === 'secret');
}

const sanTypes = ['DNS', 'URI', 'EMAIL', 'IP_ADDRESS'];

function validationOf(clients: ClientCheck, proxy: View['proxy']): object {
  const { authorities, revoked, names, keyHashes, hashes, takesAny } = clients;
  const sans = names.flatMap((exact) => sanTypes.map((san_type) => ({ san_type, matcher: { exact } })));
  return {
    ...trusted(authorities, proxy),
    ...(revoked === null ? {} : { crl: { filename: revoked } }),
    ...(sans.length === 0 ? {} : { match_typed_subject_alt_names: sans }),
    ...(keyHashes.length === 0 ? {} : { verify_certificate_spki: keyHashes }),
    ...(hashes.length === 0 ? {} : { verify_certificate_hash: hashes }),
    ...(takesAny ? { trust_chain_verification: 'ACCEPT_UNTRUSTED' } : {}),
  };
}
