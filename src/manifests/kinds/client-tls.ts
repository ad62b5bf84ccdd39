import type { ClientTls } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

const ofClient = ['clientCertificate', 'privateKey'] as const;
const ofServer = ['caCertificates', 'caCrl', 'subjectAltNames'] as const;

/** What a schema cannot say about how clients encrypt. */
export function* checkClientTls(tls: ClientTls, path: Path): Generator<Finding> {
  const { mode = 'DISABLE', ...settings } = tls;
  if (mode === 'DISABLE') {
    yield* idle(settings, Object.keys(settings), 'nothing is encrypted with mode DISABLE', path);
    return;
  }
  if (mode === 'SIMPLE' && tls.credentialName === undefined)
    yield* idle(settings, ofClient, 'SIMPLE shows no certificate', path);
  if (tls.credentialName !== undefined)
    yield* idle(settings, [...ofClient, 'caCertificates'], 'credentialName names all three', path);
  for (const field of mode === 'MUTUAL' && tls.credentialName === undefined ? ofClient : []) {
    if (tls[field] === undefined) yield { code: 'FL2106', message: `${field} is missing`, path };
  }
  if (tls.insecureSkipVerify === true)
    yield* idle(settings, ofServer, 'insecureSkipVerify checks nothing', path);
}

function* idle(
  settings: Omit<ClientTls, 'mode'>,
  fields: readonly string[],
  why: string,
  path: Path,
): Generator<Finding> {
  for (const field of fields) {
    if (!Object.hasOwn(settings, field)) continue;
    yield { code: 'FL2221', message: `${field} has no effect: ${why}`, path: [...path, field], on: 'key' };
  }
}
