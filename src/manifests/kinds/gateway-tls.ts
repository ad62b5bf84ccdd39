import type { GatewayServer, GatewayTls } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Where a server's certificate may be said, one of these. */
const sources = ['serverCertificate', 'credentialName', 'credentialNames', 'tlsCertificates'] as const;

/** What is said of clients' certificates. */
const ofClients = [
  'caCertificates',
  'caCertCredentialName',
  'caCrl',
  'subjectAltNames',
  'verifyCertificateSpki',
  'verifyCertificateHash',
  'insecureSkipVerify',
] as const;

const ofSettings = ['minProtocolVersion', 'maxProtocolVersion', 'cipherSuites'] as const;

const versions = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'];

/** How a server ends TLS, or passes it on, fits its protocol, and its fields fit its mode. */
export function* checkTls({ port, tls = {} }: GatewayServer, path: Path): Generator<Finding> {
  const at = [...path, 'tls'];
  const { httpsRedirect, ...settings } = tls;
  if (port.protocol !== 'HTTPS' && port.protocol !== 'TLS') {
    yield* idle(settings, Object.keys(settings), `${port.protocol} is not encrypted`, at);
    if (httpsRedirect === true && (port.protocol === 'TCP' || port.protocol === 'MONGO'))
      yield* idle(tls, ['httpsRedirect'], `${port.protocol} is no HTTP`, at);
    return;
  }
  if (Object.keys(tls).length === 0) {
    yield { code: 'FL2106', message: `tls is missing: ${port.protocol} is encrypted`, path };
    return;
  }
  if (httpsRedirect === true) yield* idle(tls, ['httpsRedirect'], 'who comes here speaks https', at);
  const { mode = 'PASSTHROUGH' } = tls;
  if (mode === 'PASSTHROUGH') {
    const all = [...sources, 'privateKey', ...ofClients, ...ofSettings];
    yield* idle(tls, all, 'PASSTHROUGH leaves TLS to the destination', at);
    return;
  }
  yield* checkCertificate(tls, at);
  if (mode === 'SIMPLE') yield* idle(tls, ofClients, 'SIMPLE asks clients for no certificate', at);
  else yield* checkAuthority(tls, at);
  const { minProtocolVersion = 'TLSV1_2', maxProtocolVersion = 'TLS_AUTO' } = tls;
  const isAuto = minProtocolVersion === 'TLS_AUTO' || maxProtocolVersion === 'TLS_AUTO';
  if (isAuto || versions.indexOf(minProtocolVersion) <= versions.indexOf(maxProtocolVersion)) return;
  const message = `no version is at least ${minProtocolVersion} and at most ${maxProtocolVersion}`;
  const fix = `write ${minProtocolVersion} or a later one`;
  yield { code: 'FL2109', message, path: [...at, 'maxProtocolVersion'], fix };
}

function* idle(tls: GatewayTls, fields: readonly string[], why: string, path: Path): Generator<Finding> {
  for (const field of fields) {
    const value = tls[field as keyof GatewayTls];
    if (value === undefined || value === false) continue;
    yield { code: 'FL2221', message: `${why}: ${field} has no effect`, path: [...path, field], on: 'key' };
  }
}

function* checkCertificate(tls: GatewayTls, path: Path): Generator<Finding> {
  const [first, ...others] = sources.filter((source) => tls[source] !== undefined);
  for (const other of others) {
    const message = `${other} and ${first} exclude each other`;
    yield { code: 'FL2240', message, path: [...path, other], on: 'key' };
  }
  if (first === undefined) {
    const fix = 'add credentialName, or serverCertificate and privateKey';
    yield { code: 'FL2106', message: 'the certificate is missing', path, fix };
  }
  const [has, needs] = [tls.privateKey !== undefined, tls.serverCertificate !== undefined];
  if (needs && !has) yield { code: 'FL2106', message: 'privateKey is missing', path };
  if (has && !needs) yield* idle(tls, ['privateKey'], 'there is no serverCertificate', path);
}

/** A secret may say who signs clients, files have to. */
function* checkAuthority(tls: GatewayTls, path: Path): Generator<Finding> {
  const { caCertificates, caCertCredentialName, credentialName, credentialNames } = tls;
  if (caCertificates !== undefined && caCertCredentialName !== undefined) {
    const message = 'caCertCredentialName and caCertificates exclude each other';
    yield { code: 'FL2240', message, path: [...path, 'caCertCredentialName'], on: 'key' };
  }
  const all = [caCertificates, caCertCredentialName, credentialName, credentialNames];
  if (all.some((value) => value !== undefined)) return;
  const fix = 'add caCertificates or caCertCredentialName';
  yield { code: 'FL2106', message: 'nothing says who signs the certificates of clients', path, fix };
}
