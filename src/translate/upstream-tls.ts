import { isIP } from 'node:net';
import type { ClientSecurity, Protocol, Settings } from '../mesh/index.ts';
import { typed } from './pieces.ts';
import { certificateOf, type Keeper, trusted } from './secrets.ts';
import { tlsParameters } from './tls-parameters.ts';

/** Where Debian, and so Envoy's own image, has those whom the system trusts. */
const systemAuthorities = { from: 'file', file: '/etc/ssl/certs/ca-certificates.crt' } as const;

/** What of a client takes part. */
export type TlsClient = Keeper & Pick<Settings, 'tls'>;

type Trusts = NonNullable<ClientSecurity['trusts']>;

/** The secret that a client needs and its proxy cannot have, because it announces no folder of them; null: nothing. */
export function missingSecret(security: ClientSecurity | null, { credentials }: Keeper): string | null {
  return credentials === null ? secretOf(security) : null;
}

export function secretOf(security: ClientSecurity | null): string | null {
  const sources = [security?.shows, security?.trusts?.authorities];
  return sources.flatMap((source) => (source?.from === 'secret' ? [source.name] : []))[0] ?? null;
}

/** How a cluster's connections are wrapped; empty where nothing is said: plain text. */
export function transport(
  security: ClientSecurity | null,
  proxyProtocol: 'V1' | 'V2' | null,
  protocol: Protocol,
  client: TlsClient,
): object {
  const inner = security === null ? null : encrypted(security, protocol, client);
  if (proxyProtocol === null) return inner === null ? {} : { transport_socket: inner };
  const message = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';
  const config = { config: { version: proxyProtocol }, transport_socket: inner ?? plain };
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.upstream_proxy_protocol',
      typed_config: typed(message, config),
    },
  };
}

const plain = {
  name: 'envoy.transport_sockets.raw_buffer',
  typed_config: typed('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
};

/**
 * What requests say of the server's name, where the policy says nothing (Istio): it is asked for by their host, and has to
 * show that. A policy that names the server, or checks nothing, is taken at its word.
 */
export function namesOfRequests(security: ClientSecurity | null): object {
  if (security === null || security.sni !== null) return {};
  const { trusts } = security;
  return { auto_sni: true, ...(trusts?.names?.length === 0 ? { auto_san_validation: true } : {}) };
}

function encrypted(
  { shows, trusts, sni }: ClientSecurity,
  protocol: Protocol,
  { tls, ...proxy }: TlsClient,
): object {
  const context = {
    common_tls_context: {
      ...tlsParameters(tls),
      ...(shows === null ? {} : { tls_certificates: [certificateOf(shows, proxy)] }),
      ...(trusts === null ? {} : { validation_context: validation(trusts, proxy) }),
      ...(protocol === 'http2' ? { alpn_protocols: ['h2'] } : {}),
    },
    ...(sni === null ? {} : { sni }),
  };
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', context),
  };
}

function validation({ authorities, revoked, names }: Trusts, proxy: Keeper): object {
  const sans = (names ?? []).flatMap((exact) => {
    const types = isIP(exact) === 0 ? ['DNS', 'URI'] : ['IP_ADDRESS'];
    return types.map((san_type) => ({ san_type, matcher: { exact } }));
  });
  return {
    ...trusted(authorities ?? systemAuthorities, proxy),
    ...(revoked === null ? {} : { crl: { filename: revoked } }),
    ...(sans.length === 0 ? {} : { match_typed_subject_alt_names: sans }),
  };
}
